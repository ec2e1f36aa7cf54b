//! A certificate's life between two APIs in memory: asked for, written, owned, renewed, refused.

use serde_json::{Value, json};
use warren_translate::identity::TenantKey;

use super::*;
use crate::testing::{HOST_POD_UID, POD_UID, TEAM, World};

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/namespaces/team/podcertificaterequests/";
const SECRETS: &str = "/api/v1/namespaces/wc-ci/secrets/";
const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n";

fn key() -> Key {
    Key::certificate(
        TenantKey::new(TEAM, "web"),
        TenantUid::new(POD_UID),
        "tls.0".to_owned(),
    )
}

async fn world() -> World {
    let world = World::new().await;
    world.tenant_pod(
        &json!([{ "name": "tls", "projected": { "sources": [{ "podCertificate": {
        "signerName": "corp.example/mesh", "keyType": "ED25519", "credentialBundlePath": "b",
    } }] } }]),
    );
    world.tenant.calls();
    world.host.calls();
    world
}

async fn state(world: &World) -> State {
    world.host_watches_catch_up();
    round(&world.ctx, &key()).await.unwrap().state
}

/// The signer's answer to the one open request.
fn answer(world: &World, condition: &str, more: Value) {
    let (path, mut request) = world.tenant.only(REQUESTS);
    let condition = json!({ "type": condition, "status": "True", "reason": "Because", "message": "of it",
        "lastTransitionTime": "2026-11-21T12:00:00Z" });
    request["status"] = more;
    request["status"]["conditions"] = json!([condition]);
    world.tenant.put(&path, request);
}

fn issue(world: &World) {
    let status = json!({ "certificateChain": format!("text\n{CHAIN}"), "notBefore": "2026-11-21T12:00:00Z",
        "notAfter": "2026-11-21T14:00:00Z", "beginRefreshAt": "2026-11-21T13:00:00Z" });
    answer(world, "Issued", status);
}

#[test]
fn a_key_names_volume_and_index() {
    let key = |text: &str| Key::certificate(TenantKey::new("a", "b"), TenantUid::new("u"), text.to_owned());
    assert_eq!(source(&key("tls.12")), Some(("tls", 12)));
    assert_eq!(source(&key("tls")), None);
    assert_eq!(source(&key("tls.x")), None);
}

#[tokio::test]
async fn the_signer_is_asked_once_and_its_answer_is_written() {
    let world = world().await;
    assert_eq!(state(&world).await, State::Absent);
    assert_eq!(world.tenant.writes(), ["POST podcertificaterequests"]);
    let (_, request) = world.tenant.only(REQUESTS);
    assert_eq!(request["apiVersion"], "certificates.k8s.io/v1");
    let spec = &request["spec"];
    assert_eq!(
        [&spec["podUID"], &spec["nodeUID"], &spec["serviceAccountUID"]],
        [POD_UID, "node-uid", "account-uid"]
    );
    assert_eq!(request["metadata"]["ownerReferences"][0]["uid"], POD_UID);
    assert_eq!(state(&world).await, State::Absent);
    assert!(world.tenant.writes().is_empty(), "it waits for the signer");

    issue(&world);
    assert_eq!(state(&world).await, State::Ready);
    let (_, secret) = world.host.only(SECRETS);
    let text = |key: &str| {
        let secret: Secret = serde_json::from_value(secret.clone()).unwrap();
        String::from_utf8(secret.data.unwrap()[key].0.clone()).unwrap()
    };
    assert_eq!(text("certificateChain"), CHAIN);
    assert!(text("key").starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert_eq!(text("credentialBundle"), text("key") + CHAIN);
    assert_eq!(world.host.writes(), ["POST secrets"]);
}

#[tokio::test]
async fn a_store_that_lags_asks_no_second_time() {
    let world = world().await;
    state(&world).await;
    issue(&world);
    state(&world).await;
    world.tenant.calls();
    // The watch has not shown the Secret yet.
    let again = round(&world.ctx, &key()).await.unwrap();
    assert_eq!(again.state, State::Ready);
    assert!(world.tenant.calls().is_empty());
}

#[tokio::test]
async fn a_certificate_is_owned_by_its_host_pod_and_renewed_when_the_signer_says() {
    let world = world().await;
    state(&world).await;
    issue(&world);
    state(&world).await;
    world.host_pod(true);
    assert_eq!(state(&world).await, State::Ready);
    let (_, first) = world.host.only(SECRETS);
    assert_eq!(first["metadata"]["ownerReferences"][0]["uid"], HOST_POD_UID);
    world.tenant.calls();
    world.host.calls();
    assert_eq!(state(&world).await, State::Ready);
    assert!(
        world.tenant.calls().is_empty() && world.host.calls().is_empty(),
        "at rest"
    );

    world.tenant.remove(&world.tenant.only(REQUESTS).0);
    world.set_time("2026-11-21T13:05:00Z");
    assert_eq!(state(&world).await, State::Ready, "with the old one");
    assert_eq!(world.tenant.writes(), ["POST podcertificaterequests"]);
    issue(&world);
    assert_eq!(state(&world).await, State::Ready);
    let (_, second) = world.host.only(SECRETS);
    assert_ne!(first["data"]["key"], second["data"]["key"], "a key of its own");
    assert_eq!(
        second["metadata"]["ownerReferences"],
        first["metadata"]["ownerReferences"]
    );
}

#[tokio::test]
async fn a_request_that_somebody_deleted_is_made_again() {
    let world = world().await;
    state(&world).await;
    world.tenant.remove(&world.tenant.only(REQUESTS).0);
    world.tenant.calls();
    assert_eq!(state(&world).await, State::Absent);
    assert_eq!(world.tenant.writes(), ["POST podcertificaterequests"]);
}

#[tokio::test]
async fn a_refusal_is_told_once_as_the_kubelet_and_asked_no_more() {
    let world = world().await;
    state(&world).await;
    answer(&world, "Denied", json!({}));
    world.tenant.calls();
    for _ in 0..3 {
        assert_eq!(state(&world).await, State::Absent);
    }
    let told = || {
        world
            .tenant
            .list("/apis/events.k8s.io/v1/namespaces/team/events/")
    };
    while told().is_empty() {
        tokio::task::yield_now().await;
    }
    let event = &told()[0];
    assert_eq!(
        (&event["reason"], &event["regarding"]["uid"]),
        (&json!("Denied"), &json!(POD_UID))
    );
    assert_eq!(event["reportingController"], "kubelet");
    assert_eq!(world.tenant.writes(), ["POST events"]);
}

#[tokio::test]
async fn an_account_that_is_missing_is_told_and_tried_again() {
    let world = world().await;
    world
        .tenant
        .remove("/api/v1/namespaces/team/serviceaccounts/robot");
    let round = round(&world.ctx, &key()).await.unwrap();
    assert_eq!((round.state, round.again), (State::Absent, Some(REFUSED_AGAIN)));
}

#[tokio::test]
async fn without_its_pod_an_ownerless_secret_goes() {
    let world = world().await;
    state(&world).await;
    issue(&world);
    state(&world).await;
    let pod = world.ctx.tenant.pods.all().remove(0);
    world.ctx.references.gone(&pod);
    assert_eq!(state(&world).await, State::Unneeded);
    assert!(world.host.list(SECRETS).is_empty());
}
