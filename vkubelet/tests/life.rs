//! The Pod loop between two clusters in memory: which requests a Pod's life takes, and that they end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod life {
    //! What the stories need.
    pub(crate) mod api;
    mod crash;
    mod gates;
    mod lost;
    #[path = "../../../translate/src/testing/merge.rs"]
    pub(crate) mod merge;
    mod nodes;
    mod placing;
    mod policies;
    mod quota;
    mod slices;
    mod storm;
    pub(crate) mod world;
    mod writes;
}

use life::world::{TENANT, World};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::TenantPolicy;

const NONE: [&str; 0] = [];

async fn running(spec: &Value) -> World {
    let world = World::start(spec, TenantPolicy::default());
    world.settle().await;
    world.kubelet(json!({
        "phase": "Running", "startTime": "2026-11-21T12:00:00Z",
        "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 1 }],
        "containerStatuses": [{ "name": "c", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
            "state": { "running": {} } }],
    }));
    world.settle().await;
    world
}

fn condition(pod: &Value, type_: &str) -> Value {
    let conditions = pod["status"]["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == type_);
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_pod_starts_with_a_marker_and_a_create_and_its_status_takes_one_write() {
    let world = World::start(&json!({}), TenantPolicy::default());
    let (tenant, host) = world.round().await;
    assert_eq!(tenant, ["GET /api/v1/namespaces/ns", "PATCH pod"]);
    assert_eq!(
        host,
        [
            "GET /api/v1/namespaces/wc/configmaps/warren-anchor",
            "POST /api/v1/namespaces/wc/pods"
        ]
    );
    assert!(world.settle().await.is_empty());
    world.kubelet(json!({ "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{ "ip": "10.0.0.1" }] }));
    let (tenant, host) = world.round().await;
    assert_eq!((tenant, host), (vec!["PATCH pod/status".to_owned()], vec![]));
    assert_eq!(world.round().await, (vec![], vec![]));
    let pod = world.tenant_pod();
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["status"]["podIPs"], json!([{ "ip": "10.0.0.1" }]));
    assert_eq!(pod["status"]["observedGeneration"], 1);
}

#[tokio::test]
async fn a_marker_of_a_predecessor_starts_the_pod_once_the_host_denies_having_it() {
    let world = World::start(&json!({}), TenantPolicy::default());
    world.tenant.change(TENANT, |pod| {
        pod["metadata"]["annotations"] = json!({ keys::STARTED: "before" });
    });
    let (_tenant, host) = world.round().await;
    assert_eq!(host[0], "GET pod");
    assert_eq!(
        world.host_pod()["metadata"]["annotations"][keys::ORIGIN_UID],
        "tenant-uid"
    );
    // One that a kubelet spoke of is not started again.
    let world = World::start(&json!({}), TenantPolicy::default());
    world.tenant.change(TENANT, |pod| {
        pod["metadata"]["annotations"] = json!({ keys::STARTED: "before" });
        pod["status"]["startTime"] = json!("2026-11-21T12:00:00Z");
    });
    world.settle().await;
    assert_eq!(world.host.get(&world.path), None);
    assert_eq!(world.tenant_pod()["status"]["reason"], "Deleted");
}

#[tokio::test]
async fn a_denied_pod_is_told_once_and_stays() {
    let world = World::start(&json!({ "hostNetwork": true }), TenantPolicy::default());
    let (tenant, _host) = world.round().await;
    assert_eq!(tenant, ["PATCH pod/status"]);
    assert_eq!(world.settle().await, NONE);
    let denied = condition(&world.tenant_pod(), "warren.dev/Synced");
    assert_eq!(
        (&denied["status"], &denied["reason"]),
        (&json!("False"), &json!("Denied"))
    );
    assert!(denied["message"].to_string().contains("hostNetwork"), "{denied}");
    assert_eq!(world.tenant_pod()["status"]["phase"], "Pending");
}

#[tokio::test]
async fn an_update_takes_one_request_and_its_generation_comes_back() {
    let world = running(&json!({})).await;
    world.user(|pod| {
        pod["spec"]["containers"][0]["image"] = json!("web:2");
        pod["spec"]["activeDeadlineSeconds"] = json!(60);
    });
    assert_eq!(world.settle().await, ["PATCH pod"]);
    // The host's kubelet has not seen it yet.
    assert_eq!(world.tenant_pod()["status"]["observedGeneration"], 1);
    let status = world.host_pod()["status"].clone();
    world.kubelet(status);
    assert_eq!(world.settle().await, NONE);
    assert_eq!(world.tenant_pod()["status"]["observedGeneration"], 2);
    assert_eq!(world.host_pod()["spec"]["containers"][0]["image"], "web:2");
    // The host makes something else of it: its business.
    world.host.change(&world.path, |pod| {
        pod["spec"]["containers"][0]["image"] = json!("mirror/web:2");
    });
    assert_eq!(world.settle().await, NONE);
}

fn resources(cpu: &str) -> Value {
    json!({ "containers": [{ "name": "c", "image": "web:1", "resources": { "requests": { "cpu": cpu } } }] })
}

#[tokio::test]
async fn a_resize_goes_to_its_subresource_and_is_recorded() {
    let world = running(&resources("1")).await;
    world.user(|pod| pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("2"));
    assert_eq!(world.settle().await, ["PATCH pod/resize", "PATCH pod"]);
    assert_eq!(
        world.host_pod()["spec"]["containers"][0]["resources"]["requests"]["cpu"],
        "2"
    );
    let mut status = world.host_pod()["status"].clone();
    status["containerStatuses"][0]["resources"] = json!({ "requests": { "cpu": "2" } });
    world.kubelet(status);
    assert_eq!(world.settle().await, NONE);
    let status = world.tenant_pod()["status"].clone();
    assert_eq!(
        status["containerStatuses"][0]["resources"]["requests"]["cpu"],
        "2"
    );
    assert_eq!(status["observedGeneration"], 2);
}

#[tokio::test]
async fn a_resize_that_the_host_refuses_is_infeasible_and_not_asked_again() {
    let world = running(&resources("1")).await;
    world
        .host
        .refuse(&format!("PATCH {}/resize", world.path), 422, "wc has not so much");
    world.user(|pod| pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("2"));
    assert_eq!(world.settle().await, ["PATCH pod/resize"]);
    let pending = condition(&world.tenant_pod(), "PodResizePending");
    assert_eq!(
        (&pending["reason"], &pending["message"]),
        (&json!("Infeasible"), &json!("ns has not so much"))
    );
    assert_eq!(world.tenant_pod()["status"]["observedGeneration"], 2);
    // Taken back, nothing is pending.
    world.user(|pod| pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("1"));
    world.settle().await;
    assert_eq!(condition(&world.tenant_pod(), "PodResizePending"), Value::Null);
}

#[tokio::test]
async fn ephemeral_containers_are_added_once_and_held_to_the_rules() {
    let world = running(&json!({})).await;
    world.user(|pod| {
        pod["spec"]["ephemeralContainers"] =
            json!([{ "name": "debug", "image": "busybox", "targetContainerName": "c" }]);
    });
    assert_eq!(world.settle().await, ["PATCH pod/ephemeralcontainers"]);
    assert_eq!(
        world.host_pod()["spec"]["ephemeralContainers"][0]["targetContainerName"],
        "c"
    );
    world.user(|pod| {
        let root = json!({ "name": "root", "image": "busybox", "securityContext": { "privileged": true } });
        pod["spec"]["ephemeralContainers"]
            .as_array_mut()
            .unwrap()
            .push(root);
    });
    assert_eq!(world.settle().await, NONE);
    let denied = condition(&world.tenant_pod(), "warren.dev/Synced");
    assert!(denied["message"].to_string().contains("privileged"), "{denied}");
    assert_eq!(
        world.host_pod()["spec"]["ephemeralContainers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_pod_that_ends_by_itself_is_let_go_when_the_tenant_knows() {
    let world = running(&json!({ "restartPolicy": "Never" })).await;
    assert_eq!(
        world.host_pod()["metadata"]["finalizers"],
        json!([keys::STATUS_FINALIZER])
    );
    // The host drains its node: the Pod is told to end, ends well, and only the finalizer keeps it.
    world.host.change(&world.path, |pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    });
    world.kubelet(json!({ "phase": "Succeeded" }));
    let (tenant, host) = world.round().await;
    assert_eq!((tenant, host), (vec!["PATCH pod/status".to_owned()], vec![]));
    assert_eq!(world.tenant_pod()["status"]["phase"], "Succeeded");
    let (tenant, host) = world.round().await;
    assert_eq!((tenant, host), (vec![], vec!["PATCH pod".to_owned()]));
    assert_eq!(world.host.get(&world.path), None);
    assert_eq!(world.settle().await, NONE);
    assert_eq!(world.tenant_pod()["status"]["phase"], "Succeeded");
}

#[tokio::test]
async fn a_pod_that_the_host_takes_away_fails_with_the_reason() {
    let world = running(&json!({})).await;
    world.host.remove(&world.path);
    assert_eq!(world.settle().await, ["GET pod"]);
    let pod = world.tenant_pod();
    assert_eq!(
        (&pod["status"]["phase"], &pod["status"]["reason"]),
        (&json!("Failed"), &json!("Deleted"))
    );
    assert_eq!(condition(&pod, "DisruptionTarget")["status"], "True");
    assert_eq!(condition(&pod, "Ready")["status"], "False");
    assert_eq!(
        pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
        137
    );
}

#[tokio::test]
async fn a_deletion_waits_for_the_host_and_leaves_nothing() {
    for policy in ["Always", "Never"] {
        let world = running(&json!({ "restartPolicy": policy })).await;
        world.user(|pod| {
            pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        });
        assert_eq!(world.settle().await, ["DELETE pod"], "{policy}");
        assert!(world.tenant.get(TENANT).is_some(), "{policy}");
        // Its kubelet ends it, and then deletes it.
        world.kubelet(json!({ "phase": "Failed" }));
        world.host.change(&world.path, |pod| {
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        });
        if policy == "Always" {
            world.host.remove(&world.path);
        }
        world.settle().await;
        assert_eq!(world.host.get(&world.path), None, "{policy}");
        assert_eq!(world.tenant.get(TENANT), None, "{policy}");
    }
}

#[tokio::test]
async fn what_an_older_tenant_does_not_know_is_sent_once() {
    let world = running(&json!({})).await;
    world.tenant.forget("future");
    for restarts in 1..4 {
        let mut status = world.host_pod()["status"].clone();
        status["future"] = json!({ "a": restarts });
        status["containerStatuses"][0]["restartCount"] = json!(restarts);
        world.kubelet(status);
        let (tenant, host) = world.round().await;
        assert_eq!((tenant, host), (vec!["PATCH pod/status".to_owned()], vec![]));
        assert_eq!(world.round().await, (vec![], vec![]));
        let shown = &world.tenant_pod()["status"]["containerStatuses"][0]["restartCount"];
        assert_eq!(*shown, json!(restarts));
    }
}

#[tokio::test]
async fn a_status_that_the_tenant_refuses_is_tried_in_parts_and_then_left() {
    let world = running(&json!({})).await;
    world.tenant.refuse(&format!("PATCH {TENANT}/status"), 422, "no");
    world.kubelet(json!({ "phase": "Running", "message": "a", "reason": "b" }));
    let (tenant, _host) = world.round().await;
    assert!(tenant.len() > 2, "{tenant:?}");
    assert_eq!(world.round().await, (vec![], vec![]));
}

#[tokio::test]
async fn a_pod_that_the_host_cannot_place_is_refused_as_a_kubelet_does_and_its_owner_waits_longer() {
    let world = World::start(&json!({}), TenantPolicy::default());
    let owner = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": true }]);
    world
        .tenant
        .change(TENANT, |pod| pod["metadata"]["ownerReferences"] = owner);
    world.settle().await;
    world.host.change(&world.path, |pod| {
        pod["metadata"]["creationTimestamp"] = json!("2026-11-21T12:00:00Z");
        pod["status"]["conditions"] = json!([{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/9 nodes are available: 1 Insufficient cpu." }]);
    });
    let begun = world.patience();
    world.settle().await;
    let status = &world.tenant_pod()["status"];
    assert_eq!(status["reason"], "OutOfcpu");
    let message = "Pod was rejected: Node didn't have enough resource: cpu";
    assert_eq!(status["message"], message);
    assert_eq!(condition(&world.tenant_pod(), "DisruptionTarget"), Value::Null);
    assert_eq!(world.host.get(&world.path), None);
    assert_eq!(world.patience(), begun * 2);
}
