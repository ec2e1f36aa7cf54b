//! Whose claim an ephemeral volume may use.

use serde_json::json;

use super::*;
use crate::testing::storage::CLAIMS;
use crate::testing::{POD_UID, TEAM, World};

fn settled(world: &World, claim: &str) -> State {
    let pod = world.ctx.tenant.pods.all().remove(0);
    let key = Key::new(Kind::Claim, TenantKey::new(TEAM, claim));
    of_this_pod(&world.ctx, &pod, &key, State::Ready)
}

#[tokio::test]
async fn an_ephemeral_volume_takes_only_the_claim_that_was_made_for_its_pod() {
    let world = World::new().await;
    world.tenant_pod(&json!([
        { "name": "scratch", "ephemeral": { "volumeClaimTemplate": { "spec": {} } } },
        { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
    ]));
    let owned_by = |uid: &str| {
        let owner =
            json!({ "apiVersion": "v1", "kind": "Pod", "name": "web", "uid": uid, "controller": true });
        world.tenant.put(
            &format!("{CLAIMS}web-scratch"),
            json!({ "metadata": { "namespace": TEAM, "ownerReferences": [owner] }, "spec": {} }),
        );
        world.storage_catches_up();
    };
    owned_by(POD_UID);
    assert_eq!(settled(&world, "web-scratch"), State::Ready);
    owned_by("a-predecessor");
    let State::Failed(why) = settled(&world, "web-scratch") else {
        panic!("another Pod's data")
    };
    assert!(why.contains("pod is not owner"), "{why}");
    assert_eq!(settled(&world, "data"), State::Ready, "any claim will do");
}
