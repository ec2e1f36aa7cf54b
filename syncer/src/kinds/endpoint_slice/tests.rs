//! A Service without selector and its slices between two APIs in memory.

use serde_json::{Value, json};
use warren_runtime::store::ObjectKey;
use warren_translate::TenantPolicy;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::endpoint_slice::{MANAGED_BY, SERVICE_NAME};
use warren_translate::name;

use crate::key::{Key, Kind};
use crate::registry;
use crate::settlements::State;
use crate::testing::storage::is_stale;
use crate::testing::{TEAM, World, refill};

const SERVICES: &str = "/api/v1/namespaces/team/services/";
const HOST_SERVICES: &str = "/api/v1/namespaces/wc-ci/services/";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/team/endpointslices/";
const HOST_SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/wc-ci/endpointslices/";
const OWN: &str = "10.244.1.7";
const FOREIGN: &str = "10.88.0.11";

impl World {
    /// The Service `manual`, with a selector or without.
    fn manual(&self, selector: &Value) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": TEAM, "uid": "t-manual" },
            "spec": { "type": "ClusterIP", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"],
                "selector": selector, "ports": [{ "port": 80, "protocol": "TCP" }] },
        });
        self.tenant.put(&format!("{SERVICES}manual"), service);
    }

    fn slice(&self, addresses: &[&str]) {
        let endpoints: Vec<Value> = addresses.iter().map(|ip| json!({ "addresses": [ip] })).collect();
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "namespace": TEAM, "uid": "t-slice", "labels": { SERVICE_NAME: "manual" } },
            "endpoints": endpoints, "ports": [{ "name": "", "port": 8080, "protocol": "TCP" }],
        });
        self.tenant.put(&format!("{SLICES}manual-1"), slice);
    }

    /// The host Pod of `web` has these addresses.
    fn web_has(&self, addresses: &[&str]) {
        let name = self.host_pod_name();
        let ips: Vec<Value> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
        let pod = json!({
            "metadata": { "namespace": "wc-ci", "name": name, "labels": { "warren.dev/cluster": "ci" } },
            "spec": { "nodeName": "node-1" }, "status": { "podIPs": ips },
        });
        let pod = serde_json::from_value(pod).unwrap();
        self.ctx.host.pods.put(ObjectKey::new("wc-ci", name), pod);
    }

    /// The watches catch up, and there is a round of each key, until nothing is written any more.
    async fn services_at_rest(&self) {
        for _ in 0..10 {
            let before = (self.host.version(), self.tenant.version());
            refill(&self.ctx.tenant.services, self.tenant.list(SERVICES));
            refill(&self.ctx.tenant.endpoint_slices, self.tenant.list(SLICES));
            refill(&self.ctx.host.services, self.host.list(HOST_SERVICES));
            refill(&self.ctx.host.endpoint_slices, self.host.list(HOST_SLICES));
            for (kind, name) in [(Kind::EndpointSlice, "manual-1"), (Kind::Service, "manual")] {
                let key = Key::new(kind, TenantKey::new(TEAM, name));
                registry::round(&self.ctx, &key).await.unwrap();
            }
            if before == (self.host.version(), self.tenant.version()) {
                return;
            }
        }
        panic!("never at rest");
    }

    fn on_host(&self) -> Vec<String> {
        let slices = self.host.list(HOST_SLICES);
        let endpoints = slices
            .iter()
            .flat_map(|slice| slice["endpoints"].as_array().unwrap());
        endpoints
            .map(|endpoint| endpoint["addresses"][0].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_slice_follows_its_service_to_the_host_and_goes_with_it() {
    let world = World::new().await;
    world.web_has(&[OWN]);
    world.slice(&[OWN]);
    world.services_at_rest().await;
    assert_eq!(world.host.list(HOST_SLICES), Vec::<Value>::new());
    world.manual(&Value::Null);
    world.services_at_rest().await;
    assert_eq!(world.on_host(), [OWN]);
    let labels = world.host.only(HOST_SLICES).1["metadata"]["labels"].clone();
    let key = TenantKey::new(TEAM, "manual");
    let service = name::host_name(&world.ctx.cluster, name::SERVICE, &key);
    assert_eq!(labels[SERVICE_NAME], service.as_str());
    assert_eq!(labels[MANAGED_BY], "endpointslice.warren.dev");
    world.host.calls();
    world.tenant.calls();
    world.services_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
    assert_eq!(world.tenant.calls(), Vec::<String>::new());
    world.tenant.remove(&format!("{SERVICES}manual"));
    world.services_at_rest().await;
    assert_eq!(world.host.list(HOST_SLICES), Vec::<Value>::new());
}

#[tokio::test]
async fn a_view_in_which_both_are_gone_removes_nothing_that_the_tenant_has() {
    let world = World::new().await;
    world.web_has(&[OWN]);
    world.slice(&[OWN]);
    world.manual(&Value::Null);
    world.services_at_rest().await;
    world.host.writes();
    refill(&world.ctx.tenant.services, Vec::new());
    refill(&world.ctx.tenant.endpoint_slices, Vec::new());
    for (kind, name) in [(Kind::EndpointSlice, "manual-1"), (Kind::Service, "manual")] {
        let key = Key::new(kind, TenantKey::new(TEAM, name));
        assert!(is_stale(&registry::round(&world.ctx, &key).await), "{key}");
    }
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_slice_that_the_tenant_deletes_goes() {
    let world = World::new().await;
    world.web_has(&[OWN]);
    world.slice(&[OWN]);
    world.manual(&Value::Null);
    world.services_at_rest().await;
    world.tenant.remove(&format!("{SLICES}manual-1"));
    world.services_at_rest().await;
    assert_eq!(world.host.list(HOST_SLICES), Vec::<Value>::new());
    assert_eq!(world.host.list(HOST_SERVICES).len(), 1);
}

#[tokio::test]
async fn an_address_of_nobody_is_left_out_with_an_event_until_a_pod_has_it() {
    let world = World::new().await;
    world.manual(&Value::Null);
    world.slice(&[OWN, FOREIGN]);
    world.web_has(&[OWN]);
    world.services_at_rest().await;
    assert_eq!(world.on_host(), [OWN]);
    let note = world.told("AddressNotAllowed").await;
    assert!(note.contains(FOREIGN) && !note.contains(OWN), "{note}");
    world.web_has(&[FOREIGN]);
    world.services_at_rest().await;
    assert_eq!(world.on_host(), [FOREIGN]);
}

#[tokio::test]
async fn a_pod_of_another_cluster_is_nobodys() {
    let world = World::new().await;
    world.manual(&Value::Null);
    world.slice(&[OWN]);
    let pod = json!({
        "metadata": { "namespace": "wc-ci", "name": "x", "labels": { "warren.dev/cluster": "other" } },
        "status": { "podIPs": [{ "ip": OWN }] },
    });
    let pod = serde_json::from_value(pod).unwrap();
    world.ctx.host.pods.put(ObjectKey::new("wc-ci", "x"), pod);
    world.services_at_rest().await;
    assert_eq!(world.on_host(), Vec::<String>::new());
}

#[tokio::test]
async fn ranges_of_the_class_pass() {
    let mut world = World::new().await;
    world.set_policy(TenantPolicy {
        allowed_endpoint_ranges: vec!["192.0.2.0/24".to_owned()],
        ..TenantPolicy::default()
    });
    world.manual(&Value::Null);
    world.slice(&["192.0.2.9", FOREIGN]);
    world.services_at_rest().await;
    assert_eq!(world.on_host(), ["192.0.2.9"]);
}

#[tokio::test]
async fn a_selector_that_comes_takes_the_slices_away_and_one_that_goes_makes_the_host_service_anew() {
    let world = World::new().await;
    world.web_has(&[OWN]);
    world.manual(&Value::Null);
    world.slice(&[OWN]);
    world.services_at_rest().await;
    let before = world.host.only(HOST_SERVICES).1["metadata"]["uid"].clone();
    world.manual(&json!({ "app": "web" }));
    world.services_at_rest().await;
    let service = world.host.only(HOST_SERVICES).1;
    assert_eq!(service["metadata"]["uid"], before);
    assert!(service["spec"]["selector"].is_object(), "{service}");
    assert_eq!(world.host.list(HOST_SLICES), Vec::<Value>::new());
    world.manual(&Value::Null);
    world.services_at_rest().await;
    let service = world.host.only(HOST_SERVICES).1;
    assert_ne!(service["metadata"]["uid"], before);
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.7");
    assert_eq!(world.on_host(), [OWN]);
}

#[tokio::test]
async fn a_service_that_changes_raises_its_slices() {
    let world = World::new().await;
    world.slice(&[OWN]);
    refill(&world.ctx.tenant.endpoint_slices, world.tenant.list(SLICES));
    let service = Key::new(Kind::Service, TenantKey::new(TEAM, "manual"));
    let round = registry::round(&world.ctx, &service).await.unwrap();
    assert_eq!(round.state, State::Absent);
    assert_eq!(world.ctx.queue.depth(), 1);
}
