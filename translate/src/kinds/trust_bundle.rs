//! ClusterTrustBundle projections: what a Pod asks for, the host ConfigMap that holds it, its content.
//!
//! Bundles live in the tenant only. What a kubelet would write into the Pod's file is written into one host
//! ConfigMap for each ask of a namespace, and the host Pod projects that.

mod ask;
mod bundle;
mod config_map;
mod labels;

pub use ask::{Selection, TrustBundleAsk, needs};
pub use bundle::{TrustBundle, content, may_select};
pub use config_map::{DATA_KEY, MAX_BYTES, config_map, host_name, needs_update};

#[cfg(test)]
mod tests;
