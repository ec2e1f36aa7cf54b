//! The virtual Nodes of one virtual cluster and their Pods.
//!
//! Code map: [`gate`] egress gate of the tenant's kube-apiserver · [`server`] kubelet API and [`metrics_api`]
//! `metrics.k8s.io` inside it, both from [`usage`] · [`node`] virtual Nodes, fed by the operator, and [`slices`] their ResourceSlices · [`pods`] tenant Pods
//! become host Pods, statuses come back · [`args`],
//! [`context`], [`stores`], [`run`] wiring · [`raw_pod`] Pods as the API sent them · [`pump`] byte copies · [`events`],
//! [`metrics`] what the parts share.
//!
//! **Invariant:** gate and kubelet API run on every replica, the loops over Nodes, slices and Pods only under the lease.
//! **Invariant:** every write on the host is to an object with this cluster's label, by UID.

pub mod args;
pub mod context;
pub mod events;
pub mod gate;
pub mod metrics;
pub mod metrics_api;
pub mod node;
pub mod pods;
pub mod pump;
pub mod raw_pod;
pub mod run;
pub mod server;
pub mod slices;
pub mod stores;
pub mod usage;
