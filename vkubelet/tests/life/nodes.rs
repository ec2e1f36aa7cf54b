//! The loop over Nodes against a tenant in memory: which news it writes, and which wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use warren_runtime::clock::Clock;
use warren_runtime::metrics::Metrics;
use warren_runtime::quantity::ONE;
use warren_runtime::queue::{Outcome, Queue};
use warren_runtime::store::{ObjectKey, Store};
use warren_vkubelet::node::slight::{PATIENCE, Waiting};
use warren_vkubelet::node::view::{HostNode, View};
use warren_vkubelet::node::write::Nodes;

use super::api::Api;

const NODE: &str = "/api/v1/nodes/n1";
const NONE: [&str; 0] = [];

/// Stands still unless it is moved.
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

struct World {
    tenant: Api,
    nodes: Nodes,
    clock: Arc<Hand>,
}

impl World {
    /// With a Node that shows 40 processors, and is as it should be.
    async fn start() -> Self {
        let tenant = Api::new(Arc::new(AtomicUsize::new(usize::MAX)));
        let clock = Arc::new(Hand(Mutex::new(Timestamp::UNIX_EPOCH)));
        let (metrics, view) = (Metrics::new(), View::default());
        view.set_ready();
        let (tenant_nodes, host_pods, tenant_pods) = (Store::default(), Store::default(), Store::default());
        tenant_nodes.replace(HashMap::new());
        host_pods.replace(HashMap::new());
        tenant_pods.replace(HashMap::new());
        let nodes = Nodes {
            tenant: tenant.client(),
            view,
            tenant_nodes,
            host_pods,
            tenant_pods,
            queue: Queue::new("nodes", metrics.clone()),
            metrics,
            clock: clock.clone(),
            waiting: Waiting::default(),
        };
        let world = Self { tenant, nodes, clock };
        world.free(40);
        world.round().await;
        // As a kube-apiserver keeps it, status and all.
        let shown = json!({ "allocatable": { "cpu": "40" }, "capacity": { "cpu": "64" } });
        world.tenant.change(NODE, |node| node["status"] = shown);
        while !world.round().await.1.is_empty() {}
        world
    }

    /// So many processors are free on the host.
    fn free(&self, cpu: i128) {
        let node = json!({ "status": { "allocatable": { "cpu": "64" }, "capacity": { "cpu": "64" } } });
        self.nodes.view.put(HostNode {
            name: "n1".to_owned(),
            node: serde_json::from_value(node).unwrap(),
            free: [("cpu".to_owned(), cpu * ONE)].into(),
            ..HostNode::default()
        });
    }

    fn wait(&self, time: Duration) {
        let mut now = self.clock.0.lock();
        *now = now.checked_add(time).unwrap();
    }

    /// One round after the watch has come along, and what it wrote of the Node.
    async fn round(&self) -> (Outcome, Vec<String>) {
        self.watch_comes_along();
        let outcome = self.nodes.round("n1").await;
        (outcome, self.asked())
    }

    fn watch_comes_along(&self) {
        if let Some(node) = self.tenant.get(NODE) {
            let node = serde_json::from_value(node).unwrap();
            self.nodes.tenant_nodes.put(ObjectKey::new("", "n1"), node);
        }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.tenant.asked();
        asked.retain(|request| !request.contains("/leases"));
        asked
    }

    fn shows(&self) -> String {
        let node = self.tenant.get(NODE).unwrap();
        node["status"]["allocatable"]["cpu"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn slight_news_wait_and_others_do_not() {
    let world = World::start().await;
    world.free(39);
    let (outcome, asked) = world.round().await;
    assert_eq!(outcome, Outcome::After(PATIENCE));
    assert_eq!(asked, NONE);
    world.wait(PATIENCE / 2);
    world.free(38);
    let (outcome, asked) = world.round().await;
    assert_eq!(outcome, Outcome::After(PATIENCE / 2));
    assert_eq!(asked, NONE);
    world.wait(PATIENCE / 2);
    assert_eq!(world.round().await.1, [format!("PATCH {NODE}/status")]);
    assert_eq!(world.shows(), "38");
    // More than a tenth.
    world.free(30);
    assert_eq!(world.round().await.1, [format!("PATCH {NODE}/status")]);
    assert_eq!(world.shows(), "30");
    assert_eq!(world.round().await.1, NONE);
}

#[tokio::test]
async fn a_pod_that_was_refused_does_not_wait_for_slight_news() {
    let world = World::start().await;
    world.free(39);
    world.watch_comes_along();
    world.nodes.reconcile("n1").await.unwrap();
    assert_eq!(world.asked(), [format!("PATCH {NODE}/status")]);
    assert_eq!(world.shows(), "39");
}
