//! Conditions: the kubelet's from the host, everybody else's from the tenant, Ready from both.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

/// Conditions that a kubelet owns: the host's kubelet speaks.
const KUBELET: [&str; 8] = [
    "AllContainersRestarting",
    "ContainersReady",
    "Initialized",
    "PodReadyToStartContainers",
    "PodResizeInProgress",
    "PodResizePending",
    READY,
    // Older kubelets' name of PodReadyToStartContainers.
    "PodHasNetwork",
];
/// Conditions that the host may have, and that say nothing of the tenant's: its scheduler placed the Pod before.
const HOST_ONLY: [&str; 1] = ["PodScheduled"];
const READY: &str = "Ready";

/// The conditions that the tenant's Pod should have: what the host says, and what others in the tenant (its
/// scheduler, readiness gates, eviction) wrote. Known ones stay in their order, new ones come last.
pub(super) fn desired(
    tenant: Option<&Value>,
    host: Option<&Value>,
    pod: &Pod,
    observed_generation: Option<i64>,
) -> Vec<Value> {
    let tenant = list(tenant);
    let mut all: Vec<Value> = list(host)
        .into_iter()
        .filter(|condition| !HOST_ONLY.contains(&type_of(condition)))
        .map(|condition| Value::Object(with_generation(condition, observed_generation)))
        .collect();
    let has = |all: &[Value], name: &str| all.iter().any(|condition| type_of_value(condition) == name);
    for condition in &tenant {
        let type_ = type_of(condition);
        if !KUBELET.contains(&type_) && !has(&all, type_) {
            all.push(Value::Object((*condition).clone()));
        }
    }
    gate(&mut all, &tenant, pod);
    // In the tenant's order, so that the same conditions in another order are no change.
    let place = |condition: &Value| {
        tenant
            .iter()
            .position(|known| type_of(known) == type_of_value(condition))
    };
    all.sort_by_key(|condition| place(condition).unwrap_or(usize::MAX));
    all
}

/// True when somebody but Warren and the scheduler has conditions there.
pub(crate) fn shared(status: &Value) -> bool {
    list(status.get("conditions"))
        .into_iter()
        .map(type_of)
        .any(|type_| !KUBELET.contains(&type_) && !HOST_ONLY.contains(&type_))
}

/// The host's observed generation counts the host Pod's changes, not the tenant's.
fn with_generation(condition: &Map<String, Value>, observed_generation: Option<i64>) -> Map<String, Value> {
    let mut condition = condition.clone();
    condition.remove("observedGeneration");
    if let Some(generation) = observed_generation {
        condition.insert("observedGeneration".to_owned(), generation.into());
    }
    condition
}

/// Ready counts the readiness gates, which are evaluated here and not on the host.
fn gate(all: &mut [Value], tenant: &[&Map<String, Value>], pod: &Pod) {
    let gates = pod
        .spec
        .iter()
        .flat_map(|spec| spec.readiness_gates.iter().flatten());
    let gates: Vec<&str> = gates.map(|gate| gate.condition_type.as_str()).collect();
    let find = |type_: &str| {
        all.iter()
            .find(|condition| type_of_value(condition) == type_)
            .cloned()
    };
    if gates.is_empty() || find(READY).as_ref().map(status_of) != Some("True") {
        return;
    }
    let evaluated: Vec<(&str, Option<Value>)> = gates.into_iter().map(|gate| (gate, find(gate))).collect();
    let unmet: Vec<String> = evaluated
        .iter()
        .filter_map(|(gate, state)| unmet(gate, state.as_ref()))
        .collect();
    let latest = evaluated
        .iter()
        .filter_map(|(_, state)| state.as_ref().and_then(transition))
        .max();
    let previous = tenant.iter().find(|condition| type_of(condition) == READY);
    let Some(Value::Object(ready)) = all.iter_mut().find(|condition| type_of_value(condition) == READY)
    else {
        return;
    };
    let status = if unmet.is_empty() { "True" } else { "False" };
    ready.insert("status".to_owned(), json!(status));
    if !unmet.is_empty() {
        ready.insert("reason".to_owned(), json!("ReadinessGatesNotReady"));
        ready.insert("message".to_owned(), json!(unmet.join(", ")));
    }
    // No clock here: a change happened when the later of the host's Ready and the gates changed.
    let unchanged =
        previous.filter(|previous| previous.get("status").and_then(Value::as_str) == Some(status));
    let own = ready
        .get("lastTransitionTime")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let at = unchanged
        .and_then(|previous| {
            previous
                .get("lastTransitionTime")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .or_else(|| own.max(latest));
    if let Some(at) = at {
        ready.insert("lastTransitionTime".to_owned(), json!(at));
    }
}

/// In the kubelet's words.
fn unmet(gate: &str, state: Option<&Value>) -> Option<String> {
    match state.map(status_of) {
        Some("True") => None,
        Some(status) => Some(format!(
            "the status of pod readiness gate \"{gate}\" is not \"True\", but {status}"
        )),
        None => Some(format!(
            "corresponding condition of pod readiness gate \"{gate}\" does not exist."
        )),
    }
}

fn list(conditions: Option<&Value>) -> Vec<&Map<String, Value>> {
    let conditions = conditions.and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect()
}

fn type_of(condition: &Map<String, Value>) -> &str {
    condition.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn type_of_value(condition: &Value) -> &str {
    condition.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn status_of(condition: &Value) -> &str {
    condition
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// RFC 3339 in UTC to the second, so texts compare as times.
fn transition(condition: &Value) -> Option<String> {
    condition
        .get("lastTransitionTime")
        .and_then(Value::as_str)
        .map(str::to_owned)
}
