//! Volumes in the tenant: Warren's kept as they should be, the tenant's own left alone.

use serde_json::json;

use crate::testing::World;
use crate::testing::storage::{CLAIMS, VOLUMES};

#[tokio::test]
async fn what_the_tenant_changes_on_its_volume_is_put_right() {
    let world = World::with_class().await;
    let name = world.bound("Delete").await;
    World::change(&world.tenant, &format!("{VOLUMES}{name}"), |volume| {
        volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Retain");
        volume["spec"]["capacity"]["storage"] = json!("1Ti");
        volume["metadata"]["labels"]["own"] = json!("kept");
        volume["status"]["phase"] = json!("Available");
    });
    world.at_rest().await;
    let volume = world.tenant.only(VOLUMES).1;
    assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    assert_eq!(volume["spec"]["capacity"]["storage"], "1Gi");
    assert_eq!(volume["metadata"]["labels"]["own"], "kept");
    assert_eq!(volume["status"]["phase"], "Bound");
    world.is_silent().await;
}

#[tokio::test]
async fn a_volume_that_the_tenant_takes_away_from_its_claim_is_made_again() {
    let world = World::with_class().await;
    let name = world.bound("Delete").await;
    world.tenant.remove(&format!("{VOLUMES}{name}"));
    world.at_rest().await;
    assert_eq!(world.tenant.only(VOLUMES).1["status"]["phase"], "Bound");
    assert_eq!(
        world.tenant.only(&format!("{CLAIMS}data")).1["status"]["phase"],
        "Bound"
    );
    world.is_silent().await;
}

#[tokio::test]
async fn a_forged_volume_in_its_place_is_replaced() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({}));
    world.at_rest().await;
    let name = world.provision("Delete");
    world.tenant.put(
        &format!("{VOLUMES}{name}"),
        json!({ "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": { "labels": { "warren.dev/from-host": "true" } },
            "spec": { "capacity": { "storage": "1Gi" }, "hostPath": { "path": "/" } },
            "status": { "phase": "Bound" } }),
    );
    world.at_rest().await;
    let volume = world.tenant.only(VOLUMES).1;
    assert!(volume["spec"]["hostPath"].is_null(), "{volume}");
    assert_eq!(volume["spec"]["claimRef"]["uid"], "t-data");
}

#[tokio::test]
async fn the_tenants_own_volumes_are_its_own() {
    let world = World::with_class().await;
    let own = json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {},
        "spec": { "capacity": { "storage": "1Gi" }, "hostPath": { "path": "/" } } });
    world.tenant.put(&format!("{VOLUMES}own"), own);
    world.is_silent().await;
    assert!(world.host.list(VOLUMES).is_empty(), "none goes down");
    assert_eq!(world.tenant.list(VOLUMES).len(), 1);
}

#[tokio::test]
async fn a_volume_that_the_host_could_not_dispose_of_says_so() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.tenant.remove(&format!("{CLAIMS}data"));
    World::change(&world.host, &format!("{VOLUMES}of-the-host"), |volume| {
        volume["status"] = json!({ "phase": "Failed", "message": "server-of-the-host does not answer" });
    });
    world.at_rest().await;
    let volume = world.tenant.only(VOLUMES).1;
    assert_eq!(volume["status"]["phase"], "Failed");
    assert!(!volume.to_string().contains("server-of-the-host"), "{volume}");
    world.is_silent().await;
}
