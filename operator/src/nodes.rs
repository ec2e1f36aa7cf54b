//! The host's nodes as tenants may see them, with what is free on them, streamed to every vkubelet (`WatchNodes`).
//!
//! Only the operator watches all Nodes and Pods of the host, once for all tenants; each stream is filtered by the
//! cluster that the client's certificate names.
//!
//! Code map: [`prune`] what is kept of Nodes, Pods and claims · [`ledger`] sums by node and namespace, kept as Pods come and go · [`quota`] what remains to a cluster · [`sources`] what the watches have · [`view`] one
//! node as it is sent, and the task that keeps all of them · [`selector`] which nodes a cluster may see · [`devices`] the
//! ResourceSlices as a cluster may see them · [`server`] the gRPC service.

pub mod devices;
pub mod ledger;
pub mod prune;
pub mod quota;
pub mod selector;
pub mod server;
pub mod sources;
pub mod view;
