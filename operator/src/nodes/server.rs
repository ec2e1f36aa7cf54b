//! gRPC: `WatchNodes`: the nodes and slices of the cluster that the client's certificate names, then their changes.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use warren_crds::{VirtualCluster, VirtualClusterClass, classes};
use warren_runtime::proto::nodes::node_event::Event;
use warren_runtime::proto::nodes::nodes_server::Nodes;
use warren_runtime::proto::nodes::{NodeEvent, Synced, WatchNodesRequest};
use warren_runtime::requests::Amounts;
use warren_runtime::store::Store;
use warren_runtime::tls;

use super::devices::sent::{self, Basis};
use super::view::{Board, View, Views};
use super::{quota, selector};
use crate::limits::NODES_BUFFER;
use crate::virtual_cluster::validate;

/// The service.
pub struct Server {
    /// The nodes.
    pub board: Board,
    /// To find the cluster that asks.
    pub clusters: Store<VirtualCluster>,
    /// To find its class.
    pub classes: Store<VirtualClusterClass>,
}

#[tonic::async_trait]
impl Nodes for Server {
    type WatchNodesStream = Pin<Box<dyn Stream<Item = Result<NodeEvent, Status>> + Send>>;

    async fn watch_nodes(
        &self,
        request: Request<WatchNodesRequest>,
    ) -> Result<Response<Self::WatchNodesStream>, Status> {
        let id = cluster_id(&request)?;
        let filter = Filter {
            id,
            clusters: self.clusters.clone(),
            classes: self.classes.clone(),
        };
        // Known clusters only; "not now" rather than "no": the watch of a restarted operator may not have it yet.
        filter
            .scope()
            .ok_or_else(|| Status::unavailable("this cluster or its class is not known yet"))?;
        let (sender, receiver) = mpsc::channel(NODES_BUFFER);
        tokio::spawn(feed(self.board.subscribe(), filter, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// The common name of the client's certificate, which the operator's own CA signed.
fn cluster_id(request: &Request<WatchNodesRequest>) -> Result<String, Status> {
    let certificates = request.peer_certs();
    let leaf = certificates.as_ref().and_then(|chain| chain.first());
    leaf.and_then(tls::common_name)
        .ok_or_else(|| Status::unauthenticated("no client certificate"))
}

struct Filter {
    id: String,
    clusters: Store<VirtualCluster>,
    classes: Store<VirtualClusterClass>,
}

/// What one cluster gets.
struct Scope {
    /// Labels of the nodes that it may see.
    selector: BTreeMap<String, String>,
    /// Where its Pods are.
    workloads: String,
    /// What they may request in all.
    quota: BTreeMap<String, Quantity>,
    /// Whose devices it sees.
    devices: classes::Devices,
}

impl Filter {
    /// Read again for every change: clusters and classes may be edited.
    fn scope(&self) -> Option<Scope> {
        let of_this = |cluster: &VirtualCluster| {
            cluster
                .status
                .as_ref()
                .and_then(|status| status.cluster_id.as_deref())
                == Some(&self.id)
        };
        let cluster = self.clusters.filter(|cluster| of_this(cluster)).pop()?;
        let classes: Vec<_> = self.classes.all().iter().map(|class| (**class).clone()).collect();
        let (_name, class) = validate::class::find(&cluster, &classes).ok()?;
        let namespaces = cluster
            .status
            .as_ref()
            .and_then(|status| status.namespaces.clone());
        Some(Scope {
            selector: selector::merged(class, &cluster),
            workloads: namespaces.unwrap_or_default().workloads,
            // Of a spec that is refused nothing is applied: what the class allows is the best guess at what the host has.
            quota: validate::quota::effective(&class.quota, &cluster.spec.quota)
                .unwrap_or_else(|_refused| class.quota.clone()),
            devices: class.classes.device.clone(),
        })
    }
}

/// Sends a snapshot, `synced`, and changes, until the client goes away.
async fn feed(
    mut views: watch::Receiver<Option<Views>>,
    filter: Filter,
    sender: mpsc::Sender<Result<NodeEvent, Status>>,
) {
    let mut sent = Sent::default();
    let mut synced = false;
    loop {
        let current = views.borrow_and_update().clone();
        if let Some(current) = current
            && let Some(scope) = filter.scope()
        {
            let mut events = sent.difference(&current, &scope);
            if !synced {
                synced = true;
                events.push(Event::Synced(Synced {}));
            }
            for event in events {
                // A slow client holds up its own stream only; it misses no state, since the next round compares anew.
                if sender.send(Ok(NodeEvent { event: Some(event) })).await.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            changed = views.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

/// What a client has.
#[derive(Default)]
struct Sent {
    nodes: BTreeMap<String, Arc<View>>,
    /// What remained of the quota when they were sent.
    remaining: Amounts,
    slices: sent::Sent,
}

impl Sent {
    /// What to send so that the client has `current`, filtered; `self` is brought up to date.
    fn difference(&mut self, current: &Views, scope: &Scope) -> Vec<Event> {
        let nothing = Amounts::new();
        let counted = current.namespaces.get(&scope.workloads).unwrap_or(&nothing);
        let remaining = quota::remaining(&scope.quota, counted);
        let visible: BTreeMap<String, Arc<View>> = current
            .nodes
            .iter()
            .filter(|(_, view)| selector::matches(&scope.selector, &view.labels))
            .map(|(name, view)| (name.clone(), Arc::clone(view)))
            .collect();
        let is_same = |name: &String, view: &Arc<View>| {
            self.nodes.get(name).is_some_and(|old| {
                // Where the quota is not what is short, another remainder is no news.
                Arc::ptr_eq(old, view)
                    && (self.remaining == remaining
                        || view.free_for(&scope.workloads, &self.remaining)
                            == view.free_for(&scope.workloads, &remaining))
            })
        };
        let changed = visible.iter().filter(|(name, view)| !is_same(name, view));
        let mut events: Vec<Event> = changed
            .map(|(_, view)| Event::Node(view.message(&scope.workloads, &remaining)))
            .collect();
        let gone = self.nodes.keys().filter(|name| !visible.contains_key(*name));
        events.extend(gone.cloned().map(Event::Removed));
        events.extend(self.slices.difference(&Basis {
            devices: current.devices.clone(),
            nodes: if scope.devices.drivers.is_empty() {
                BTreeSet::new()
            } else {
                visible.keys().cloned().collect()
            },
            offer: scope.devices.clone(),
            workloads: scope.workloads.clone(),
        }));
        self.nodes = visible;
        self.remaining = remaining;
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::devices::Devices;
    use crate::nodes::ledger::Taken;
    use crate::nodes::view::view;
    use serde_json::json;
    use warren_runtime::quantity::ONE;

    fn node(name: &str, pool: &str, cpu: &str) -> (String, Arc<View>) {
        let node = json!({
            "metadata": { "name": name, "labels": { "pool": pool } }, "status": { "allocatable": { "cpu": cpu } },
        });
        let taken = Taken {
            own: [("wc-a".to_owned(), [("cpu".to_owned(), ONE)].into())].into(),
            ..Taken::default()
        };
        let view = view(&serde_json::from_value(node).unwrap(), &taken).unwrap();
        (name.to_owned(), Arc::new(view))
    }

    fn shared(workloads: &str) -> Scope {
        Scope {
            selector: [("pool".to_owned(), "shared".to_owned())].into(),
            workloads: workloads.to_owned(),
            quota: BTreeMap::new(),
            devices: classes::Devices::default(),
        }
    }

    fn views(nodes: &BTreeMap<String, Arc<View>>, counted: i128) -> Views {
        let counted: Amounts = [("cpu".to_owned(), counted * ONE)].into();
        Views {
            nodes: Arc::new(nodes.clone()),
            namespaces: Arc::new([("wc-a".to_owned(), counted)].into()),
            devices: None,
        }
    }

    fn names(events: &[Event]) -> Vec<String> {
        events
            .iter()
            .map(|event| match event {
                Event::Node(node) => format!("{} {}", node.name, node.free["cpu"]),
                Event::Removed(name) => format!("-{name}"),
                Event::Synced(_) => "synced".to_owned(),
                Event::Slice(slice) => format!("slice {}", slice.name),
                Event::SliceRemoved(name) => format!("-slice {name}"),
            })
            .collect()
    }

    #[test]
    fn only_visible_nodes_and_only_their_changes_are_sent() {
        let shared = shared("wc-a");
        let mut sent = Sent::default();
        let mut current: BTreeMap<_, _> = [
            node("a", "shared", "1"),
            node("b", "other", "1"),
            node("c", "shared", "1"),
        ]
        .into();
        assert_eq!(
            names(&sent.difference(&views(&current, 1), &shared)),
            ["a 1", "c 1"]
        );
        assert!(sent.difference(&views(&current, 1), &shared).is_empty());
        current.extend([node("c", "shared", "2"), node("a", "other", "1")]);
        assert_eq!(
            names(&sent.difference(&views(&current, 1), &shared)),
            ["c 2", "-a"]
        );
    }

    #[test]
    fn a_quota_that_changes_or_fills_up_is_told_where_it_is_what_is_short() {
        let quota = |cpu: &str| Scope {
            quota: [("requests.cpu".to_owned(), Quantity(cpu.to_owned()))].into(),
            ..shared("wc-a")
        };
        let current: BTreeMap<_, _> = [node("a", "shared", "1"), node("b", "shared", "8")].into();
        let mut sent = Sent::default();
        let mut told =
            |counted: i128, cpu: &str| names(&sent.difference(&views(&current, counted), &quota(cpu)));
        assert_eq!(told(1, "10"), ["a 1", "b 8"]);
        // Eight remain, and eight are free.
        assert!(told(2, "10").is_empty());
        assert_eq!(told(4, "10"), ["b 6"]);
        assert_eq!(told(4, "4"), ["a 0", "b 0"]);
        assert_eq!(told(4, "20"), ["a 1", "b 8"]);
    }

    #[test]
    fn slices_come_after_their_nodes_and_go_with_them() {
        let slice = json!({ "metadata": { "name": "s" }, "spec": {
            "driver": "gpu", "pool": { "name": "p", "generation": 1, "resourceSliceCount": 1 }, "nodeName": "a",
        } });
        let slice = Arc::new(serde_json::from_value(slice).unwrap());
        let mut current = views(&[node("a", "shared", "1")].into(), 1);
        current.devices = Some(Arc::new(Devices::of([slice], [])));
        let shows = |pool: &str| Scope {
            selector: [("pool".to_owned(), pool.to_owned())].into(),
            devices: classes::Devices {
                names: Vec::new(),
                drivers: vec!["gpu".to_owned()],
            },
            ..shared("wc-a")
        };
        let mut sent = Sent::default();
        let mut told = |scope: &Scope| names(&sent.difference(&current, scope));
        assert_eq!(told(&shared("wc-a")), ["a 1"]);
        assert_eq!(told(&shows("shared")), ["slice s"]);
        assert!(told(&shows("shared")).is_empty());
        assert_eq!(told(&shows("other")), ["-a", "-slice s"]);
        assert_eq!(told(&shows("shared")), ["a 1", "slice s"]);
    }

    #[test]
    fn a_cluster_is_told_what_its_own_pods_take_and_not_what_others_do() {
        let current: BTreeMap<_, _> = [node("a", "shared", "1")].into();
        let own = |workloads: &str| {
            let events = Sent::default().difference(&views(&current, 1), &shared(workloads));
            let [Event::Node(node)] = events.as_slice() else {
                panic!("{events:?}")
            };
            node.own.clone()
        };
        assert_eq!(own("wc-a")["cpu"], "1");
        assert!(own("wc-b").is_empty());
        // Not chosen yet.
        assert!(own("").is_empty());
    }
}
