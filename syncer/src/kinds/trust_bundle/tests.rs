//! Bundles between two APIs in memory: written when there, changed with them, gone with them.

use serde_json::json;
use warren_translate::identity::TenantKey;

use super::*;
use crate::key::Kind;
use crate::testing::{TEAM, World};

const MAPS: &str = "/api/v1/namespaces/wc-ci/configmaps/";
const BUNDLE: &str = "/apis/certificates.k8s.io/v1/clustertrustbundles/corp";

async fn world() -> World {
    let world = World::new().await;
    world.tenant_pod(&json!([{ "name": "trust", "projected": { "sources": [
        { "clusterTrustBundle": { "name": "corp", "path": "a" } },
        { "clusterTrustBundle": { "name": "corp", "path": "b", "optional": true } },
    ] } }]));
    world
}

fn required() -> Key {
    Key::new(Kind::TrustBundle, TenantKey::new(TEAM, "name/corp"))
}

fn bundle(world: &World, der: &[u8]) {
    let pem = format!("text\n{}", warren_translate::pem::certificate(der));
    let bundle = json!({ "apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle", "metadata": {},
        "spec": { "trustBundle": pem } });
    world.tenant.put(BUNDLE, bundle);
}

async fn state(world: &World, key: &Key) -> State {
    world.host_watches_catch_up();
    round(&world.ctx, key).await.unwrap().state
}

#[tokio::test]
async fn a_missing_bundle_is_absent_and_for_an_optional_ask_an_empty_file() {
    let world = world().await;
    assert_eq!(state(&world, &required()).await, State::Absent);
    assert!(world.host.list(MAPS).is_empty());
    let optional = Key::new(Kind::TrustBundle, TenantKey::new(TEAM, "optional/name/corp"));
    assert_eq!(state(&world, &optional).await, State::Ready);
    assert_eq!(world.host.only(MAPS).1["data"], json!({ "ca.crt": "" }));
}

#[tokio::test]
async fn a_bundle_is_written_clean_and_changed_with_it_and_gone_with_it() {
    let world = world().await;
    bundle(&world, b"one");
    assert_eq!(state(&world, &required()).await, State::Ready);
    let content = |world: &World| world.host.only(MAPS).1["data"]["ca.crt"].clone();
    assert_eq!(content(&world), warren_translate::pem::certificate(b"one"));
    world.tenant.calls();
    world.host.calls();
    assert_eq!(state(&world, &required()).await, State::Ready);
    assert!(
        world.tenant.calls().is_empty() && world.host.calls().is_empty(),
        "at rest"
    );

    bundle(&world, b"two");
    assert_eq!(state(&world, &required()).await, State::Ready);
    assert_eq!(content(&world), warren_translate::pem::certificate(b"two"));
    world.tenant.remove(BUNDLE);
    assert_eq!(state(&world, &required()).await, State::Absent);
    assert!(world.host.list(MAPS).is_empty());
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_goes() {
    let world = world().await;
    bundle(&world, b"one");
    state(&world, &required()).await;
    let pod = world.ctx.tenant.pods.all().remove(0);
    world.ctx.references.gone(&pod);
    assert_eq!(state(&world, &required()).await, State::Unneeded);
    assert!(world.host.list(MAPS).is_empty());
}

#[tokio::test]
async fn too_much_for_one_file_is_said() {
    let world = world().await;
    let text = "text between blocks\n".repeat(2 * MAX_BYTES / 20 + 1);
    world
        .tenant
        .put(BUNDLE, json!({ "metadata": {}, "spec": { "trustBundle": text } }));
    let State::Failed(why) = state(&world, &required()).await else {
        panic!("written")
    };
    assert!(why.contains("1 MiB"), "{why}");
}
