//! Readiness gates: what controllers of the tenant say goes down once, and what the host's kubelet makes of it comes up.

use serde_json::{Value, json};
use warren_translate::TenantPolicy;

use super::super::condition;
use super::world::{TENANT, World};

const GATE: &str = "example.com/in-pool";
const ON_HOST: &str = "example.com.tenant.warren.dev/in-pool";
const NONE: [&str; 0] = [];

fn requests(asked: &[&str]) -> Vec<String> {
    asked.iter().map(|request| (*request).to_owned()).collect()
}

/// A Pod whose containers are ready, as the host's kubelet says.
async fn gated() -> World {
    let spec = json!({ "readinessGates": [{ "conditionType": GATE }] });
    let world = World::start(&spec, TenantPolicy::default());
    world.settle().await;
    world.kubelet(
        json!({ "phase": "Running", "conditions": [{ "type": "ContainersReady", "status": "True" }] }),
    );
    kubelet_counts(&world);
    world.settle().await;
    world
}

/// The host's kubelet counts the gates.
fn kubelet_counts(world: &World) {
    let said = condition(&world.host_pod(), ON_HOST)["status"].clone();
    let why = match said.as_str() {
        Some("True") => None,
        Some(said) => Some(format!(
            "the status of pod readiness gate \"{ON_HOST}\" is not \"True\", but {said}"
        )),
        None => Some(format!(
            "corresponding condition of pod readiness gate \"{ON_HOST}\" does not exist."
        )),
    };
    let ready = match why {
        None => json!({ "type": "Ready", "status": "True" }),
        Some(why) => {
            json!({ "type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": why })
        }
    };
    world.host.change(&world.path, |pod| {
        let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != "Ready");
        conditions.push(ready);
    });
}

/// A controller of the tenant.
fn say(world: &World, status: Option<&str>) {
    world.tenant.change(TENANT, |pod| {
        let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != GATE);
        conditions.extend(status.map(|status| json!({ "type": GATE, "status": status, "reason": "Secret" })));
    });
}

#[tokio::test]
async fn each_word_of_a_controller_takes_one_request_and_what_it_means_one_more() {
    let world = gated().await;
    assert_eq!(
        world.host_pod()["spec"]["readinessGates"],
        json!([{ "conditionType": ON_HOST }])
    );
    let ready = condition(&world.tenant_pod(), "Ready");
    let message = format!("corresponding condition of pod readiness gate \"{GATE}\" does not exist.");
    assert_eq!(
        (&ready["status"], &ready["message"]),
        (&json!("False"), &json!(message))
    );
    for (said, expected) in [
        (Some("False"), "False"),
        (Some("True"), "True"),
        (Some("Unknown"), "False"),
        (Some("True"), "True"),
        (None, "False"),
    ] {
        say(&world, said);
        assert_eq!(
            world.round().await,
            (vec![], requests(&["PATCH pod/status"])),
            "{said:?}"
        );
        assert_eq!(world.settle().await, NONE, "{said:?}");
        let on_host = condition(&world.host_pod(), ON_HOST);
        assert_eq!(on_host["status"].as_str(), said);
        assert_eq!(on_host.get("reason"), None);
        kubelet_counts(&world);
        assert_eq!(
            world.round().await,
            (requests(&["PATCH pod/status"]), vec![]),
            "{said:?}"
        );
        assert_eq!(world.settle().await, NONE, "{said:?}");
        let pod = world.tenant_pod();
        assert_eq!(condition(&pod, "Ready")["status"], expected);
        assert_eq!(condition(&pod, GATE)["status"].as_str(), said);
        assert!(!pod["status"].to_string().contains("tenant.warren.dev"), "{pod}");
    }
}

#[tokio::test]
async fn another_process_carries_on_and_repeats_nothing() {
    let mut world = gated().await;
    say(&world, Some("True"));
    // The request takes effect, and the process dies before it knows.
    world.die_after(1);
    world.survive().await;
    assert_eq!(condition(&world.host_pod(), ON_HOST)["status"], "True");
    world.restart();
    assert_eq!(world.settle().await, NONE);
}

#[tokio::test]
async fn a_host_that_takes_no_conditions_is_asked_once_and_the_tenant_is_told() {
    let world = gated().await;
    world.host.refuse(
        &format!("PATCH {}/status", world.path),
        422,
        "wc does not allow it",
    );
    say(&world, Some("True"));
    assert_eq!(world.settle().await, ["PATCH pod/status"]);
    let told = condition(&world.tenant_pod(), "warren.dev/Synced")["message"].clone();
    let expected = "the host refuses the conditions of the readiness gates: ns does not allow it";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_pod_that_is_ending_still_counts_its_gates_and_one_that_has_ended_does_not() {
    let world = gated().await;
    world.user(|pod: &mut Value| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    });
    assert_eq!(world.settle().await, ["DELETE pod"]);
    say(&world, Some("True"));
    assert_eq!(world.settle().await, ["PATCH pod/status"]);
    world
        .host
        .change(&world.path, |pod| pod["status"]["phase"] = json!("Failed"));
    world.settle().await;
    say(&world, Some("False"));
    assert_eq!(world.settle().await, NONE);
}
