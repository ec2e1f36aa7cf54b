//! The events of one stream, applied to a [`View`]: a snapshot first, then changes.

use std::collections::{BTreeSet, HashMap};

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::proto::nodes::node_event::Event;
use warren_runtime::proto::nodes::{HostNode as WireNode, HostResourceSlice as WireSlice};
use warren_runtime::quantity;
use warren_runtime::requests::Amounts;

use super::view::{HostNode, View};

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A node.
    Node(ChangedNode),
    /// The slice of this name.
    Slice(String),
}

/// A node that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedNode {
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
    /// The same of a ResourceSlice.
    #[error("failed to read host ResourceSlice {name}")]
    Slice {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Applies the events of one stream to a [`View`]. A new stream starts with a snapshot; nodes and slices that are not in it
/// go at its end, not before.
pub struct Session {
    view: View,
    /// Seen before `Synced`; `None` after it.
    snapshot: Option<Snapshot>,
}

/// Names.
#[derive(Default)]
struct Snapshot {
    nodes: BTreeSet<String>,
    slices: BTreeSet<String>,
}

impl Session {
    /// For a stream that begins now.
    pub fn new(view: View) -> Self {
        Self {
            view,
            snapshot: Some(Snapshot::default()),
        }
    }

    /// Applies one event; returns what changed.
    ///
    /// # Errors
    /// [`Error`]: the event is skipped, the node or slice stays as it was (and counts as seen).
    pub fn apply(&mut self, event: Event) -> Result<Vec<Changed>, Error> {
        match event {
            Event::Node(node) => self.node(node).map(|changed| vec![Changed::Node(changed)]),
            Event::Removed(name) => {
                self.view.remove(&name);
                Ok(vec![Changed::Node(ChangedNode { name, urgent: true })])
            }
            Event::Slice(slice) => self.slice(slice).map(|name| vec![Changed::Slice(name)]),
            Event::SliceRemoved(name) => {
                self.view.remove_slice(&name);
                Ok(vec![Changed::Slice(name)])
            }
            Event::Synced(_) => Ok(self.synced()),
        }
    }

    fn node(&mut self, node: WireNode) -> Result<ChangedNode, Error> {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.nodes.insert(node.name.clone());
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
        Ok(ChangedNode { name, urgent })
    }

    fn slice(&mut self, slice: WireSlice) -> Result<String, Error> {
        let WireSlice { name, slice_json } = slice;
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.slices.insert(name.clone());
        }
        match serde_json::from_slice(&slice_json) {
            Ok(slice) => {
                self.view.put_slice(name.clone(), slice);
                Ok(name)
            }
            Err(source) => Err(Error::Slice { name, source }),
        }
    }

    /// Takes away what was not in the snapshot.
    fn synced(&mut self) -> Vec<Changed> {
        let seen = self.snapshot.take().unwrap_or_default();
        let mut gone = Vec::new();
        for node in self.view.all() {
            if !seen.nodes.contains(&node.name) {
                self.view.remove(&node.name);
                gone.push(Changed::Node(ChangedNode {
                    name: node.name.clone(),
                    urgent: true,
                }));
            }
        }
        for name in self.view.slice_names(|_| true) {
            if !seen.slices.contains(&name) {
                self.view.remove_slice(&name);
                gone.push(Changed::Slice(name));
            }
        }
        self.view.set_ready();
        gone
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
    use warren_runtime::proto::nodes::Synced;

    use super::*;

    fn node(name: &str) -> Event {
        Event::Node(WireNode {
            name: name.to_owned(),
            node_json:
                br#"{"metadata":{},"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}}"#
                    .to_vec(),
            free: [("cpu".to_owned(), "500m".to_owned())].into(),
            own: [("cpu".to_owned(), "1".to_owned())].into(),
        })
    }

    fn changed(name: &str, urgent: bool) -> Changed {
        let name = name.to_owned();
        Changed::Node(ChangedNode { name, urgent })
    }

    fn slice(name: &str, json: &str) -> Event {
        Event::Slice(WireSlice {
            name: name.to_owned(),
            slice_json: json.as_bytes().to_vec(),
        })
    }

    const SLICE: &str = r#"{"metadata":{"name":"s"},
        "spec":{"driver":"d","pool":{"name":"p","generation":1,"resourceSliceCount":1},"allNodes":true}}"#;

    #[test]
    fn slices_come_and_go_as_nodes_do() {
        let view = View::default();
        let mut first = Session::new(view.clone());
        for name in ["a", "b"] {
            let told = first.apply(slice(name, SLICE)).unwrap();
            assert_eq!(told, [Changed::Slice(name.to_owned())]);
        }
        first.apply(Event::Synced(Synced {})).unwrap();

        let mut second = Session::new(view.clone());
        // Unreadable, and so as it was.
        assert!(second.apply(slice("b", "{")).is_err());
        assert_eq!(view.slice_names(|_| true), ["a", "b"], "a may still come");
        let gone = second.apply(Event::Synced(Synced {})).unwrap();
        assert_eq!(gone, [Changed::Slice("a".to_owned())]);
        assert_eq!(view.slice("b").unwrap().spec.driver, "d");
        let gone = second.apply(Event::SliceRemoved("b".to_owned())).unwrap();
        assert_eq!(gone, [Changed::Slice("b".to_owned())]);
        assert!(view.slice("b").is_none());
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
        assert_eq!(second.apply(node("b")).unwrap(), [changed("b", false)]);
        assert_eq!(view.all().len(), 2);
        let gone = second.apply(Event::Synced(Synced {})).unwrap();
        assert_eq!(gone, [changed("a", true)]);
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
        let bad = Event::Node(WireNode {
            name: "a".to_owned(),
            node_json: b"{".to_vec(),
            ..WireNode::default()
        });
        assert!(session.apply(bad).is_err());
        assert!(session.apply(Event::Synced(Synced {})).unwrap().is_empty());
        assert_eq!(view.get("a").unwrap().addresses().len(), 1);
    }
}
