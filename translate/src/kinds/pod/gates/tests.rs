//! Gates on the host: their names, the conditions that go down, the words that come up.

use super::*;
use crate::testing::merge::strategic;
use crate::testing::object;

const GATE: &str = "example.com/in-pool";
const ON_HOST: &str = "example.com.tenant.warren.dev/in-pool";

fn gated(types: &[&str], conditions: &Value) -> Value {
    let gates: Vec<Value> = types
        .iter()
        .map(|type_| json!({ "conditionType": type_ }))
        .collect();
    json!({
        "metadata": { "uid": "host-uid" },
        "spec": { "containers": [], "readinessGates": gates },
        "status": { "conditions": conditions },
    })
}

fn said(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "lastTransitionTime": "2026-11-21T12:00:09Z" })
}

fn patched(tenant: &Value, host: &Value) -> Option<Value> {
    patch(&object(tenant.clone()), &object(host.clone()))
}

#[test]
fn a_type_is_the_tenants_own_on_the_host_and_no_controllers() {
    let long = format!("{}/in-pool", "a".repeat(250));
    let all = ["in-pool", GATE, "target-health.elbv2.k8s.aws/x", &long];
    let gates = all.map(|type_| PodReadinessGate {
        condition_type: type_.to_owned(),
    });
    let down = down(&gates);
    assert_eq!(down[0].condition_type, "tenant.warren.dev/in-pool");
    assert_eq!(down[1].condition_type, ON_HOST);
    for (gate, before) in down.iter().zip(all) {
        let (prefix, name) = gate.condition_type.split_once('/').unwrap();
        assert!(prefix.len() <= 253 && name.len() <= 63, "{gate:?}");
        assert!(
            is_of_tenant(&gate.condition_type) && !is_of_tenant(before),
            "{gate:?}"
        );
    }
}

#[test]
fn what_a_controller_says_goes_down_once_changes_and_goes() {
    let mut host = gated(&[ON_HOST], &json!([said("Ready", "False")]));
    for status in ["False", "True", "Unknown"] {
        let mut tenant = gated(&[GATE], &json!([said("Ready", "False"), said(GATE, status)]));
        tenant["status"]["conditions"][1]["reason"] = json!("Secret");
        let patch = patched(&tenant, &host).unwrap();
        let expected =
            json!({ "metadata": { "uid": "host-uid" }, "status": { "conditions": [said(ON_HOST, status)] } });
        assert_eq!(patch, expected);
        strategic(&mut host, &patch);
        assert_eq!(patched(&tenant, &host), None);
        // Another time or word for the same is no news to a kubelet.
        tenant["status"]["conditions"][1]["lastTransitionTime"] = json!("2026-11-21T13:00:00Z");
        tenant["status"]["conditions"][1]["message"] = json!("other");
        assert_eq!(patched(&tenant, &host), None);
    }
    let tenant = gated(&[GATE], &json!([]));
    let patch = patched(&tenant, &host).unwrap();
    assert_eq!(
        patch["status"]["conditions"],
        json!([{ "$patch": "delete", "type": ON_HOST }])
    );
    strategic(&mut host, &patch);
    assert_eq!(patched(&tenant, &host), None);
}

#[test]
fn only_conditions_of_gates_go_down_and_only_to_hosts_that_know_the_gate() {
    let conditions = json!([said(GATE, "True"), said("example.com/other", "True")]);
    let tenant = gated(&[GATE, GATE, "example.com/absent"], &conditions);
    let host = gated(&[ON_HOST, "example.com.tenant.warren.dev/absent"], &json!([]));
    let patch = patched(&tenant, &host).unwrap();
    assert_eq!(patch["status"]["conditions"], json!([said(ON_HOST, "True")]));
    assert_eq!(patched(&tenant, &gated(&[], &json!([]))), None);
}

#[test]
fn a_kubelet_finds_no_condition_that_it_decides_after_ready() {
    let conditions = json!([said("ContainersReady", "True"), said("Initialized", "True")]);
    let tenant = gated(&["ContainersReady", "Initialized"], &conditions);
    let on_host = [
        "tenant.warren.dev/ContainersReady",
        "tenant.warren.dev/Initialized",
    ];
    let patch = patched(&tenant, &gated(&on_host, &json!([]))).unwrap();
    assert_eq!(patch["status"]["conditions"], json!([said(on_host[1], "True")]));
}

#[test]
fn a_status_that_says_nothing_is_unknown() {
    let tenant = gated(&[GATE], &json!([said(GATE, "Perhaps")]));
    let patch = patched(&tenant, &gated(&[ON_HOST], &json!([]))).unwrap();
    assert_eq!(patch["status"]["conditions"], json!([said(ON_HOST, "Unknown")]));
}

#[test]
fn messages_name_the_tenants_types_and_hide_the_hosts() {
    let tenant: Pod = object(gated(&[GATE, "warm"], &json!([])));
    let message = |a: &str, b: &str, c: &str| {
        format!(
            "the status of pod readiness gate \"{a}\" is not \"True\", but False, corresponding condition of pod \
             readiness gate \"{b}\" does not exist., corresponding condition of pod readiness gate \"{c}\" does not exist."
        )
    };
    let of_host = message(ON_HOST, "tenant.warren.dev/warm", "elb.example/k8s-wc-ci");
    assert_eq!(in_tenant_terms(&of_host, &tenant), message(GATE, "warm", HOSTS));
    for other in ["", "containers with unready status: [web]", "cut off \"here"] {
        assert_eq!(in_tenant_terms(other, &tenant), other);
    }
    assert_eq!(
        in_tenant_terms("pod readiness gate \"cut", &tenant),
        "pod readiness gate \"warren.dev/host\""
    );
}

#[test]
fn gates_are_kept_when_the_host_has_all() {
    let tenant: Pod = object(gated(&[GATE, "warm"], &json!([])));
    assert!(!are_kept(&tenant, &json!({ "spec": {} })));
    assert!(!are_kept(&tenant, &gated(&[ON_HOST], &json!([]))));
    let host = gated(&["hosts/own", "tenant.warren.dev/warm", ON_HOST], &json!([]));
    assert!(are_kept(&tenant, &host));
}
