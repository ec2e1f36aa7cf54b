//! Writes of one Pod's whole life: to the tenant's status as many as the kubelet makes, and nothing twice.

use serde_json::{Value, json};
use warren_translate::TenantPolicy;

use super::world::{TENANT, World};

/// What a kubelet of 1.37 writes of a Pod with one container until it is told to end.
fn until_running() -> [Value; 3] {
    let condition =
        |type_: &str, status: &str| json!({ "type": type_, "status": status, "observedGeneration": 1 });
    let container = |state: Value, ready: bool| json!([{ "name": "c", "image": "web:1", "imageID": "x", "ready": ready, "restartCount": 0, "state": state }]);
    let waiting = json!({ "waiting": { "reason": "ContainerCreating" } });
    let not_ready = |sandbox: &str| {
        json!([
            condition("PodReadyToStartContainers", sandbox),
            condition("Initialized", "True"),
            condition("Ready", "False"),
            condition("ContainersReady", "False"),
            condition("PodScheduled", "True"),
        ])
    };
    let status = |phase: &str, conditions: Value, containers: Value| {
        json!({ "phase": phase, "hostIP": "10.88.0.11", "hostIPs": [{ "ip": "10.88.0.11" }],
            "startTime": "2026-11-21T12:00:00Z", "conditions": conditions, "containerStatuses": containers })
    };
    let ready = json!([
        condition("PodReadyToStartContainers", "True"),
        condition("Initialized", "True"),
        condition("Ready", "True"),
        condition("ContainersReady", "True"),
        condition("PodScheduled", "True"),
    ]);
    let mut running = status("Running", ready, container(json!({ "running": {} }), true));
    running["podIP"] = json!("10.244.0.9");
    running["podIPs"] = json!([{ "ip": "10.244.0.9" }]);
    [
        status("Pending", not_ready("False"), container(waiting.clone(), false)),
        status("Pending", not_ready("True"), container(waiting, false)),
        running,
    ]
}

/// And after that, to a generation of the host's.
fn until_gone(running: &Value) -> [Value; 2] {
    let mut stopped = running.clone();
    stopped["containerStatuses"][0]["state"] =
        json!({ "terminated": { "exitCode": 0, "reason": "Completed" } });
    stopped["containerStatuses"][0]["ready"] = json!(false);
    for condition in stopped["conditions"].as_array_mut().unwrap() {
        condition["observedGeneration"] = json!(2);
        if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
            condition["status"] = json!("False");
        }
    }
    let mut ended = stopped.clone();
    ended["phase"] = json!("Succeeded");
    ended["conditions"][0]["status"] = json!("False");
    [stopped, ended]
}

/// All that is asked of the tenant and of the host until nothing is.
async fn until_silent(world: &World) -> (Vec<String>, Vec<String>) {
    let mut all = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let (tenant, host) = world.round().await;
        if tenant.is_empty() && host.is_empty() {
            return all;
        }
        all.0.extend(tenant);
        all.1.extend(host);
    }
    panic!("it never settles: {all:?}");
}

#[tokio::test]
async fn each_status_of_the_kubelet_is_one_write_and_a_deletion_none_of_its_own() {
    let world = World::start(&json!({}), TenantPolicy::default());
    let scheduled = json!({ "type": "PodScheduled", "status": "True", "observedGeneration": 1 });
    world
        .tenant
        .change(TENANT, |pod| pod["status"]["conditions"] = json!([scheduled]));
    let (tenant, host) = until_silent(&world).await;
    assert_eq!(tenant, ["GET /api/v1/namespaces/ns", "PATCH pod"]);
    assert_eq!(
        host.last().map(String::as_str),
        Some("POST /api/v1/namespaces/wc/pods")
    );
    world.host.change(&world.path, |pod| {
        pod["spec"]["nodeName"] = json!("n1");
        pod["status"]["conditions"] = json!([scheduled]);
    });
    assert_eq!(until_silent(&world).await, (vec![], vec![]));

    let statuses = until_running();
    let one = (vec!["PATCH pod/status".to_owned()], vec![]);
    for status in &statuses {
        world.kubelet(status.clone());
        assert_eq!(until_silent(&world).await, one, "{status}");
    }
    world.user(|pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    });
    assert_eq!(
        until_silent(&world).await,
        (vec![], vec!["DELETE pod".to_owned()])
    );
    for status in until_gone(&statuses[2]) {
        world.kubelet(status.clone());
        assert_eq!(until_silent(&world).await, one, "{status}");
    }
    let status = world.tenant_pod()["status"].clone();
    assert_eq!(
        (&status["phase"], &status["observedGeneration"]),
        (&json!("Succeeded"), &json!(2))
    );
    world.host.remove(&world.path);
    assert_eq!(
        until_silent(&world).await,
        (vec!["DELETE pod".to_owned()], vec![])
    );
    assert_eq!(world.tenant.get(TENANT), None);
}

#[tokio::test]
async fn a_status_that_the_watch_does_not_show_yet_is_not_written_again() {
    let world = World::start(&json!({}), TenantPolicy::default());
    until_silent(&world).await;
    let one = (vec!["PATCH pod/status".to_owned()], vec![]);
    let [creating, ready_to_start, running] = until_running();
    world.kubelet(creating);
    assert_eq!(world.round().await, one);
    // The host's Pod changes in something that no status tells.
    world.host.change(&world.path, |pod| {
        pod["metadata"]["labels"]["platform"] = json!("x");
    });
    assert_eq!(world.round_behind().await, (vec![], vec![]));
    // Another status goes up all the same, also one that was told before.
    let creating = world.host_pod()["status"].clone();
    for status in [ready_to_start, running.clone(), creating, running] {
        world.kubelet(status);
        assert_eq!(world.round_behind().await, one);
        assert_eq!(world.round_behind().await, (vec![], vec![]));
    }
    until_silent(&world).await;
    assert_eq!(world.tenant_pod()["status"]["phase"], "Running");
    assert_eq!(until_silent(&world).await, (vec![], vec![]));
}
