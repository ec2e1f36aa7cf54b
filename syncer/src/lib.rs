//! The syncer: every kind but Pod and Node of one virtual cluster, between its tenant and the host.
//!
//! Code map: [`run`] starts and stops everything · [`stores`] the watches of both clusters · [`references`] which
//! ConfigMaps, Secrets and tokens the tenant's Pods name · [`engine`] queue → [`registry`] → one round of a
//! [`kinds`] file (observe → [`plan`] → [`perform`]) → record · [`settlements`] who waits for a key · [`api`]
//! the gRPC service that the vkubelet calls before it creates a host Pod · [`flip`] changes the address of a
//! tenant Service without changing its UID · [`events`] the host's Events about Pods and claims, up ·
//! [`certificates`], [`certificate_key`] what a kubelet does for pod certificates · [`sweep`] the full pass · [`unsynced`]
//! what cannot be synced.
//!
//! Storage: the syncer is the tenant's volume binder. `kinds::storage_class` brings classes up, `kinds::claim` claims
//! down and binds them, `kinds::volume` the volumes of bound claims up; each writes only its own kind.
//!
//! Services without selector: `kinds::endpoint_slice` brings the tenant's own slices down; [`host_pod`] has the addresses
//! that they may name, [`named_addresses`] says which slices to look at when a Pod gets or loses one.
//!
//! What is shared by name (`spec.sync`): `kinds::mapped` and `kinds::imported_service` bring what `stores::mapped` has of
//! the host's namespaces up, `kinds::exported_service` Services to the VirtualCluster's, `kinds::definition` and
//! `kinds::custom` registered kinds; [`custom_references`] says what these name.
//! The Gateway API ([`gateway_api`]) is kept as registered kinds are: `kinds::route` brings routes down, `kinds::gateway`
//! shows the Gateways that they may attach to.
//! NetworkPolicies go down one by one, but what one says on the host depends on more than it: on the operator's open
//! policies, the labels of namespaces (`stores::network_policies`) and the addresses of Pods ([`named_ranges`]).
//!
//! **Invariants:** every write on the host is to an object with this cluster's label, and carries its UID · nothing
//! is deleted on the host before every store is complete, nor from a tenant whose identity is not the recorded
//! one · a converged cluster gets no writes and no reads but the watches.

pub mod api;
pub mod args;
pub mod certificate_key;
pub mod certificates;
pub mod context;
pub mod custom_references;
pub mod engine;
pub mod error;
pub mod events;
pub mod flip;
pub mod gateway_api;
pub mod host_names;
pub mod host_pod;
pub mod key;
pub mod kinds;
pub mod metrics;
pub mod named_addresses;
pub mod named_ranges;
pub mod perform;
pub mod plan;
pub mod references;
pub mod registry;
pub mod run;
pub mod settlements;
pub mod stores;
pub mod sweep;
pub mod teller;
pub mod tenant_pod;
#[cfg(test)]
mod testing;
pub mod tokens;
pub mod unsynced;
pub mod verified;
