//! What this cluster's Pods use, from the host's metrics API: read when somebody asks, never at rest.
//!
//! [`host`] the host's words · [`sample`] (pure) in tenant names, own Pods and containers only · [`counters`] (pure)
//! rates become counters that only grow · [`meter`] asks the host, at most every few seconds.
//!
//! **Invariant:** only Pods with this cluster's label and the tenant Pod's UID are seen, of these only containers that
//! the tenant asked for.

pub mod counters;
pub mod host;
pub mod meter;
pub mod sample;

pub use meter::Meter;
pub use sample::{ContainerSample, NodeSample, PodSample, Snapshot};
