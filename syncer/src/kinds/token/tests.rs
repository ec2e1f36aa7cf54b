//! Tokens between two APIs in memory: issued as asked, owned, renewed, gone.

use serde_json::json;
use warren_translate::identity::TenantKey;

use super::*;
use crate::testing::{HOST_POD_UID, POD_UID, TEAM, World};

const SECRETS: &str = "/api/v1/namespaces/wc-ci/secrets/";

fn key() -> Key {
    Key::token(TenantKey::new(TEAM, "web"), TenantUid::new(POD_UID))
}

async fn world() -> World {
    let world = World::new().await;
    world.tenant_pod(&json!([{ "name": "own", "projected": { "sources": [
        { "serviceAccountToken": { "path": "api" } },
        { "serviceAccountToken": { "path": "vault", "audience": "vault", "expirationSeconds": 600 } },
    ] } }]));
    world.tenant.calls();
    world.host.calls();
    world
}

async fn state(world: &World) -> State {
    world.host_watches_catch_up();
    round(&world.ctx, &key()).await.unwrap().state
}

#[tokio::test]
async fn every_projection_has_a_token_of_its_own_bound_to_the_pod() {
    let world = world().await;
    assert_eq!(state(&world).await, State::Ready);
    assert_eq!(world.tenant.writes(), ["POST token", "POST token"]);
    assert_eq!(world.host.writes(), ["POST secrets"]);
    let secret: Secret = serde_json::from_value(world.host.only(SECRETS).1).unwrap();
    let text = |key: &str| String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap();
    assert_eq!(text("own.0"), format!("token for null bound to \"{POD_UID}\""));
    assert_eq!(
        text("own.1"),
        format!("token for [\"vault\"] bound to \"{POD_UID}\"")
    );
}

#[tokio::test]
async fn the_host_pod_owns_the_tokens_and_only_the_due_one_is_renewed() {
    let world = world().await;
    state(&world).await;
    world.host_pod(true);
    assert_eq!(state(&world).await, State::Ready);
    let owner = &world.host.only(SECRETS).1["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], HOST_POD_UID);
    world.tenant.calls();
    world.host.calls();
    let lags = round(&world.ctx, &key()).await.unwrap();
    assert_eq!(lags.again, Some(LAG));
    assert!(
        world.host.calls().is_empty(),
        "what the watch does not show yet is not written again"
    );
    world.host_watches_catch_up();
    let round = round(&world.ctx, &key()).await.unwrap();
    assert!(
        world.tenant.calls().is_empty() && world.host.calls().is_empty(),
        "at rest"
    );
    let next = round.again.unwrap();
    let spread = Duration::from_secs(470)..=Duration::from_mins(8);
    assert!(
        spread.contains(&next),
        "at 80 % of the shortest life, not {next:?}"
    );
    world.set_time("2026-11-21T12:08:00Z");
    assert_eq!(state(&world).await, State::Ready);
    assert_eq!(world.tenant.writes(), ["POST token"]);
    assert_eq!(world.host.writes(), ["PUT secrets"]);
    let secret = world.host.only(SECRETS).1;
    assert_eq!(
        secret["data"].as_object().unwrap().len(),
        2,
        "the other one stays"
    );
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], HOST_POD_UID);
}

#[tokio::test]
async fn an_ownerless_secret_goes_without_its_pod_and_an_owned_one_is_left_to_the_host() {
    let world = world().await;
    state(&world).await;
    let pod = world.ctx.tenant.pods.all().remove(0);
    world.ctx.references.gone(&pod);
    assert_eq!(state(&world).await, State::Unneeded);
    assert!(world.host.list(SECRETS).is_empty());

    world.ctx.references.watched(&pod);
    world.host_pod(true);
    state(&world).await;
    world.ctx.references.gone(&pod);
    world.host.calls();
    assert_eq!(state(&world).await, State::Unneeded);
    assert!(world.host.writes().is_empty());
}

#[tokio::test]
async fn a_tenant_that_refuses_a_renewal_leaves_the_old_token_in_place() {
    let world = world().await;
    state(&world).await;
    let before = world.host.only(SECRETS).1;
    world.set_time("2026-11-21T12:08:00Z");
    world.tenant.refuse(Some(("POST", 500)));
    world.host_watches_catch_up();
    assert!(round(&world.ctx, &key()).await.is_err());
    assert_eq!(world.host.only(SECRETS).1, before);
}
