//! The host's nodes and ResourceSlices as the operator shows them; kept when the stream is down.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::resource::v1::ResourceSlice;
use parking_lot::RwLock;
use tokio::sync::watch;
use warren_runtime::requests::Amounts;

/// One host node.
#[derive(Clone, Debug, Default)]
pub struct HostNode {
    /// Name, the same on both sides.
    pub name: String,
    /// The pruned Node.
    pub node: Node,
    /// Allocatable minus everybody's requests there.
    pub free: Amounts,
    /// What this cluster's Pods request there, as `free` knows them.
    pub own: Amounts,
}

impl HostNode {
    /// The addresses of type `InternalIP`.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let all = self
            .node
            .status
            .as_ref()
            .and_then(|status| status.addresses.as_ref());
        let internal = all
            .into_iter()
            .flatten()
            .filter(|address| address.type_ == "InternalIP");
        internal
            .filter_map(|address| address.address.parse().ok())
            .collect()
    }

    /// Whether its kubelet does not answer any more.
    pub fn is_lost(&self) -> bool {
        let conditions = self
            .node
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_ref());
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "Unknown")
    }

    /// The address of type `Hostname`, else its name.
    pub fn hostname(&self) -> &str {
        let all = self
            .node
            .status
            .as_ref()
            .and_then(|status| status.addresses.as_ref());
        let named = all
            .into_iter()
            .flatten()
            .find(|address| address.type_ == "Hostname");
        named.map_or(&self.name, |address| &address.address)
    }
}

/// What the operator shows. Cheap to clone; all clones see the same.
#[derive(Clone)]
pub struct View {
    nodes: Arc<RwLock<BTreeMap<String, Arc<HostNode>>>>,
    slices: Arc<RwLock<BTreeMap<String, Arc<ResourceSlice>>>>,
    ready: Arc<watch::Sender<bool>>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            nodes: Arc::default(),
            slices: Arc::default(),
            ready: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl View {
    /// Whether one complete snapshot was received.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits for one complete snapshot.
    pub async fn wait_until_ready(&self) {
        let mut ready = self.ready.subscribe();
        let _cannot_be_closed = ready.wait_for(|ready| *ready).await;
    }

    /// One node.
    pub fn get(&self, name: &str) -> Option<Arc<HostNode>> {
        self.nodes.read().get(name).cloned()
    }

    /// All nodes, by name.
    pub fn all(&self) -> Vec<Arc<HostNode>> {
        self.nodes.read().values().cloned().collect()
    }

    /// Puts a node; also for tests.
    pub fn put(&self, node: HostNode) {
        self.nodes.write().insert(node.name.clone(), Arc::new(node));
    }

    pub(super) fn remove(&self, name: &str) {
        self.nodes.write().remove(name);
    }

    /// One slice.
    pub fn slice(&self, name: &str) -> Option<Arc<ResourceSlice>> {
        self.slices.read().get(name).cloned()
    }

    /// Names of all slices for which `wanted` is true.
    pub fn slice_names(&self, wanted: impl Fn(&ResourceSlice) -> bool) -> Vec<String> {
        let slices = self.slices.read();
        let wanted = slices.iter().filter(|(_, slice)| wanted(slice));
        wanted.map(|(name, _)| name.clone()).collect()
    }

    /// Puts a slice; also for tests.
    pub fn put_slice(&self, name: String, slice: ResourceSlice) {
        self.slices.write().insert(name, Arc::new(slice));
    }

    /// Takes a slice away; also for tests.
    pub fn remove_slice(&self, name: &str) {
        self.slices.write().remove(name);
    }

    /// Marks the snapshot complete; also for tests.
    pub fn set_ready(&self) {
        self.ready.send_replace(true);
    }
}
