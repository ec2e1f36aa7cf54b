//! Classes in the tenant: the host's as offered, the tenant's own left alone.

use serde_json::json;
use warren_crds::classes::{Classes, Offer};
use warren_translate::TenantPolicy;

use crate::testing::World;
use crate::testing::storage::CLASSES;

#[tokio::test]
async fn a_class_comes_up_without_what_is_the_hosts_and_goes_with_the_hosts() {
    let world = World::with_class().await;
    let (path, class) = world.tenant.only(CLASSES);
    assert_eq!(path, format!("{CLASSES}fast"));
    assert_eq!(class["provisioner"], "csi.example.com");
    assert!(!class.to_string().contains("of-the-host"), "{class}");
    world.is_silent().await;
    world.host.remove(&path);
    world.at_rest().await;
    assert!(world.tenant.list(CLASSES).is_empty());
}

#[tokio::test]
async fn only_what_is_offered_comes_up_and_what_no_longer_is_goes() {
    let mut world = World::with_class().await;
    let storage = Offer {
        match_labels: [("tier".to_owned(), "gold".to_owned())].into(),
        ..Offer::default()
    };
    world.set_policy(TenantPolicy {
        classes: Classes {
            storage,
            ..Classes::default()
        },
        ..TenantPolicy::default()
    });
    world.host_class("gold", &json!({ "metadata": { "labels": { "tier": "gold" } } }));
    world.at_rest().await;
    assert_eq!(world.tenant.only(CLASSES).0, format!("{CLASSES}gold"));
}

#[tokio::test]
async fn what_may_change_is_changed_and_what_may_not_is_made_anew() {
    let world = World::with_class().await;
    let before = world.tenant.only(CLASSES).1["metadata"]["uid"].clone();
    World::change(&world.host, &format!("{CLASSES}fast"), |class| {
        class["allowVolumeExpansion"] = json!(false);
    });
    world.at_rest().await;
    let class = world.tenant.only(CLASSES).1;
    assert_eq!(class["metadata"]["uid"], before);
    assert_ne!(class["allowVolumeExpansion"], json!(true));
    world.tenant.calls();
    World::change(&world.host, &format!("{CLASSES}fast"), |class| {
        class["reclaimPolicy"] = json!("Retain");
    });
    world.at_rest().await;
    assert_eq!(
        world.tenant.writes(),
        ["DELETE storageclasses", "POST storageclasses"]
    );
    assert_eq!(world.tenant.only(CLASSES).1["reclaimPolicy"], "Retain");
    world.is_silent().await;
}

#[tokio::test]
async fn the_tenants_own_class_of_that_name_stays() {
    let world = World::new().await;
    let own = json!({ "metadata": {}, "provisioner": "own.example.com" });
    world.tenant.put(&format!("{CLASSES}fast"), own);
    world.host_class("fast", &json!({}));
    world.is_silent().await;
    world.host.remove(&format!("{CLASSES}fast"));
    world.at_rest().await;
    assert_eq!(world.tenant.only(CLASSES).1["provisioner"], "own.example.com");
}
