//! ResourceSlices of the tenant, one to one with those that the operator shows: what its scheduler allocates devices from.
//!
//! [`plan`] (pure) says what to do about one · [`mod@write`] the loop that does it · [`sweep`] takes them away where the class
//! shows none. What the operator shows is in [`crate::node::view`].
//!
//! **Invariant:** only slices with Warren's label are written, and only under the lease.

pub mod plan;
mod sweep;
pub mod write;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::resource::v1::ResourceSlice;
use warren_runtime::queue::Queue;
use warren_runtime::watch::Change;

use crate::node::view::View;

pub use sweep::sweep;
pub use write::Slices;

/// Name of the loop in metrics and logs.
pub const CONTROLLER: &str = "slices";

/// Who has to look at what. Cheap to clone.
#[derive(Clone)]
pub struct Wake {
    /// Slices to look at, by name.
    pub queue: Queue<String>,
    /// What the operator shows.
    pub view: View,
}

impl Wake {
    /// A Node of the tenant's that came, went or is another now has other slices: they belong to it.
    pub fn on_node(&self, change: &Change<Node>) {
        let uid = |node: &Option<Arc<Node>>| node.as_ref().and_then(|node| node.metadata.uid.clone());
        if uid(&change.old) == uid(&change.new) {
            return;
        }
        let node = Some(change.key.name.as_str());
        let of_node = |slice: &ResourceSlice| slice.spec.node_name.as_deref() == node;
        for name in self.view.slice_names(of_node) {
            self.queue.add(name);
        }
    }
}
