//! Readiness gates on the way up: the host's kubelet counts them, or, for a host Pod without them, Warren does.

use super::*;

const READY: &str = "2026-11-21T12:00:04Z";

fn gated(conditions: &Value) -> Value {
    tenant_json(&json!({
        "spec": { "readinessGates": [{ "conditionType": "in-pool" }, { "conditionType": "example.com/warm" }] },
        "status": { "phase": "Running", "conditions": conditions },
    }))
}

/// The host Pod of an older Warren.
fn without_gates(tenant: &Value, status: &Value) -> Value {
    let mut host = host_with(tenant, status);
    host["spec"].as_object_mut().unwrap().remove("readinessGates");
    host
}

fn said(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "lastTransitionTime": "2026-11-21T12:00:09Z" })
}

#[test]
fn the_hosts_kubelet_says_whether_the_pod_is_ready_in_the_tenants_words() {
    let tenant = gated(&json!([
        said("in-pool", "True"),
        said("example.com/warm", "True")
    ]));
    let unmet = json!({
        "type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "lastTransitionTime": READY,
        "message": "the status of pod readiness gate \"tenant.warren.dev/in-pool\" is not \"True\", but False, \
                    corresponding condition of pod readiness gate \"example.com.tenant.warren.dev/warm\" does not exist.",
    });
    let mut host = host_with(
        &tenant,
        &json!({ "phase": "Running", "conditions": [said("tenant.warren.dev/in-pool", "True"), unmet] }),
    );
    let up_ = up(&tenant, &host).unwrap();
    let message = "the status of pod readiness gate \"in-pool\" is not \"True\", but False, \
                   corresponding condition of pod readiness gate \"example.com/warm\" does not exist.";
    assert_eq!(
        up_.patch["status"]["conditions"],
        json!([{ "type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": message,
            "lastTransitionTime": READY }])
    );
    let tenant = written(&tenant, &up_);
    // What has gone down meanwhile is no news.
    host["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(said("example.com.tenant.warren.dev/warm", "True"));
    assert_eq!(up(&tenant, &host), None);
    host["status"]["conditions"][1] =
        json!({ "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:10Z" });
    let up_ = up(&tenant, &host).unwrap();
    assert_eq!(
        up_.patch["status"]["conditions"],
        json!([{ "type": "Ready", "status": "True", "reason": null, "message": null,
            "lastTransitionTime": "2026-11-21T12:00:10Z" }])
    );
    assert_eq!(up(&written(&tenant, &up_), &host), None);
}

#[test]
fn a_host_pod_without_gates_makes_the_pod_ready_at_the_later_time() {
    let gates = json!([said("in-pool", "True"), said("example.com/warm", "True")]);
    let ready = json!({ "type": "Ready", "status": "True", "lastTransitionTime": READY });
    let tenant = gated(&gates);
    let host = without_gates(&tenant, &json!({ "phase": "Running", "conditions": [ready] }));
    let up_ = up(&tenant, &host).unwrap();
    assert_eq!(
        in_order(&up_.status)["conditions"],
        json!([said("Ready", "True"), gates[1], gates[0]])
    );
    assert_eq!(up(&written(&tenant, &up_), &host), None);
}

#[test]
fn a_condition_that_somebody_adds_meanwhile_stays() {
    let seen = gated(&json!([said("example.com/warm", "True")]));
    let host = without_gates(
        &seen,
        &json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }),
    );
    let mut now = seen.clone();
    now["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "type": "in-pool", "status": "True" }));
    let now = written(&now, &up(&seen, &host).unwrap());
    let of_type = |pod: &Value, type_: &str| {
        let conditions = pod["status"]["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|condition| condition["type"] == type_);
        found.cloned().unwrap_or_default()
    };
    assert_eq!(of_type(&now, "in-pool")["status"], "True");
    assert_eq!(of_type(&now, "Ready")["reason"], "ReadinessGatesNotReady");
    // The next round counts it.
    let next = written(&now, &up(&now, &host).unwrap());
    let ready = of_type(&next, "Ready");
    assert_eq!((&ready["status"], ready.get("reason")), (&json!("True"), None));
}
