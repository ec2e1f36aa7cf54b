//! Claims between two APIs in memory: bound in order, whatever is in between, and never handed on.

use serde_json::{Value, json};
use warren_crds::classes::{Classes, Offer};
use warren_translate::TenantPolicy;

use super::*;
use crate::testing::World;
use crate::testing::storage::{CLAIMS, HOST_CLAIMS, VOLUMES, data, is_stale};

const NODE: &str = "volume.kubernetes.io/selected-node";

fn claim_of(world: &World) -> Value {
    world.tenant.only(&format!("{CLAIMS}data")).1
}

fn host_claim_of(world: &World) -> Value {
    world.host.only(HOST_CLAIMS).1
}

#[tokio::test]
async fn a_claim_is_bound_volume_first_and_then_all_is_silent() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({}));
    world.at_rest().await;
    assert_eq!(world.host.writes(), ["POST persistentvolumeclaims"]);
    let host = host_claim_of(&world);
    assert_eq!(host["metadata"]["annotations"]["warren.dev/origin-uid"], "t-data");
    assert_eq!(host["spec"]["storageClassName"], "fast");
    world.is_silent().await;

    let name = world.provision("Delete");
    world.at_rest().await;
    assert_eq!(
        world.tenant.writes(),
        [
            "POST persistentvolumes",
            "PATCH persistentvolumeclaims",
            "PATCH persistentvolumeclaims/status",
            "PATCH persistentvolumes/status",
        ]
    );
    assert!(world.host.writes().is_empty());
    let claim = claim_of(&world);
    assert_eq!(claim["spec"]["volumeName"], json!(name));
    assert_eq!(
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"],
        "yes"
    );
    assert_eq!(claim["status"]["phase"], "Bound");
    assert_eq!(claim["status"]["capacity"]["storage"], "1Gi");
    let volume = world.tenant.only(VOLUMES).1;
    assert_eq!(volume["metadata"]["name"], json!(name));
    assert_eq!(volume["spec"]["claimRef"]["uid"], "t-data");
    assert_eq!(volume["status"]["phase"], "Bound");
    let text = format!("{claim}{volume}");
    for host in ["wc-ci", "of-the-host", host["metadata"]["name"].as_str().unwrap()] {
        assert!(!text.contains(host), "{host} in {text}");
    }
    world.is_silent().await;
}

/// The process ends after each write on the way, and is started again.
#[tokio::test]
async fn a_crash_after_any_write_is_resumed() {
    for room in 0..4 {
        let mut world = World::with_class().await;
        world.tenant_claim("t-data", &json!({}));
        world.at_rest().await;
        let name = world.provision("Delete");
        world.tenant.allow_writes(Some(room));
        for _ in 0..3 {
            world.pass().await;
        }
        world.tenant.allow_writes(None);
        world.restart().await;
        world.at_rest().await;
        let claim = claim_of(&world);
        assert_eq!(claim["spec"]["volumeName"], json!(name), "after {room}");
        assert_eq!(claim["status"]["phase"], "Bound", "after {room}");
        let volume = world.tenant.only(VOLUMES).1;
        assert_eq!(volume["status"]["phase"], "Bound", "after {room}");
        world.is_silent().await;
    }
}

#[tokio::test]
async fn a_deleted_claim_takes_its_host_claim_and_its_volume_along() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.tenant.remove(&format!("{CLAIMS}data"));
    world.tenant.calls();
    world.host.calls();
    world.at_rest().await;
    assert_eq!(world.host.writes(), ["DELETE persistentvolumeclaims"]);
    // A host that takes its time: released meanwhile.
    assert_eq!(world.tenant.writes(), ["PATCH persistentvolumes/status"]);
    assert_eq!(world.tenant.only(VOLUMES).1["status"]["phase"], "Released");
    world.host.remove(&format!("{VOLUMES}of-the-host"));
    world.at_rest().await;
    assert!(world.tenant.list(VOLUMES).is_empty());
    world.is_silent().await;
}

#[tokio::test]
async fn a_retained_volume_stays_released_and_is_not_made_again() {
    let world = World::with_class().await;
    let name = world.bound("Retain").await;
    world.tenant.remove(&format!("{CLAIMS}data"));
    world.at_rest().await;
    World::change(&world.host, &format!("{VOLUMES}of-the-host"), |volume| {
        volume["status"]["phase"] = json!("Released");
    });
    world.at_rest().await;
    assert_eq!(world.tenant.only(VOLUMES).1["status"]["phase"], "Released");
    world.tenant.remove(&format!("{VOLUMES}{name}"));
    world.at_rest().await;
    assert!(world.tenant.list(VOLUMES).is_empty());
    world.is_silent().await;
}

#[tokio::test]
async fn a_successor_of_the_same_name_gets_a_host_claim_of_its_own() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    let before = host_claim_of(&world)["metadata"]["uid"].clone();
    world.tenant.remove(&format!("{CLAIMS}data"));
    world.tenant_claim("t-another", &json!({}));
    world.storage_catches_up();
    world.host.calls();
    assert!(is_stale(&world.round(&data()).await), "nobody may use it before");
    assert_eq!(world.host.writes(), ["DELETE persistentvolumeclaims"]);
    world.at_rest().await;
    let after = host_claim_of(&world);
    assert_ne!(after["metadata"]["uid"], before);
    assert_eq!(
        after["metadata"]["annotations"]["warren.dev/origin-uid"],
        "t-another"
    );
    assert!(claim_of(&world)["spec"]["volumeName"].is_null());
}

/// Until the host lets the predecessor go (a Pod still uses it), the successor has none.
#[tokio::test]
async fn a_predecessor_that_is_going_is_waited_for() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    World::change(&world.host, &world.host_claim(), |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:00Z");
    });
    world.tenant.remove(&format!("{CLAIMS}data"));
    world.tenant_claim("t-another", &json!({}));
    world.storage_catches_up();
    world.host.calls();
    assert!(is_stale(&world.round(&data()).await));
    assert!(world.host.writes().is_empty());
}

#[tokio::test]
async fn a_store_that_is_behind_costs_no_data() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.storage_catches_up();
    world.ctx.tenant.storage.claims.remove(&data().in_tenant());
    world.host.calls();
    assert!(is_stale(&world.round(&data()).await), "the tenant has it");
    assert!(world.host.writes().is_empty());

    // And one that shows the claim as it was before it was bound makes no empty one in the place of a lost one.
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({}));
    world.storage_catches_up();
    let old = world.ctx.tenant.storage.claims.get(&data().in_tenant()).unwrap();
    world.bound("Delete").await;
    world.host.remove(&world.host_claim());
    world.storage_catches_up();
    world
        .ctx
        .tenant
        .storage
        .claims
        .put(data().in_tenant(), (*old).clone());
    assert!(is_stale(&world.round(&data()).await));
    assert!(world.host.list(HOST_CLAIMS).is_empty());
}

#[tokio::test]
async fn the_chosen_node_goes_down_and_what_the_host_takes_back_is_taken_back() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({}));
    world.at_rest().await;
    let choose = |world: &World| {
        World::change(&world.tenant, &format!("{CLAIMS}data"), |claim| {
            claim["metadata"]["annotations"][NODE] = json!("node-1");
        });
    };
    for _ in 0..2 {
        choose(&world);
        world.at_rest().await;
        assert_eq!(host_claim_of(&world)["metadata"]["annotations"][NODE], "node-1");
        world.is_silent().await;
        World::change(&world.host, &world.host_claim(), |claim| {
            claim["metadata"]["annotations"]
                .as_object_mut()
                .unwrap()
                .remove(NODE);
        });
        world.at_rest().await;
        assert!(claim_of(&world)["metadata"]["annotations"][NODE].is_null());
        assert!(host_claim_of(&world)["metadata"]["annotations"][NODE].is_null());
        world.is_silent().await;
    }
}

#[tokio::test]
async fn a_larger_size_goes_down_and_its_progress_comes_up() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    World::change(&world.tenant, &format!("{CLAIMS}data"), |claim| {
        claim["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
    });
    world.at_rest().await;
    let host = host_claim_of(&world);
    assert_eq!(host["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(
        host["spec"]["volumeName"], "of-the-host",
        "what the host wrote stays"
    );
    World::change(&world.host, &world.host_claim(), |claim| {
        claim["status"]["conditions"] = json!([{ "type": "FileSystemResizePending", "status": "True",
            "message": "waiting for a Pod in wc-ci" }]);
        claim["status"]["allocatedResources"] = json!({ "storage": "2Gi" });
    });
    World::change(&world.host, &format!("{VOLUMES}of-the-host"), |volume| {
        volume["spec"]["capacity"]["storage"] = json!("2Gi");
    });
    world.at_rest().await;
    let status = claim_of(&world)["status"].clone();
    assert_eq!(status["allocatedResources"]["storage"], "2Gi");
    assert_eq!(status["conditions"][0]["message"], "waiting for a Pod in team");
    assert_eq!(world.tenant.only(VOLUMES).1["spec"]["capacity"]["storage"], "2Gi");
    World::change(&world.host, &world.host_claim(), |claim| {
        claim["status"] = json!({ "phase": "Bound", "accessModes": ["ReadWriteOnce"],
            "capacity": { "storage": "2Gi" } });
    });
    world.at_rest().await;
    let status = claim_of(&world)["status"].clone();
    assert_eq!(status["capacity"]["storage"], "2Gi");
    assert!(
        status["conditions"].is_null() && status["allocatedResources"].is_null(),
        "{status}"
    );
    world.is_silent().await;
}

#[tokio::test]
async fn a_size_that_the_host_refuses_is_told_and_asked_for_again_later() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    World::change(&world.tenant, &format!("{CLAIMS}data"), |claim| {
        claim["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
    });
    world.storage_catches_up();
    world.host.refuse(Some(("PATCH", 403)));
    let round = world.round(&data()).await.unwrap();
    assert_eq!((round.state, round.again.is_some()), (State::Ready, true));
    let told = world.told("VolumeResizeFailed").await;
    assert!(
        told.contains("refused the new size") && !told.contains("wc-ci"),
        "{told}"
    );
    world.host.refuse(None);
    world.at_rest().await;
    let host = host_claim_of(&world);
    assert_eq!(host["spec"]["resources"]["requests"]["storage"], "2Gi");
}

#[tokio::test]
async fn a_class_that_is_not_offered_is_told_with_those_that_are() {
    let mut world = World::with_class().await;
    world.host_class("slow", &json!({}));
    let storage = Offer {
        names: vec!["slow".to_owned()],
        ..Offer::default()
    };
    world.set_policy(TenantPolicy {
        classes: Classes {
            storage,
            ..Classes::default()
        },
        ..TenantPolicy::default()
    });
    world.tenant_claim("t-data", &json!({}));
    world.at_rest().await;
    assert!(world.host.list(HOST_CLAIMS).is_empty());
    let told = world.told(Denied::REASON).await;
    assert!(
        told.contains("`fast`") && told.contains("offered: `slow`"),
        "{told}"
    );
    let State::Failed(why) = world.round(&data()).await.unwrap().state else {
        panic!("a Pod could use it")
    };
    assert_eq!(why, told);

    // A claim that has its volume keeps it, whatever is offered later.
    world.set_policy(TenantPolicy::default());
    world.bound("Delete").await;
    let storage = Offer {
        names: vec!["slow".to_owned()],
        ..Offer::default()
    };
    world.set_policy(TenantPolicy {
        classes: Classes {
            storage,
            ..Classes::default()
        },
        ..TenantPolicy::default()
    });
    world.at_rest().await;
    assert_eq!(world.host.list(HOST_CLAIMS).len(), 1);
    assert_eq!(world.round(&data()).await.unwrap().state, State::Ready);
}

#[tokio::test]
async fn a_volume_that_the_tenant_names_itself_is_denied() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({ "volumeName": "of-the-host" }));
    world.at_rest().await;
    assert!(world.host.list(HOST_CLAIMS).is_empty());
    let told = world.told(Denied::REASON).await;
    assert!(told.contains("spec.volumeName"), "{told}");
}

#[tokio::test]
async fn a_claim_without_a_class_waits_and_gets_the_default_that_comes() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({ "storageClassName": null }));
    world.at_rest().await;
    assert_eq!(world.told(claim::WAITS_REASON).await, claim::WAITS);
    assert!(world.host.list(HOST_CLAIMS).is_empty());
    let default = json!({ "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } });
    world.host_class("usual", &json!({ "metadata": default }));
    world.at_rest().await;
    assert_eq!(claim_of(&world)["spec"]["storageClassName"], "usual");
    assert_eq!(host_claim_of(&world)["spec"]["storageClassName"], "usual");
    world.is_silent().await;
}

#[tokio::test]
async fn a_lost_host_claim_is_said_and_never_made_again() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.host.remove(&world.host_claim());
    world.host.remove(&format!("{VOLUMES}of-the-host"));
    world.host.calls();
    world.at_rest().await;
    assert_eq!(claim_of(&world)["status"]["phase"], "Lost");
    assert_eq!(world.told(claim::LOST_REASON).await, claim::LOST);
    assert!(world.host.writes().is_empty());
    assert!(world.tenant.list(VOLUMES).is_empty());
    world.is_silent().await;
}

#[tokio::test]
async fn a_host_claim_that_only_the_store_lacks_is_not_lost() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.storage_catches_up();
    for key in world.ctx.host.storage.claims.keys() {
        world.ctx.host.storage.claims.remove(&key);
    }
    assert!(is_stale(&world.round(&data()).await));
    assert_eq!(claim_of(&world)["status"]["phase"], "Bound");
}

#[tokio::test]
async fn a_host_claim_that_is_not_bound_yet_and_goes_is_made_again() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({}));
    world.at_rest().await;
    world.host.remove(&world.host_claim());
    world.at_rest().await;
    assert_eq!(world.host.list(HOST_CLAIMS).len(), 1);
}

#[tokio::test]
async fn a_host_claim_that_lost_its_volume_loses_the_tenants() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.host.remove(&format!("{VOLUMES}of-the-host"));
    World::change(&world.host, &world.host_claim(), |claim| {
        claim["status"]["phase"] = json!("Lost");
    });
    world.at_rest().await;
    assert_eq!(claim_of(&world)["status"]["phase"], "Lost");
    world.told(claim::LOST_REASON).await;
    world.is_silent().await;
}

#[tokio::test]
async fn a_claim_that_is_going_before_it_came_down_does_not_come() {
    let world = World::with_class().await;
    world.tenant_claim("t-data", &json!({}));
    World::change(&world.tenant, &format!("{CLAIMS}data"), |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:00Z");
    });
    world.at_rest().await;
    assert!(world.host.list(HOST_CLAIMS).is_empty());
}

#[tokio::test]
async fn without_the_rights_to_the_hosts_storage_nothing_is_done() {
    let world = World::new().await;
    world.tenant_claim("t-data", &json!({}));
    world.host.calls();
    let State::Failed(why) = world.round(&data()).await.unwrap().state else {
        panic!("taken for absent")
    };
    assert_eq!(why, STANDS_STILL);
    assert!(world.host.calls().is_empty());
}
