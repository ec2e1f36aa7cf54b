//! Pods that the host's scheduler places.

use serde_json::{Value, json};
use warren_crds::keys;
use warren_crds::scheduling::HostScheduling;
use warren_translate::TenantPolicy;

use super::super::condition;
use super::world::{TENANT, World};

const NONE: [&str; 0] = [];

/// A Pod that nobody has bound, in a cluster without a scheduler that has the Nodes `n1` and `n2`.
fn world(spec: &Value) -> World {
    let policy = TenantPolicy {
        host_scheduling: Some(HostScheduling {
            node_selector: [("pool".to_owned(), "shared".to_owned())].into(),
            scheduler_name: None,
        }),
        ..TenantPolicy::default()
    };
    let mut unbound = json!({ "nodeName": null });
    add(&mut unbound, spec);
    let world = World::start(&unbound, policy);
    world.node("n1", &json!({}));
    world.node("n2", &json!({}));
    world
}

fn add(to: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        to[key] = value.clone();
    }
}

/// The host's scheduler has no place for the Pod.
fn refuse(world: &World, message: &str) {
    world.host.change(&world.path, |pod| {
        pod["status"]["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
            "lastTransitionTime": "2026-11-30T08:00:00Z",
        }]);
    });
}

/// The host's scheduler places the Pod.
fn place(world: &World, node: &str) {
    world.host.change(&world.path, |pod| {
        pod["spec"]["nodeName"] = json!(node);
        pod["status"]["conditions"] = json!([{ "type": "PodScheduled", "status": "True" }]);
    });
}

#[tokio::test]
async fn a_pod_waits_in_the_tenant_for_the_hosts_place_and_is_bound_there() {
    let world = world(&json!({}));
    assert_eq!(
        world.settle().await,
        [
            "GET /api/v1/namespaces/wc/configmaps/warren-anchor",
            "POST /api/v1/namespaces/wc/pods"
        ]
    );
    let host = world.host_pod();
    assert_eq!(host["spec"]["nodeSelector"], json!({ "pool": "shared" }));
    assert_eq!(host["spec"]["affinity"], Value::Null);
    refuse(
        &world,
        "0/9 nodes are available: 2 Insufficient cpu, 7 node(s) had untolerated taint {team: secret}.",
    );
    let (tenant, host) = world.round().await;
    assert_eq!((tenant, host), (vec!["PATCH pod/status".to_owned()], vec![]));
    assert_eq!(world.settle().await, NONE);
    let scheduled = condition(&world.tenant_pod(), "PodScheduled");
    assert_eq!(
        (&scheduled["status"], &scheduled["reason"]),
        (&json!("False"), &json!("Unschedulable"))
    );
    assert_eq!(
        scheduled["message"],
        "no node of this cluster fits: not enough cpu"
    );
    assert_eq!(world.tenant_pod()["status"]["phase"], "Pending");

    let why = "FailedScheduling: no node of this cluster fits: not enough cpu";
    assert_eq!(world.tenant.events(1).await, [why]);

    place(&world, "n2");
    let (tenant, host) = world.round().await;
    assert_eq!((tenant, host), (vec!["POST pod/binding".to_owned()], vec![]));
    let events = world.tenant.events(2).await;
    assert_eq!(events, [why, "Scheduled: Successfully assigned ns/web to n2"]);
    assert_eq!(world.tenant_pod()["spec"]["nodeName"], "n2");
    assert_eq!(world.settle().await, NONE);
    world
        .host
        .change(&world.path, |pod| pod["status"]["phase"] = json!("Running"));
    world.settle().await;
    assert_eq!(world.tenant_pod()["status"]["phase"], "Running");
    assert_eq!(condition(&world.tenant_pod(), "PodScheduled")["status"], "True");
}

#[tokio::test]
async fn nothing_is_told_of_a_pod_on_a_node_that_the_tenant_has_not() {
    let world = world(&json!({}));
    world.settle().await;
    place(&world, "n3");
    world
        .host
        .change(&world.path, |pod| pod["status"]["phase"] = json!("Running"));
    assert_eq!(world.round().await, (vec![], vec![]));
    world.node("n3", &json!({}));
    assert_eq!(world.round().await.0, ["POST pod/binding"]);
    world.settle().await;
    assert_eq!(world.tenant_pod()["status"]["phase"], "Running");
}

#[tokio::test]
async fn a_waiting_pod_that_the_tenant_deletes_is_gone_from_the_host() {
    let world = world(&json!({}));
    world.identify().await;
    world.settle().await;
    refuse(&world, "0/1 nodes are available: 1 Insufficient cpu.");
    world.settle().await;
    // An apiserver gives a Pod without a node no grace.
    world.tenant.remove(TENANT);
    world.settle().await;
    assert_eq!(world.host.get(&world.path), None);
}

#[tokio::test]
async fn a_pod_with_gates_or_another_scheduler_is_left_alone() {
    for spec in [
        json!({ "schedulingGates": [{ "name": "example.com/later" }] }),
        json!({ "schedulerName": "of-the-tenant" }),
    ] {
        let world = world(&spec);
        assert_eq!(world.settle().await, NONE, "{spec}");
        assert_eq!(world.host.get(&world.path), None);
        // Whoever binds it, the host Pod is pinned.
        world.user(|pod| {
            pod["spec"]["nodeName"] = json!("n1");
            pod["spec"]["schedulingGates"] = Value::Null;
        });
        world.settle().await;
        let affinity = world.host_pod()["spec"]["affinity"].to_string();
        assert!(affinity.contains(r#""values":["n1"]"#), "{affinity}");
    }
}

#[tokio::test]
async fn a_pod_without_a_place_is_asked_for_anew_when_the_tenant_closes_or_opens_a_node() {
    for restart_policy in ["Always", "Never"] {
        let world = world(&json!({ "restartPolicy": restart_policy }));
        world.settle().await;
        refuse(&world, "0/2 nodes are available: 2 Insufficient cpu.");
        world.settle().await;
        world.node("n1", &json!({ "unschedulable": true }));
        let asked = world.settle().await;
        assert_eq!(
            asked.last().unwrap(),
            "POST /api/v1/namespaces/wc/pods",
            "{asked:?}"
        );
        assert!(asked.contains(&"DELETE pod".to_owned()), "{asked:?}");
        let affinity = world.host_pod()["spec"]["affinity"].to_string();
        assert!(
            affinity.contains(r#""operator":"NotIn","values":["n1"]"#),
            "{affinity}"
        );
        let pod = world.tenant_pod();
        assert_eq!(pod["status"]["phase"], "Pending");
        assert!(pod["metadata"]["annotations"][keys::STARTED].is_string());
        world.node("n1", &json!({}));
        world.settle().await;
        assert_eq!(world.host_pod()["spec"]["affinity"], Value::Null);
        place(&world, "n1");
        world.settle().await;
        assert_eq!(world.tenant_pod()["spec"]["nodeName"], "n1");
    }
}

#[tokio::test]
async fn a_pod_that_was_placed_meanwhile_is_not_taken_back() {
    let world = world(&json!({}));
    world.settle().await;
    refuse(&world, "0/2 nodes are available: 2 Insufficient cpu.");
    world.settle().await;
    world.node("n1", &json!({ "unschedulable": true }));
    let again = world.round_while(|world| place(world, "n1")).await;
    assert!(again, "a conflict is tried again");
    assert_eq!(world.host_pod()["spec"]["nodeName"], "n1");
    world.settle().await;
    assert_eq!(world.tenant_pod()["spec"]["nodeName"], "n1");
    // It is no longer of those whose end means nothing.
    world
        .host
        .change(&world.path, |pod| pod["status"]["phase"] = json!("Running"));
    world.settle().await;
    world.host.remove(&world.path);
    world.settle().await;
    assert_eq!(world.tenant_pod()["status"]["phase"], "Failed");
}

#[tokio::test]
async fn a_pod_that_is_bound_by_hand_to_another_node_than_the_hosts_fails() {
    let world = world(&json!({}));
    world.settle().await;
    place(&world, "n2");
    world.user(|pod| pod["spec"]["nodeName"] = json!("n1"));
    world.settle().await;
    let pod = world.tenant_pod();
    assert_eq!(
        (&pod["status"]["phase"], &pod["status"]["reason"]),
        (&json!("Failed"), &json!("NodeAffinity"))
    );
    assert_eq!(world.host_pod()["metadata"]["deletionGracePeriodSeconds"], 30);
}

#[tokio::test]
async fn a_process_that_dies_at_any_request_leaves_a_pod_that_runs_once() {
    for count in 1..12 {
        let mut world = world(&json!({}));
        world.die_after(count);
        world.survive().await;
        place(&world, "n1");
        world.survive().await;
        let pod = world.tenant_pod();
        assert_eq!(pod["spec"]["nodeName"], "n1", "after {count}");
        assert_eq!(pod["status"]["phase"], "Pending", "after {count}");
    }
}

#[tokio::test]
async fn a_pod_that_the_tenant_placed_says_what_it_waits_for_on_the_host() {
    let world = World::start(&json!({}), TenantPolicy::default());
    world.settle().await;
    refuse(
        &world,
        "0/9 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    );
    world.settle().await;
    let why = "WaitsForHost: the host has not placed the Pod yet: no node of this cluster fits: a claim has no volume yet";
    assert_eq!(world.tenant.events(1).await, [why]);
    assert_eq!(condition(&world.tenant_pod(), "PodScheduled"), Value::Null);
}
