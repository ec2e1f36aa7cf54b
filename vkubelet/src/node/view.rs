//! The host's nodes as the operator shows them: a snapshot first, then changes; kept when the stream is down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use parking_lot::RwLock;
use tokio::sync::watch;
use warren_runtime::proto::nodes::node_event::Event;
use warren_runtime::quantity;
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
    ready: Arc<watch::Sender<bool>>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            nodes: Arc::default(),
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

    fn remove(&self, name: &str) {
        self.nodes.write().remove(name);
    }

    /// Marks the snapshot complete; also for tests.
    pub fn set_ready(&self) {
        self.ready.send_replace(true);
    }
}

/// A node that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// More than what is free on it changed (heartbeats not counted).
    pub urgent: bool,
}

/// Why an event could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Node is not JSON, or not a Node.
    #[error("failed to read host node {name}")]
    Node {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Applies the events of one stream to a [`View`]. A new stream starts with a snapshot; nodes that are not in it
/// go at its end, not before.
pub struct Session {
    view: View,
    /// Seen before `Synced`; `None` after it.
    snapshot: Option<BTreeSet<String>>,
}

impl Session {
    /// For a stream that begins now.
    pub fn new(view: View) -> Self {
        Self {
            view,
            snapshot: Some(BTreeSet::new()),
        }
    }

    /// Applies one event; returns the names of the nodes that changed.
    ///
    /// # Errors
    /// [`Error::Node`]: the event is skipped, the node stays as it was (and counts as seen).
    pub fn apply(&mut self, event: Event) -> Result<Vec<Changed>, Error> {
        match event {
            Event::Node(node) => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.insert(node.name.clone());
                }
                let parsed = serde_json::from_slice(&node.node_json).map_err(|source| Error::Node {
                    name: node.name.clone(),
                    source,
                })?;
                let (free, own) = (amounts(node.free), amounts(node.own));
                let name = node.name;
                let urgent = self
                    .view
                    .get(&name)
                    .is_none_or(|before| differs(&before.node, &parsed));
                self.view.put(HostNode {
                    name: name.clone(),
                    node: parsed,
                    free,
                    own,
                });
                Ok(vec![Changed { name, urgent }])
            }
            Event::Removed(name) => {
                self.view.remove(&name);
                Ok(vec![Changed { name, urgent: true }])
            }
            Event::Slice(_) | Event::SliceRemoved(_) => Ok(Vec::new()),
            Event::Synced(_) => {
                let seen = self.snapshot.take().unwrap_or_default();
                let all = self.view.all();
                let gone = all
                    .iter()
                    .map(|node| &node.name)
                    .filter(|name| !seen.contains(*name));
                let gone: Vec<_> = gone
                    .map(|name| Changed {
                        name: name.clone(),
                        urgent: true,
                    })
                    .collect();
                for changed in &gone {
                    self.view.remove(&changed.name);
                }
                self.view.set_ready();
                Ok(gone)
            }
        }
    }
}

fn amounts(texts: HashMap<String, String>) -> Amounts {
    texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, quantity::parse(&Quantity(text))?)))
        .collect()
}

/// Whether two states of a node differ in more than their heartbeats.
fn differs(before: &Node, after: &Node) -> bool {
    let still = |node: &Node| {
        let mut node = node.clone();
        node.metadata.resource_version = None;
        let conditions = node.status.as_mut().and_then(|status| status.conditions.as_mut());
        conditions
            .into_iter()
            .flatten()
            .for_each(|condition| condition.last_heartbeat_time = None);
        node
    };
    still(before) != still(after)
}

#[cfg(test)]
mod tests {
    use warren_runtime::proto::nodes::{HostNode as Wire, Synced};

    use super::*;

    fn node(name: &str) -> Event {
        Event::Node(Wire {
            name: name.to_owned(),
            node_json:
                br#"{"metadata":{},"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}}"#
                    .to_vec(),
            free: [("cpu".to_owned(), "500m".to_owned())].into(),
            own: [("cpu".to_owned(), "1".to_owned())].into(),
        })
    }

    #[test]
    fn a_reconnect_drops_what_is_gone_only_when_its_snapshot_is_complete() {
        let view = View::default();
        let mut first = Session::new(view.clone());
        first.apply(node("a")).unwrap();
        first.apply(node("b")).unwrap();
        assert!(!view.is_ready());
        first.apply(Event::Synced(Synced {})).unwrap();
        assert!(view.is_ready());

        let mut second = Session::new(view.clone());
        assert!(!second.apply(node("b")).unwrap()[0].urgent);
        assert_eq!(view.all().len(), 2);
        let gone = second.apply(Event::Synced(Synced {})).unwrap();
        assert_eq!(
            gone,
            [Changed {
                name: "a".to_owned(),
                urgent: true
            }]
        );
        assert_eq!(view.all().len(), 1);
        let b = view.get("b").unwrap();
        assert_eq!((b.free["cpu"], b.own["cpu"]), (quantity::ONE / 2, quantity::ONE));
        second.apply(Event::Removed("b".to_owned())).unwrap();
        assert!(view.all().is_empty() && view.is_ready());
    }

    #[test]
    fn an_unreadable_node_stays_as_it_was() {
        let view = View::default();
        Session::new(view.clone()).apply(node("a")).unwrap();
        let mut session = Session::new(view.clone());
        let bad = Event::Node(Wire {
            name: "a".to_owned(),
            node_json: b"{".to_vec(),
            ..Wire::default()
        });
        assert!(session.apply(bad).is_err());
        assert!(session.apply(Event::Synced(Synced {})).unwrap().is_empty());
        assert_eq!(view.get("a").unwrap().addresses().len(), 1);
    }
}
