//! Mapped ConfigMaps and Secrets between two APIs in memory.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use warren_crds::sync::MappedContent;
use warren_translate::mapping;

use crate::key::{Key, Kind};
use crate::stores::mapped::Sources;
use crate::stores::shared;
use crate::testing::{FakeApi, TEAM, World, refill};
use crate::verified::LAG;

const HOST: &str = "/api/v1/namespaces/shared/";
const TENANT: &str = "/api/v1/namespaces/team/";

fn maps(maps: &Value) -> std::sync::Arc<[MappedContent]> {
    serde_json::from_value::<Vec<_>>(maps.clone()).unwrap().into()
}

/// `ca` under another name, and everything that is for tenants under its own.
fn both() -> Value {
    json!([
        { "namespace": "shared", "name": "ca", "toNamespace": TEAM, "toName": "root" },
        { "namespace": "shared", "selector": { "matchLabels": { "for": "tenants" } }, "toNamespace": TEAM },
    ])
}

/// The watches of the host: as in the syncer, of what is mapped only.
fn refill_sources<K>(sources: &Sources<K>, maps: &[MappedContent], api: &FakeApi, plural: &str)
where
    kube::core::PartialObjectMeta<K>: serde::de::DeserializeOwned,
{
    for namespace in maps.iter().map(|map| &map.namespace) {
        let mut objects = api.list(&format!("/api/v1/namespaces/{namespace}/{plural}/"));
        objects.retain(|object| {
            let metadata = serde_json::from_value(object["metadata"].clone()).unwrap();
            !mapping::targets(maps, &metadata).is_empty()
        });
        refill(sources.store(namespace).unwrap(), objects);
    }
}

impl World {
    /// What is mapped, and the tenant's namespace; the syncer begins anew with it.
    async fn with_maps(maps: &Value) -> Self {
        let mut world = Self::new().await;
        world.map(maps).await;
        let namespace = json!({ "metadata": { "name": TEAM, "uid": "ns-uid" } });
        world.tenant.put("/api/v1/namespaces/team", namespace);
        world.maps_at_rest().await;
        world
    }

    async fn map(&mut self, mapped: &Value) {
        self.restart().await;
        let maps = maps(mapped);
        let stores = || {
            let namespaces = maps.iter().map(|map| map.namespace.clone());
            namespaces.map(|namespace| (namespace, warren_runtime::store::Store::default()))
        };
        let ctx = std::sync::Arc::get_mut(&mut self.ctx).unwrap();
        ctx.mapped.config_maps = Sources::new(maps.clone(), stores().collect::<BTreeMap<_, _>>());
        ctx.mapped.secrets = Sources::new(
            maps.clone(),
            stores()
                .map(|(n, _)| (n, warren_runtime::store::Store::default()))
                .collect(),
        );
    }

    fn maps_catch_up(&self) {
        let (mapped, tenant) = (&self.ctx.mapped, &self.ctx.tenant);
        refill_sources(
            &mapped.config_maps,
            mapped.config_maps.maps(),
            &self.host,
            "configmaps",
        );
        refill_sources(&mapped.secrets, mapped.secrets.maps(), &self.host, "secrets");
        refill(
            &tenant.config_maps,
            self.tenant.list(&format!("{TENANT}configmaps/")),
        );
        refill(&tenant.secrets, self.tenant.list(&format!("{TENANT}secrets/")));
        let namespaces = self.tenant.list("/api/v1/namespaces/team");
        refill(
            &mapped.namespaces,
            namespaces
                .into_iter()
                .filter(|object| object["metadata"]["name"] == TEAM && object["kind"].is_null())
                .collect(),
        );
    }

    async fn maps_at_rest(&self) {
        for _ in 0..10 {
            let before = self.tenant.version();
            self.maps_catch_up();
            for key in shared::keys(&self.ctx) {
                let _tried_again_by_the_queue = self.round(&key).await;
            }
            if before == self.tenant.version() {
                return;
            }
        }
        panic!("never at rest");
    }

    fn host_map(&self, name: &str, labels: &Value, data: &Value) {
        self.host.put(
            &format!("{HOST}configmaps/{name}"),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "shared", "labels": labels },
                "data": data }),
        );
    }

    fn tenant_map(&self, name: &str) -> Option<Value> {
        self.tenant
            .list(&format!("{TENANT}configmaps/{name}"))
            .into_iter()
            .next()
    }
}

#[tokio::test]
async fn what_is_mapped_by_name_or_label_is_in_the_tenant_and_follows_the_host() {
    let world = World::with_maps(&both()).await;
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.host_map("more", &json!({ "for": "tenants" }), &json!({ "k": "2" }));
    world.host_map("other", &json!({}), &json!({ "k": "3" }));
    world.maps_at_rest().await;
    assert_eq!(world.tenant_map("root").unwrap()["data"], json!({ "k": "1" }));
    assert_eq!(world.tenant_map("more").unwrap()["data"], json!({ "k": "2" }));
    assert_eq!(world.tenant.list(&format!("{TENANT}configmaps/")).len(), 2);

    world.host_map("ca", &json!({}), &json!({ "k": "new" }));
    world.host_map("more", &json!({ "for": "us" }), &json!({ "k": "2" }));
    world.maps_at_rest().await;
    assert_eq!(world.tenant_map("root").unwrap()["data"], json!({ "k": "new" }));
    assert!(world.tenant_map("more").is_none(), "it is no longer meant");
    world.host.remove(&format!("{HOST}configmaps/ca"));
    world.maps_at_rest().await;
    assert!(world.tenant.list(&format!("{TENANT}configmaps/")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_tenant_changes_is_put_back_and_what_it_deletes_is_made_again() {
    let world = World::with_maps(&both()).await;
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.maps_at_rest().await;
    let path = format!("{TENANT}configmaps/root");
    World::change(&world.tenant, &path, |map| map["data"]["k"] = json!("mine"));
    world.maps_at_rest().await;
    assert_eq!(world.tenant_map("root").unwrap()["data"], json!({ "k": "1" }));
    world.tenant.remove(&path);
    tokio::time::advance(LAG).await;
    world.maps_at_rest().await;
    assert_eq!(world.tenant_map("root").unwrap()["data"], json!({ "k": "1" }));
    world.tenant.calls();
    world.host.calls();
    world.maps_at_rest().await;
    assert_eq!(world.tenant.calls(), Vec::<String>::new());
    // But for the policy, nobody is asked anything either.
    let asked = world
        .host
        .calls()
        .into_iter()
        .filter(|call| !call.contains("networkpolicies"));
    assert_eq!(asked.collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test]
async fn an_object_of_the_tenants_own_is_never_overwritten_nor_deleted_and_it_is_told() {
    let world = World::with_maps(&both()).await;
    let path = format!("{TENANT}configmaps/root");
    world.tenant.put(
        &path,
        json!({ "kind": "ConfigMap", "metadata": { "namespace": TEAM }, "data": { "k": "mine" } }),
    );
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.maps_at_rest().await;
    assert!(world.told("NameTaken").await.contains("not overwritten"));
    assert_eq!(world.tenant_map("root").unwrap()["data"], json!({ "k": "mine" }));
    world.host.remove(&format!("{HOST}configmaps/ca"));
    world.maps_at_rest().await;
    assert!(world.tenant_map("root").is_some());
    // Out of the way, the host's takes its place.
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.tenant.remove(&path);
    world.maps_at_rest().await;
    assert_eq!(world.tenant_map("root").unwrap()["data"], json!({ "k": "1" }));
}

#[tokio::test]
async fn what_an_earlier_mapping_made_goes_when_the_syncer_begins_with_another() {
    let mut world = World::with_maps(&both()).await;
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.maps_at_rest().await;
    assert!(world.tenant_map("root").is_some());
    let own = json!({ "kind": "ConfigMap", "metadata": { "namespace": TEAM }, "data": {} });
    world.tenant.put(&format!("{TENANT}configmaps/own"), own);
    world.map(&json!([])).await;
    world.maps_at_rest().await;
    assert!(world.tenant_map("root").is_none());
    assert!(world.tenant_map("own").is_some());
}

#[tokio::test]
async fn what_was_not_listed_yet_is_not_taken_for_gone() {
    let mut world = World::with_maps(&both()).await;
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.maps_at_rest().await;
    world.map(&both()).await;
    refill(
        &world.ctx.tenant.config_maps,
        world.tenant.list(&format!("{TENANT}configmaps/")),
    );
    let key = Key::new(
        Kind::MappedConfigMap,
        warren_translate::TenantKey::new(TEAM, "root"),
    );
    world.round(&key).await.unwrap();
    assert!(world.tenant_map("root").is_some());
}

#[tokio::test]
async fn a_namespace_of_the_tenant_is_waited_for() {
    let world = World::with_maps(&both()).await;
    world.tenant.remove("/api/v1/namespaces/team");
    world.host_map("ca", &json!({}), &json!({ "k": "1" }));
    world.maps_at_rest().await;
    assert!(world.tenant_map("root").is_none());
    let namespace = json!({ "metadata": { "name": TEAM, "uid": "ns-uid" } });
    world.tenant.put("/api/v1/namespaces/team", namespace);
    world.maps_at_rest().await;
    assert!(world.tenant_map("root").is_some());
}

#[tokio::test]
async fn secrets_come_with_their_type_but_for_what_opens_the_hosts_api() {
    let world = World::with_maps(&both()).await;
    let secret = |type_: &str| {
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "shared" }, "type": type_,
            "data": { "k": "dg==" } })
    };
    let (host, tenant) = (format!("{HOST}secrets/ca"), format!("{TENANT}secrets/root"));
    world.host.put(&host, secret("kubernetes.io/tls"));
    world.maps_at_rest().await;
    let made = world.tenant.only(&tenant).1;
    assert_eq!(
        (&made["type"], &made["data"]),
        (&json!("kubernetes.io/tls"), &json!({ "k": "dg==" }))
    );
    // Another type under the same name takes another object.
    world.host.put(&host, secret("Opaque"));
    world.maps_at_rest().await;
    let replaced = world.tenant.only(&tenant).1;
    assert_eq!(replaced["type"], "Opaque");
    assert_ne!(replaced["metadata"]["uid"], made["metadata"]["uid"]);
    world
        .host
        .put(&host, secret("kubernetes.io/service-account-token"));
    world.maps_at_rest().await;
    assert!(world.told("NotMapped").await.contains("'root'"));
    assert!(world.tenant.list(&tenant).is_empty());
}
