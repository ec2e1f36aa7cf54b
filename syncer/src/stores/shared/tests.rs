//! What is shared by name and cannot be read is said with the reason, and holds nothing else up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use serde_json::json;
use tokio::time::timeout;
use warren_crds::sync::{Custom, MappedContent};
use warren_runtime::store::Store;
use warren_translate::identity::HostNamespace;
use warren_translate::kinds::to_host::Place;

use super::*;
use crate::stores::customs::Role;
use crate::testing::{World, refill};

const DEFINITION: &str = "certificates.cert-manager.io";

/// ConfigMaps of `shared` are mapped, certificates registered; neither has been read.
async fn world() -> (World, Store<PartialObjectMeta<ConfigMap>>) {
    let mut world = World::new().await;
    let map: MappedContent =
        serde_json::from_value(json!({ "namespace": "shared", "name": "ca", "toNamespace": "team" }))
            .unwrap();
    let source = Store::default();
    let custom: Custom =
        serde_json::from_value(json!({ "definition": DEFINITION, "version": "v1" })).unwrap();
    let ctx = Arc::get_mut(&mut world.ctx).unwrap();
    ctx.mapped.config_maps = Sources::new(
        Arc::new([map]),
        BTreeMap::from([("shared".to_owned(), source.clone())]),
    );
    refill(&ctx.customs.tenant_definitions, Vec::new());
    ctx.customs
        .kinds
        .insert(DEFINITION.to_owned(), CustomStores::new(custom, Role::Registered));
    (world, source)
}

fn problems(world: &World) -> Vec<String> {
    let areas = areas(&world.ctx);
    areas.iter().filter_map(Area::problem).collect()
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_its_name_and_the_reason() {
    let (world, source) = world().await;
    refill(&world.ctx.mapped.namespaces, Vec::new());
    source.in_trouble("Forbidden");
    let certificates = &world.ctx.customs.kinds[DEFINITION];
    refill(&certificates.definition, Vec::new());
    certificates.host.in_trouble("Forbidden");
    certificates.tenant.in_trouble("NotFound");
    assert_eq!(
        problems(&world),
        [
            "MappedConfigMap cannot be read on the host: Forbidden".to_owned(),
            format!("{DEFINITION} cannot be read on the host: Forbidden, on the tenant: NotFound"),
        ]
    );
}

#[tokio::test]
async fn what_is_read_or_not_asked_for_is_no_problem() {
    let (world, source) = world().await;
    refill(&world.ctx.mapped.namespaces, Vec::new());
    refill(&source, Vec::new());
    let certificates = &world.ctx.customs.kinds[DEFINITION];
    refill(&certificates.definition, Vec::new());
    refill(&certificates.tenant, Vec::new());
    refill(&certificates.host, Vec::new());
    assert_eq!(problems(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn not_even_the_start_waits_for_it() {
    let (world, _never_read) = world().await;
    for area in areas(&world.ctx) {
        let waited = timeout(Duration::from_millis(1), area.wait_a_moment()).await;
        assert!(waited.is_ok(), "{}", area.name());
    }
}

#[tokio::test]
async fn what_comes_at_last_is_looked_at_as_a_whole() {
    let (world, source) = world().await;
    let areas = areas(&world.ctx);
    let mapped = areas
        .iter()
        .find(|area| area.kind == Kind::MappedConfigMap)
        .unwrap();
    assert!(!mapped.is_read());
    refill(&world.ctx.mapped.namespaces, Vec::new());
    refill(
        &source,
        vec![json!({ "metadata": { "namespace": "shared", "name": "ca" } })],
    );
    mapped.until_read().await;
    let keys = mapped.keys(&world.ctx.cluster);
    let target = Key::new(Kind::MappedConfigMap, TenantKey::new("team", "ca"));
    assert!(keys.contains(&target), "{keys:?}");
}

#[tokio::test]
async fn exports_are_read_when_what_is_beside_the_cluster_is() {
    let mut world = World::new().await;
    let owner =
        json!({ "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster", "name": "ci", "uid": "v" });
    Arc::get_mut(&mut world.ctx).unwrap().exports.place = Some(Place {
        namespace: HostNamespace::new("team-a"),
        owner: serde_json::from_value(owner).unwrap(),
    });
    let is_read = |world: &World| {
        let areas = areas(&world.ctx);
        let exports = areas.iter().find(|area| area.kind == Kind::ExportedService);
        exports.unwrap().is_read()
    };
    assert!(!is_read(&world));
    refill(&world.ctx.exports.services, Vec::new());
    refill(&world.ctx.exports.slices, Vec::new());
    refill(&world.ctx.exports.sources, Vec::new());
    assert!(is_read(&world));
}
