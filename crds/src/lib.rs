//! The Kubernetes API of Warren: `VirtualCluster`, `VirtualClusterClass` and `HostNameClaim`, group `warren.dev`.
//!
//! Code map: [`virtual_cluster`] the object a tenant's owner writes · [`virtual_cluster_class`] what a
//! platform team offers and the bounds it sets · [`classes`] which of the host's classes tenants see,
//! [`gateways`] which of its Gateways · [`container_defaults`] what containers get that ask for nothing · [`network`] who
//! may reach their Pods · [`scheduling`] who places them, [`scheduler`] how the tenant's own does · [`sync`] what is shared
//! with the host by name · [`host_name_claim`] whose a host name is,
//! [`served_host`] which names meet · [`condition`] helpers that keep `lastTransitionTime` honest · [`keys`] every label,
//! annotation and name that more than one process must agree on · [`quantity`] Kubernetes quantities as numbers.
//!
//! **Invariant:** no I/O. This crate depends on kube's derive only; `cargo xtask tidy` proves it.

pub mod classes;
pub mod condition;
pub mod container_defaults;
pub mod gateways;
pub mod host_name_claim;
pub mod keys;
pub mod network;
pub mod quantity;
mod range;
pub mod registry;
pub mod reserved;
pub mod scheduler;
pub mod scheduling;
pub mod served_host;
pub mod sync;
pub mod virtual_cluster;
pub mod virtual_cluster_class;

pub use host_name_claim::{HostNameClaim, HostNameClaimSpec};
pub use virtual_cluster::{VirtualCluster, VirtualClusterSpec, VirtualClusterStatus};
pub use virtual_cluster_class::{VirtualClusterClass, VirtualClusterClassSpec};

/// The API group of everything that Warren defines.
pub const GROUP: &str = "warren.dev";
/// The version served and stored.
pub const VERSION: &str = "v1alpha1";
