//! A Service of the host in the tenant, between two APIs in memory.

use std::sync::Arc;

use serde_json::{Value, json};
use warren_runtime::store::Store;
use warren_translate::identity::TenantKey;

use crate::key::{Key, Kind};
use crate::registry;
use crate::stores::mapped::Services;
use crate::stores::shared;
use crate::testing::{TEAM, World, refill};

const HOST: &str = "/api/v1/namespaces/shared/services/db";
const TENANT: &str = "/api/v1/namespaces/team/services/db";
const SLICE: &str = "/apis/discovery.k8s.io/v1/namespaces/team/endpointslices/db";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/wc-ci/networkpolicies/";

fn key(kind: Kind) -> Key {
    Key::new(kind, TenantKey::new(TEAM, "db"))
}

impl World {
    async fn with_imports(maps: &Value) -> Self {
        let mut world = Self::new().await;
        world.import(maps).await;
        let namespace = json!({ "metadata": { "name": TEAM, "uid": "ns-uid" } });
        world.tenant.put("/api/v1/namespaces/team", namespace);
        world
    }

    async fn import(&mut self, maps: &Value) {
        self.restart().await;
        let maps: Vec<_> = serde_json::from_value(maps.clone()).unwrap();
        let stores = maps.is_empty().then(Vec::new);
        let stores = stores.unwrap_or_else(|| vec![("shared".to_owned(), Store::default())]);
        let ctx = Arc::get_mut(&mut self.ctx).unwrap();
        ctx.mapped.services = Services {
            maps: maps.into(),
            by_namespace: Arc::new(stores.into_iter().collect()),
        };
    }

    fn imports_catch_up(&self) {
        let (mapped, tenant) = (&self.ctx.mapped, &self.ctx.tenant);
        if let Some(store) = mapped.services.by_namespace.get("shared") {
            refill(store, self.host.list(HOST));
        }
        refill(
            &tenant.services,
            self.tenant.list("/api/v1/namespaces/team/services/"),
        );
        refill(&tenant.endpoint_slices, self.tenant.list(SLICE));
        refill(
            &mapped.namespaces,
            self.tenant
                .list("/api/v1/namespaces/team")
                .into_iter()
                .take(1)
                .collect(),
        );
        refill(
            &self.ctx.host.services,
            self.host.list("/api/v1/namespaces/wc-ci/services/"),
        );
    }

    async fn imports_at_rest(&self) {
        let versions = || (self.host.version(), self.tenant.version());
        for _ in 0..10 {
            let before = versions();
            self.imports_catch_up();
            for key in shared::keys(&self.ctx) {
                let _tried_again_by_the_queue = self.round(&key).await;
            }
            if before == versions() {
                return;
            }
        }
        panic!("never at rest");
    }

    fn host_database(&self, ip: &str) {
        self.host.put(
            HOST,
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": "shared" },
                "spec": { "clusterIP": ip, "selector": { "app": "db" },
                    "ports": [{ "port": 5432, "protocol": "TCP", "targetPort": 5432 }] } }),
        );
    }
}

fn map() -> Value {
    json!([{ "namespace": "shared", "name": "db", "toNamespace": TEAM }])
}

#[tokio::test]
async fn the_tenants_service_has_the_hosts_address_and_is_not_on_the_host_a_second_time() {
    let world = World::with_imports(&map()).await;
    world.host_database("10.96.3.3");
    world.imports_at_rest().await;
    let service = world.tenant.only(TENANT).1;
    assert_eq!(service["spec"]["clusterIP"], "10.96.3.3");
    let slice = world.tenant.only(SLICE).1;
    assert_eq!(slice["endpoints"][0]["addresses"], json!(["10.96.3.3"]));
    assert_eq!(
        slice["metadata"]["ownerReferences"][0]["uid"],
        service["metadata"]["uid"]
    );
    let policy = world.host.only(POLICIES).1;
    assert_eq!(
        policy["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"],
        json!({ "app": "db" })
    );

    world.host.calls();
    let state = registry::round(&world.ctx, &key(Kind::Service)).await.unwrap();
    assert_eq!(state.state, crate::settlements::State::Ready);
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_host_service_that_goes_takes_the_tenants_and_the_policy_with_it() {
    let world = World::with_imports(&map()).await;
    world.host_database("10.96.3.3");
    world.imports_at_rest().await;
    world.host.remove(HOST);
    world.imports_at_rest().await;
    assert!(world.tenant.list(TENANT).is_empty());
    assert!(world.host.list(POLICIES).is_empty());
}

#[tokio::test]
async fn what_an_earlier_mapping_made_goes_at_the_start() {
    let mut world = World::with_imports(&map()).await;
    world.host_database("10.96.3.3");
    world.imports_at_rest().await;
    world.import(&json!([])).await;
    world.imports_at_rest().await;
    assert!(world.tenant.list(TENANT).is_empty());
    assert!(world.host.list(POLICIES).is_empty());
}

#[tokio::test]
async fn edits_are_put_right_and_a_new_address_keeps_the_uid() {
    let world = World::with_imports(&map()).await;
    world.host_database("10.96.3.3");
    world.imports_at_rest().await;
    let uid = world.tenant.only(TENANT).1["metadata"]["uid"].clone();
    World::change(&world.tenant, TENANT, |service| {
        service["spec"]["selector"] = json!({ "app": "mine" });
        service["spec"]["ports"][0]["port"] = json!(1);
    });
    World::change(&world.tenant, SLICE, |slice| slice["endpoints"] = json!([]));
    world.host_database("10.96.4.4");
    world.imports_at_rest().await;
    let service = world.tenant.only(TENANT).1;
    assert_eq!(service["spec"]["clusterIP"], "10.96.4.4");
    assert_eq!(service["spec"]["ports"][0]["port"], 5432);
    assert!(service["spec"].get("selector").is_none());
    assert_eq!(service["metadata"]["uid"], uid);
    let slice = world.tenant.only(SLICE).1;
    assert_eq!(slice["endpoints"][0]["addresses"], json!(["10.96.4.4"]));
}

#[tokio::test]
async fn a_service_of_the_tenants_own_is_left_alone_and_told() {
    let world = World::with_imports(&map()).await;
    let own = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": TEAM },
        "spec": { "clusterIP": "10.96.9.9", "ports": [] } });
    world.tenant.put(TENANT, own);
    world.host_database("10.96.3.3");
    world.imports_at_rest().await;
    assert!(world.told("NameTaken").await.contains("not overwritten"));
    assert_eq!(world.tenant.only(TENANT).1["spec"]["clusterIP"], "10.96.9.9");
}
