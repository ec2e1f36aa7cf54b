//! What comes up, of every kind alike; StorageClasses have more tests beside them.

use serde_json::{Value, json};
use warren_crds::classes::{Classes, Named, Offer};
use warren_translate::TenantPolicy;

use crate::testing::storage::{CLASSES, INGRESS_CLASSES, PRIORITY_CLASSES, RUNTIME_CLASSES};
use crate::testing::{World, refill};

fn gold() -> Offer {
    Offer {
        match_labels: [("tier".to_owned(), "gold".to_owned())].into(),
        ..Offer::default()
    }
}

/// With what `offered` says on offer.
async fn world(classes: Classes) -> World {
    let mut world = World::new().await;
    world.set_policy(TenantPolicy {
        classes,
        ..TenantPolicy::default()
    });
    world
}

fn ingress_class(tier: &str) -> Value {
    json!({ "metadata": { "labels": { "tier": tier } }, "spec": { "controller": "example.com/ingress",
        "parameters": { "kind": "Of", "name": "the-host" } } })
}

#[tokio::test]
async fn a_label_brings_a_class_up_and_its_loss_takes_it_away() {
    let world = world(Classes {
        ingress: gold(),
        ..Classes::default()
    })
    .await;
    let path = format!("{INGRESS_CLASSES}public");
    world.host.put(&path, ingress_class("silver"));
    world.is_silent().await;
    assert!(world.tenant.list(INGRESS_CLASSES).is_empty());
    world.host.put(&path, ingress_class("gold"));
    world.at_rest().await;
    let (at, class) = world.tenant.only(INGRESS_CLASSES);
    assert_eq!(at, path);
    assert_eq!(class["spec"], json!({ "controller": "example.com/ingress" }));
    world.is_silent().await;
    world.host.put(&path, ingress_class("silver"));
    world.at_rest().await;
    assert!(world.tenant.list(INGRESS_CLASSES).is_empty());
}

#[tokio::test]
async fn what_the_tenant_does_to_a_class_of_the_hosts_is_undone() {
    let world = world(Classes::default()).await;
    let path = format!("{INGRESS_CLASSES}public");
    world.host.put(&path, ingress_class("any"));
    world.at_rest().await;
    World::change(&world.tenant, &path, |class| {
        class["spec"]["parameters"] = json!({ "kind": "A", "name": "b" });
    });
    world.at_rest().await;
    let class = world.tenant.only(INGRESS_CLASSES).1;
    assert_eq!(class["spec"], json!({ "controller": "example.com/ingress" }));
    world.tenant.remove(&path);
    world.at_rest().await;
    assert_eq!(world.tenant.list(INGRESS_CLASSES).len(), 1);
}

#[tokio::test]
async fn a_class_of_the_tenants_own_stays_and_it_is_told_what_it_hides() {
    let world = world(Classes::default()).await;
    let path = format!("{INGRESS_CLASSES}public");
    let own = json!({ "metadata": {}, "spec": { "controller": "own.example.com/ingress" } });
    world.tenant.put(&path, own);
    world.host.put(&path, ingress_class("any"));
    world.pass().await;
    let told = world.told("HidesOffer").await;
    assert!(told.contains("offers one of this name"), "{told}");
    world.is_silent().await;
    let stays = world.tenant.only(INGRESS_CLASSES).1;
    assert_eq!(stays["spec"]["controller"], "own.example.com/ingress");
    world.host.remove(&path);
    world.is_silent().await;
    assert_eq!(world.tenant.list(INGRESS_CLASSES).len(), 1);
}

#[tokio::test]
async fn before_the_host_is_known_nothing_is_taken_away() {
    let mut world = world(Classes::default()).await;
    for (at, class) in [
        (INGRESS_CLASSES, ingress_class("any")),
        (CLASSES, json!({ "metadata": {}, "provisioner": "p" })),
    ] {
        world.host.put(&format!("{at}public"), class);
    }
    world.at_rest().await;
    world.restart().await;
    world.tenant.calls();
    let ups = &world.ctx.ups;
    refill(&ups.storage_classes.tenant, world.tenant.list(CLASSES));
    refill(&ups.ingress_classes.tenant, world.tenant.list(INGRESS_CLASSES));
    for key in world.up_keys() {
        world.round(&key).await.unwrap();
    }
    assert_eq!(world.tenant.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn priorities_and_runtimes_come_up_by_name_and_only_those_that_are_named() {
    let named = |names: &[&str]| Named {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let mut world = world(Classes {
        priority: named(&["batch", "system-node-critical"]),
        runtime: named(&["sandbox"]),
        ..Classes::default()
    })
    .await;
    for name in ["batch", "urgent", "system-node-critical"] {
        let class =
            json!({ "metadata": {}, "value": 10, "description": name, "globalDefault": name == "batch" });
        world.host.put(&format!("{PRIORITY_CLASSES}{name}"), class);
    }
    for name in ["sandbox", "weaker"] {
        let class = json!({ "metadata": {}, "handler": name, "overhead": { "podFixed": { "cpu": "250m" } } });
        world.host.put(&format!("{RUNTIME_CLASSES}{name}"), class);
    }
    // As every Kubernetes has it.
    let system = format!("{PRIORITY_CLASSES}system-node-critical");
    world
        .tenant
        .put(&system, json!({ "metadata": {}, "value": 2_000_001_000 }));
    world.is_silent().await;
    let classes = world.tenant.list(PRIORITY_CLASSES);
    let shown: Vec<_> = classes.iter().map(|class| &class["metadata"]["name"]).collect();
    assert_eq!(shown, ["batch", "system-node-critical"]);
    assert_eq!(classes[0]["value"], 10);
    assert_eq!(classes[0].get("globalDefault"), None);
    assert_eq!(classes[1]["value"], 2_000_001_000);
    let (path, sandbox) = world.tenant.only(RUNTIME_CLASSES);
    assert_eq!(path, format!("{RUNTIME_CLASSES}sandbox"));
    assert_eq!(sandbox["overhead"]["podFixed"]["cpu"], "250m");

    World::change(&world.host, &format!("{PRIORITY_CLASSES}batch"), |class| {
        class["description"] = json!("for the night");
    });
    world.tenant.calls();
    world.at_rest().await;
    assert_eq!(world.tenant.writes(), ["PATCH priorityclasses"]);
    assert_eq!(
        world.tenant.list(PRIORITY_CLASSES)[0]["description"],
        "for the night"
    );

    world.set_policy(TenantPolicy {
        runtime_class_name: Some("sandbox".to_owned()),
        ..TenantPolicy::default()
    });
    world.at_rest().await;
    assert_eq!(
        world.tenant.list(PRIORITY_CLASSES).len(),
        1,
        "only Kubernetes' own"
    );
    assert_eq!(
        world.tenant.list(RUNTIME_CLASSES).len(),
        1,
        "the class's own is offered"
    );
}
