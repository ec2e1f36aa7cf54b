//! One node as vkubelets get it, and the task that keeps all of them up to date.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_runtime::proto::nodes::HostNode;
use warren_runtime::quantity;
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::Store;

use super::ledger::{Ledger, Taken};
use crate::limits::NODES_COALESCE;

/// One node: its labels, for filtering, and the message.
#[derive(Debug, PartialEq)]
pub struct View {
    /// Labels of the host node.
    pub labels: BTreeMap<String, String>,
    /// What is sent to all.
    message: HostNode,
    /// What is sent to the cluster whose Pods are in the namespace: what they request there.
    own: BTreeMap<String, HashMap<String, String>>,
}

impl View {
    /// For the cluster with Pods in `namespace`.
    pub fn message(&self, namespace: &str) -> HostNode {
        HostNode {
            own: self.own.get(namespace).cloned().unwrap_or_default(),
            ..self.message.clone()
        }
    }
}

/// All nodes by name. A node that did not change keeps its `Arc`: a stream finds changes by comparing pointers.
pub type Views = Arc<BTreeMap<String, Arc<View>>>;

/// Makes the view of one node.
///
/// # Errors
/// When the Node cannot be serialised.
pub fn view(node: &Node, taken: &Taken) -> Result<View, serde_json::Error> {
    let mut pruned = node.clone();
    // Kept for NetworkPolicies; none of the tenants' business.
    if let Some(spec) = pruned.spec.as_mut() {
        spec.pod_cidrs = None;
    }
    let allocatable = node
        .status
        .as_ref()
        .and_then(|status| status.allocatable.as_ref());
    let free = allocatable
        .map(requests::read)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, amount)| {
            let left = amount - taken.all.get(&name).copied().unwrap_or_default();
            (name, quantity::format(left.max(0)).0)
        });
    let texts = |amounts: &Amounts| {
        let texts = amounts
            .iter()
            .map(|(name, amount)| (name.clone(), quantity::format(*amount).0));
        texts.collect()
    };
    let own = taken
        .own
        .iter()
        .map(|(namespace, amounts)| (namespace.clone(), texts(amounts)));
    Ok(View {
        labels: node.labels().clone(),
        message: HostNode {
            name: node.name_any(),
            node_json: serde_json::to_vec(&pruned)?,
            free: free.collect(),
            own: HashMap::new(),
        },
        own: own.collect(),
    })
}

/// What the watches of Nodes and Pods feed, and streams read.
#[derive(Clone)]
pub struct Board {
    ledger: Arc<Mutex<Ledger>>,
    changed: Arc<Notify>,
    views: watch::Sender<Option<Views>>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            ledger: Arc::default(),
            changed: Arc::default(),
            views: watch::Sender::new(None),
        }
    }
}

impl Board {
    /// Changes the ledger; `change` answers whether something changed.
    pub fn update(&self, change: impl FnOnce(&mut Ledger) -> bool) {
        if change(&mut self.ledger.lock()) {
            self.changed.notify_one();
        }
    }

    /// A Node changed.
    pub fn node_changed(&self) {
        self.changed.notify_one();
    }

    /// The views, and their changes; `None` until everything was seen once.
    pub fn subscribe(&self) -> watch::Receiver<Option<Views>> {
        self.views.subscribe()
    }

    /// Makes views of `nodes` until `shutdown`. Call it when the watches of Nodes and Pods are ready: what is free
    /// is not known before.
    pub async fn keep(self, nodes: Store<Node>, shutdown: CancellationToken) {
        loop {
            self.refresh(&nodes);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.changed.notified() => {}
            }
            // Pods rarely come alone.
            sleep(NODES_COALESCE).await;
        }
    }

    fn refresh(&self, nodes: &Store<Node>) {
        let before = self.views.borrow().clone().unwrap_or_default();
        let mut after = BTreeMap::new();
        for node in nodes.all() {
            let name = node.name_any();
            let taken = self.ledger.lock().taken(&name);
            match view(&node, &taken) {
                Ok(view) => {
                    let same = before.get(&name).filter(|old| ***old == view);
                    let view = same.cloned().unwrap_or_else(|| Arc::new(view));
                    after.insert(name, view);
                }
                Err(error) => tracing::error!(node = name, %error, "node cannot be serialised, skipped"),
            }
        }
        self.views.send_replace(Some(Arc::new(after)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn free_is_what_is_left_for_every_resource_and_never_negative() {
        let node: Node = serde_json::from_value(json!({
            "metadata": { "name": "n1" },
            "spec": { "podCIDRs": ["10.244.1.0/24"] },
            "status": { "allocatable": { "cpu": "2", "memory": "1Gi", "pods": "110", "example.com/gpu": "1" } },
        }))
        .unwrap();
        let taken = [("cpu", 500), ("memory", 2048 << 30), ("pods", 3000)]
            .map(|(name, thousandths): (&str, i128)| (name.to_owned(), thousandths * quantity::ONE / 1000));
        let taken = Taken {
            all: taken.into(),
            own: [("wc-a".to_owned(), [("cpu".to_owned(), quantity::ONE / 4)].into())].into(),
        };
        let view = view(&node, &taken).unwrap();
        let free = |name: &str| view.message.free[name].as_str();
        assert_eq!(view.message("wc-a").own["cpu"], "250m");
        assert_eq!(view.message("wc-b"), view.message);
        assert_eq!((free("cpu"), free("memory"), free("pods")), ("1500m", "0", "107"));
        assert_eq!(free("example.com/gpu"), "1");
        assert!(
            !String::from_utf8(view.message.node_json.clone())
                .unwrap()
                .contains("10.244")
        );
    }
}
