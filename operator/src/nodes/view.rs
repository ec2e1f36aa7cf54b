//! One node as vkubelets get it, and the task that keeps all of them up to date.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_runtime::proto::nodes::HostNode;
use warren_runtime::quantity;
use warren_runtime::requests::{self, Amounts};

use super::devices::Devices;
use super::ledger::{Ledger, Taken};
use super::sources::Sources;
use crate::limits::NODES_COALESCE;

/// One node: its labels, for filtering, and what messages are made of.
#[derive(Debug, PartialEq)]
pub struct View {
    /// Labels of the host node.
    pub labels: BTreeMap<String, String>,
    name: String,
    node_json: Vec<u8>,
    /// Allocatable minus what everybody requests there.
    free: Amounts,
    own: BTreeMap<String, Amounts>,
    awaited: BTreeMap<String, Amounts>,
}

impl View {
    /// For the cluster with Pods in `namespace`, of whose quota so much remains ([`super::quota::remaining`]).
    pub fn message(&self, namespace: &str, remaining: &Amounts) -> HostNode {
        let nothing = Amounts::new();
        HostNode {
            name: self.name.clone(),
            node_json: self.node_json.clone(),
            free: texts(&self.free_for(namespace, remaining)),
            own: texts(self.own.get(namespace).unwrap_or(&nothing)),
        }
    }

    /// What the cluster may take here beside what it has. Pods that are pinned here and wait for their place are counted
    /// in the quota already, and the tenant's scheduler has subtracted them from what it sees of the node.
    pub fn free_for(&self, namespace: &str, remaining: &Amounts) -> Amounts {
        let awaited = self.awaited.get(namespace);
        let free = self.free.iter().map(|(name, free)| {
            let awaited = awaited
                .and_then(|awaited| awaited.get(name))
                .copied()
                .unwrap_or_default();
            let left = remaining
                .get(name)
                .map_or(*free, |left| free.min(&(left + awaited)).to_owned());
            (name.clone(), left.max(0))
        });
        free.collect()
    }
}

fn texts(amounts: &Amounts) -> HashMap<String, String> {
    amounts
        .iter()
        .map(|(name, amount)| (name.clone(), quantity::format(*amount).0))
        .collect()
}

/// All nodes, what namespaces request, and all devices, of one moment. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Views {
    /// By name. A node that did not change keeps its `Arc`: a stream finds changes by comparing pointers.
    pub nodes: Arc<BTreeMap<String, Arc<View>>>,
    /// As [`super::ledger::Sums::namespaces`].
    pub namespaces: Arc<HashMap<String, Amounts>>,
    /// Keeps its `Arc` while neither slices nor claims change. `None` while not both are known: a device that somebody
    /// holds would seem free.
    pub devices: Option<Arc<Devices>>,
}

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
            (name, left.max(0))
        });
    Ok(View {
        labels: node.labels().clone(),
        name: node.name_any(),
        node_json: serde_json::to_vec(&pruned)?,
        free: free.collect(),
        own: taken.own.clone(),
        awaited: taken.awaited.clone(),
    })
}

/// What the watches of Nodes, Pods, slices and claims feed, and streams read.
#[derive(Clone)]
pub struct Board {
    ledger: Arc<Mutex<Ledger>>,
    /// Slices or claims have changed since the devices were put together.
    devices_changed: Arc<AtomicBool>,
    changed: Arc<Notify>,
    views: watch::Sender<Option<Views>>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            ledger: Arc::default(),
            devices_changed: Arc::new(AtomicBool::new(true)),
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

    /// Something else changed that streams depend on: a Node, or what a cluster may have.
    pub fn touch(&self) {
        self.changed.notify_one();
    }

    /// A slice changed, or who holds a device.
    pub fn touch_devices(&self) {
        self.devices_changed.store(true, Ordering::Release);
        self.touch();
    }

    /// The views, and their changes; `None` until everything was seen once.
    pub fn subscribe(&self) -> watch::Receiver<Option<Views>> {
        self.views.subscribe()
    }

    /// Makes views of `sources` until `shutdown`. Call it when the watches of Nodes and Pods are ready: what is free
    /// is not known before.
    pub async fn keep(self, sources: Sources, shutdown: CancellationToken) {
        // An empty list changes nothing, but is what the other waits for.
        let mut known = std::pin::pin!(sources.devices_known());
        let mut is_known = false;
        loop {
            self.refresh(&sources);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.changed.notified() => {}
                () = &mut known, if !is_known => {
                    is_known = true;
                    self.touch_devices();
                }
            }
            // Pods rarely come alone.
            sleep(NODES_COALESCE).await;
        }
    }

    fn refresh(&self, sources: &Sources) {
        let before = self.views.borrow().clone().unwrap_or_default();
        // Before the stores are read: what changes meanwhile is looked at once more.
        let devices = if self.devices_changed.swap(false, Ordering::AcqRel) {
            sources.devices()
        } else {
            before.devices
        };
        let sums = self.ledger.lock().sums().clone();
        let nothing = Taken::default();
        let mut after = BTreeMap::new();
        for node in sources.nodes.all() {
            let name = node.name_any();
            match view(&node, sums.nodes.get(&name).unwrap_or(&nothing)) {
                Ok(view) => {
                    let same = before.nodes.get(&name).filter(|old| ***old == view);
                    let view = same.cloned().unwrap_or_else(|| Arc::new(view));
                    after.insert(name, view);
                }
                Err(error) => tracing::error!(node = name, %error, "node cannot be serialised, skipped"),
            }
        }
        self.views.send_replace(Some(Views {
            nodes: Arc::new(after),
            namespaces: Arc::new(sums.namespaces),
            devices,
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use serde_json::json;
    use tokio::time::timeout;
    use warren_runtime::quantity::ONE;
    use warren_runtime::store::ObjectKey;

    #[tokio::test(start_paused = true)]
    async fn slices_are_shown_once_claims_are_known_and_kept_while_neither_changes() {
        let (sources, board) = (Sources::default(), Board::default());
        let slice = json!({ "metadata": { "name": "s" }, "spec": {
            "driver": "gpu", "pool": { "name": "p", "generation": 1, "resourceSliceCount": 1 }, "allNodes": true,
        } });
        let key = ObjectKey::new("", "s");
        let slice = Arc::new(serde_json::from_value(slice).unwrap());
        sources.slices.replace([(key, slice)].into());
        let mut views = board.subscribe();
        tokio::spawn(board.clone().keep(sources.clone(), CancellationToken::new()));
        let devices = |views: &Option<Views>| views.as_ref().and_then(|views| views.devices.clone());
        views.changed().await.unwrap();
        assert!(
            devices(&views.borrow_and_update()).is_none(),
            "who holds what is not known"
        );
        // An empty list tells of no change.
        sources.claims.replace(HashMap::new());
        let known = {
            let shown = views.wait_for(|views| devices(views).is_some());
            let known = timeout(Duration::from_mins(1), shown).await.unwrap().unwrap();
            devices(&known).unwrap()
        };
        let mut after = async |touch: fn(&Board)| {
            views.mark_unchanged();
            touch(&board);
            views.changed().await.unwrap();
            devices(&views.borrow_and_update()).unwrap()
        };
        assert!(Arc::ptr_eq(&after(Board::touch).await, &known), "a Pod came");
        assert!(!Arc::ptr_eq(&after(Board::touch_devices).await, &known));
    }

    fn amounts<const N: usize>(list: [(&str, i128); N]) -> Amounts {
        list.map(|(name, thousandths)| (name.to_owned(), thousandths * ONE / 1000))
            .into()
    }

    fn example(taken: &Taken) -> View {
        let node = json!({
            "metadata": { "name": "n1" },
            "spec": { "podCIDRs": ["10.244.1.0/24"] },
            "status": { "allocatable": { "cpu": "2", "memory": "1Gi", "pods": "110", "example.com/gpu": "1" } },
        });
        view(&serde_json::from_value(node).unwrap(), taken).unwrap()
    }

    #[test]
    fn free_is_what_is_left_for_every_resource_and_never_negative() {
        let taken = Taken {
            all: amounts([("cpu", 500), ("memory", 2048 << 30), ("pods", 3000)]),
            own: [("wc-a".to_owned(), amounts([("cpu", 250)]))].into(),
            ..Taken::default()
        };
        let view = example(&taken);
        let message = view.message("wc-a", &Amounts::new());
        let free = |name: &str| message.free[name].as_str();
        assert_eq!(message.own["cpu"], "250m");
        assert!(view.message("wc-b", &Amounts::new()).own.is_empty());
        assert_eq!((free("cpu"), free("memory"), free("pods")), ("1500m", "0", "107"));
        assert_eq!(free("example.com/gpu"), "1");
        assert!(
            !String::from_utf8(message.node_json.clone())
                .unwrap()
                .contains("10.244")
        );
    }

    #[test]
    fn no_more_is_free_than_what_remains_of_the_quota() {
        let view = example(&Taken::default());
        let free = view.free_for(
            "wc-a",
            &amounts([("cpu", 1500), ("pods", 200_000), ("example.com/gpu", -1000)]),
        );
        let expected = amounts([
            ("cpu", 1500),
            ("memory", 1000 << 30),
            ("pods", 110_000),
            ("example.com/gpu", 0),
        ]);
        assert_eq!(free, expected);
    }

    #[test]
    fn a_pod_on_its_way_to_the_node_changes_nothing_there() {
        let one = || amounts([("cpu", 1000)]);
        let slice = |taken: &Taken, remaining: i128| {
            let view = example(taken);
            let own = view.own.get("wc-a").map_or(0, |own| own["cpu"]);
            own + view.free_for("wc-a", &amounts([("cpu", remaining)]))["cpu"]
        };
        let awaited = Taken {
            awaited: [("wc-a".to_owned(), one())].into(),
            ..Taken::default()
        };
        let bound = Taken {
            all: one(),
            own: [("wc-a".to_owned(), one())].into(),
            ..Taken::default()
        };
        for (taken, remaining) in [(&Taken::default(), 1500), (&awaited, 500), (&bound, 500)] {
            assert_eq!(slice(taken, remaining), ONE * 3 / 2, "{taken:?}");
        }
    }
}
