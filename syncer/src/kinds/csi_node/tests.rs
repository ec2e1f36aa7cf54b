//! Drivers, what nodes take of their volumes and where there is room: of the classes on offer, for the tenant's Nodes.

use serde_json::{Value, json};
use warren_crds::classes::{Classes, Offer};
use warren_translate::TenantPolicy;

use crate::key::{Key, Kind};
use crate::testing::World;
use crate::testing::storage::{CLASSES, CSI_CAPACITIES, CSI_DRIVERS, CSI_NODES};

const NODE: &str = "/api/v1/nodes/node-1";

/// The host has two drivers, of which the class `fast` uses one, on two nodes, of which the tenant has `node-1`.
async fn world() -> World {
    let world = World::with_class().await;
    for driver in ["csi.example.com", "other.example.com"] {
        let spec = json!({ "attachRequired": true, "storageCapacity": true });
        world.host.put(
            &format!("{CSI_DRIVERS}{driver}"),
            json!({ "metadata": {}, "spec": spec }),
        );
    }
    for node in ["node-1", "node-2"] {
        let driver =
            |name: &str| json!({ "name": name, "nodeID": "of-the-host", "allocatable": { "count": 25 } });
        let drivers = [driver("csi.example.com"), driver("other.example.com")];
        let node = format!("{CSI_NODES}{node}");
        world
            .host
            .put(&node, json!({ "metadata": {}, "spec": { "drivers": drivers } }));
    }
    for (namespace, class) in [("csi", "fast"), ("other", "slow")] {
        let path = format!("{CSI_CAPACITIES}{namespace}/csistoragecapacities/csisc-1");
        let metadata = json!({ "namespace": namespace, "uid": format!("{namespace}-uid") });
        let capacity = json!({ "metadata": metadata, "storageClassName": class, "capacity": "10Gi", "nodeTopology": {} });
        world.host.put(&path, capacity);
    }
    world.is_silent().await;
    world
}

fn names(objects: &[Value]) -> Vec<&str> {
    let names = objects
        .iter()
        .filter_map(|object| object["metadata"]["name"].as_str());
    names.collect()
}

#[tokio::test]
async fn the_tenants_scheduler_gets_drivers_limits_and_room_of_what_is_offered() {
    let world = world().await;
    assert_eq!(names(&world.tenant.list(CSI_DRIVERS)), ["csi.example.com"]);
    let (path, node) = world.tenant.only(CSI_NODES);
    assert_eq!(path, format!("{CSI_NODES}node-1"));
    let driver = json!({ "name": "csi.example.com", "nodeID": "node-1", "allocatable": { "count": 25 } });
    assert_eq!(node["spec"]["drivers"], json!([driver]));
    assert_eq!(node["metadata"]["ownerReferences"][0]["uid"], "node-uid");
    let (path, room) = world.tenant.only(CSI_CAPACITIES);
    assert_eq!(
        path,
        format!("{CSI_CAPACITIES}kube-system/csistoragecapacities/csisc-csi-uid")
    );
    assert_eq!(
        (&room["storageClassName"], &room["capacity"]),
        (&json!("fast"), &json!("10Gi"))
    );
}

#[tokio::test]
async fn they_follow_the_host() {
    let world = world().await;
    let room = format!("{CSI_CAPACITIES}csi/csistoragecapacities/csisc-1");
    World::change(&world.host, &room, |room| room["capacity"] = json!("9Gi"));
    World::change(&world.host, &format!("{CSI_NODES}node-1"), |node| {
        node["spec"]["drivers"][0]["allocatable"]["count"] = json!(24);
    });
    world.at_rest().await;
    assert_eq!(world.tenant.only(CSI_CAPACITIES).1["capacity"], "9Gi");
    let node = world.tenant.only(CSI_NODES).1;
    assert_eq!(node["spec"]["drivers"][0]["allocatable"]["count"], 24);
    world.host.remove(&room);
    world.host.remove(&format!("{CSI_DRIVERS}csi.example.com"));
    world.at_rest().await;
    assert!(world.tenant.list(CSI_CAPACITIES).is_empty());
    assert!(world.tenant.list(CSI_DRIVERS).is_empty());
}

#[tokio::test]
async fn what_is_no_longer_offered_goes() {
    let mut world = world().await;
    world.set_policy(TenantPolicy {
        classes: Classes {
            storage: Offer {
                names: vec!["nothing".to_owned()],
                ..Offer::default()
            },
            ..Classes::default()
        },
        ..TenantPolicy::default()
    });
    world.at_rest().await;
    for path in [CLASSES, CSI_DRIVERS, CSI_CAPACITIES] {
        assert!(world.tenant.list(path).is_empty(), "{path}");
    }
    assert_eq!(world.tenant.only(CSI_NODES).1["spec"]["drivers"], json!([]));
}

#[tokio::test]
async fn a_csi_node_comes_and_goes_with_the_node_and_is_its_successors_anew() {
    let world = world().await;
    let uid = world.tenant.only(CSI_NODES).1["metadata"]["uid"].clone();
    world
        .tenant
        .put(NODE, json!({ "metadata": { "uid": "successor" } }));
    world.at_rest().await;
    let node = world.tenant.only(CSI_NODES).1;
    assert_eq!(node["metadata"]["ownerReferences"][0]["uid"], "successor");
    assert_ne!(node["metadata"]["uid"], uid);
    world.tenant.remove(NODE);
    world.at_rest().await;
    assert!(world.tenant.list(CSI_NODES).is_empty());
}

#[tokio::test]
async fn a_class_that_comes_on_offer_has_its_driver_looked_at() {
    let world = World::new().await;
    let driver = json!({ "metadata": {}, "spec": {} });
    world.host.put(&format!("{CSI_DRIVERS}csi.example.com"), driver);
    world.host_class("fast", &json!({}));
    world.ups_catch_up();
    assert_eq!(world.ctx.queue.depth(), 0);
    world
        .round(&Key::cluster(Kind::StorageClass, "fast"))
        .await
        .unwrap();
    assert_eq!(world.ctx.queue.depth(), 1);
}
