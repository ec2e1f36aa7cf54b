//! The loop over ResourceSlices against a tenant in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use k8s_openapi::api::resource::v1::ResourceSlice;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use warren_crds::keys;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::store::{ObjectKey, Store};
use warren_vkubelet::events::Events;
use warren_vkubelet::node::view::View;
use warren_vkubelet::slices::{self, Slices, Wake};

use super::api::Api;

const ALL: &str = "/apis/resource.k8s.io/v1/resourceslices";
const ONE: &str = "/apis/resource.k8s.io/v1/resourceslices/s";
const NONE: [&str; 0] = [];

struct World {
    tenant: Api,
    slices: Slices,
}

fn slice(devices: &[&str]) -> ResourceSlice {
    let devices: Vec<Value> = devices.iter().map(|name| json!({ "name": name })).collect();
    serde_json::from_value(json!({
        "metadata": { "name": "s" },
        "spec": {
            "driver": "gpu", "pool": { "name": "p", "generation": 1, "resourceSliceCount": 1 }, "nodeName": "n1",
            "devices": devices, "skipNodeOperations": ["*"],
        },
    }))
    .unwrap()
}

impl World {
    fn start() -> Self {
        let tenant = Api::new(Arc::new(AtomicUsize::new(usize::MAX)));
        let (metrics, view) = (Metrics::new(), View::default());
        view.set_ready();
        let (tenant_nodes, tenant_slices) = (Store::default(), Store::default());
        let node = json!({ "metadata": { "name": "n1", "uid": "n-1" } });
        tenant_nodes.put(ObjectKey::new("", "n1"), serde_json::from_value(node).unwrap());
        tenant_slices.replace(HashMap::new());
        let slices = Slices {
            tenant: tenant.client(),
            wake: Wake {
                queue: Queue::new("slices", metrics.clone()),
                view,
            },
            tenant_nodes,
            tenant_slices,
            events: Events::spawn(tenant.client(), "test".to_owned(), metrics.clone()),
            memory: Arc::default(),
            metrics,
        };
        Self { tenant, slices }
    }

    fn show(&self, devices: &[&str]) {
        self.slices.wake.view.put_slice("s".to_owned(), slice(devices));
    }

    /// One round after the watch has come along; what it asked.
    async fn round(&self) -> Vec<String> {
        let key = ObjectKey::new("", "s");
        match self.tenant.get(ONE) {
            Some(object) => {
                let slice = serde_json::from_value(object).unwrap();
                self.slices.tenant_slices.put(key, slice);
            }
            None => drop(self.slices.tenant_slices.remove(&key)),
        }
        self.slices.reconcile("s").await.unwrap();
        self.tenant.asked()
    }

    fn devices(&self) -> Value {
        let slice = self.tenant.get(ONE).unwrap();
        let devices = slice["spec"]["devices"].as_array().unwrap().iter();
        devices.map(|device| device["name"].clone()).collect()
    }
}

#[tokio::test]
async fn a_slice_is_made_follows_comes_back_and_goes() {
    let world = World::start();
    world.show(&["a", "b"]);
    assert_eq!(world.round().await, [format!("POST {ALL}")]);
    assert_eq!(world.round().await, NONE);
    world.show(&["a"]);
    assert_eq!(world.round().await, [format!("PUT {ONE}")]);
    assert_eq!(world.devices(), json!(["a"]));
    assert_eq!(world.round().await, NONE);
    // The tenant changes it, and deletes it.
    world.tenant.change(ONE, |slice| {
        slice["spec"]["devices"] = json!([{ "name": "mine" }]);
    });
    assert_eq!(world.round().await, [format!("PUT {ONE}")]);
    assert_eq!(world.devices(), json!(["a"]));
    world.tenant.remove(ONE);
    assert_eq!(world.round().await, [format!("POST {ALL}")]);
    world.slices.wake.view.remove_slice("s");
    assert_eq!(world.round().await, [format!("DELETE {ONE}")]);
    assert_eq!(world.round().await, NONE);
    assert!(world.tenant.get(ONE).is_none());
}

#[tokio::test]
async fn what_the_tenants_apiserver_drops_is_written_once() {
    let world = World::start();
    world.tenant.forget_spec("skipNodeOperations");
    world.show(&["a"]);
    assert_eq!(world.round().await, [format!("POST {ALL}")]);
    assert_eq!(world.round().await, NONE);
    world.show(&["b"]);
    assert_eq!(world.round().await, [format!("PUT {ONE}")]);
    assert_eq!(world.round().await, NONE);
    assert_eq!(world.devices(), json!(["b"]));
}

#[tokio::test]
async fn a_write_that_comes_too_late_is_left_to_the_next_round() {
    let world = World::start();
    world.show(&["a"]);
    world.round().await;
    world.round().await;
    world.show(&["b"]);
    // Somebody was faster, and the watch has not told yet.
    world
        .tenant
        .change(ONE, |slice| slice["metadata"]["labels"]["x"] = json!("y"));
    world.slices.reconcile("s").await.unwrap();
    assert_eq!(world.devices(), json!(["a"]));
    world.round().await;
    assert_eq!(world.devices(), json!(["b"]));
    assert_eq!(world.tenant.get(ONE).unwrap()["metadata"]["labels"]["x"], "y");
}

#[tokio::test]
async fn a_slice_of_the_tenants_own_stays_and_is_told_of_once() {
    let world = World::start();
    let mut own = serde_json::to_value(slice(&["own"])).unwrap();
    own["metadata"]["uid"] = json!("own");
    world.tenant.put(ONE, own);
    world.show(&["a"]);
    assert_eq!(world.round().await, NONE);
    assert_eq!(world.round().await, NONE);
    world.slices.wake.view.remove_slice("s");
    assert_eq!(world.round().await, NONE);
    assert_eq!(world.devices(), json!(["own"]));
    // In both APIs of Events.
    let events = world.tenant.events(1).await;
    assert!(
        events.iter().all(|event| event.starts_with("HidesOffer: ")),
        "{events:?}"
    );
}

#[tokio::test]
async fn where_the_class_shows_no_devices_what_an_earlier_one_showed_goes() {
    let world = World::start();
    world.show(&["a"]);
    world.round().await;
    let mut own = serde_json::to_value(slice(&["own"])).unwrap();
    own["metadata"]["name"] = json!("own");
    own["metadata"]["uid"] = json!("own");
    // Not Warren's value.
    own["metadata"]["labels"] = json!({ keys::FROM_HOST: "no" });
    world.tenant.put(&format!("{ALL}/own"), own);
    slices::sweep(&world.tenant.client(), &CancellationToken::new()).await;
    assert_eq!(
        world.tenant.asked(),
        [format!("GET {ALL}"), format!("DELETE {ONE}")]
    );
    assert!(world.tenant.get(ONE).is_none() && world.tenant.get(&format!("{ALL}/own")).is_some());
}
