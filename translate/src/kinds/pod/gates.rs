//! Readiness gates: the host Pod keeps them under types of Warren's own, with the conditions that controllers of the
//! tenant write, so that the host's Services reach a Pod no sooner than the tenant's would.
//!
//! A type goes the way of a label's key: it stays readable, two do not become one, and none of a host's controllers
//! (a cloud's load balancer) takes it for its own.

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodReadinessGate, PodSpec};
use serde_json::{Value, json};

use crate::meta;

/// What a kubelet decides after Ready, or with it: for a gate of such a type there is no condition.
const AFTER_READY: [&str; 4] = [
    "AllContainersRestarting",
    "ContainersReady",
    "PodScheduled",
    "Ready",
];
/// What may be said of a condition. Anything else is not known to be true, and that is what goes down.
const STATUSES: [&str; 3] = ["True", "False", UNKNOWN];
const UNKNOWN: &str = "Unknown";
/// Before the quoted type in a kubelet's message about a gate.
const NAMED: &str = "pod readiness gate \"";
/// Stands for a gate that the host added.
const HOSTS: &str = "warren.dev/host";

/// The tenant's gates as the host Pod has them.
pub(super) fn down(gates: &[PodReadinessGate]) -> Vec<PodReadinessGate> {
    gates
        .iter()
        .map(|PodReadinessGate { condition_type }| PodReadinessGate {
            condition_type: host_type(condition_type),
        })
        .collect()
}

/// The type on the host of what is `type_` in the tenant. No class lets one pass as it is.
fn host_type(type_: &str) -> String {
    meta::map_key(type_, &[])
}

/// True for types of conditions on a host Pod that only repeat the tenant's own.
pub(super) fn is_of_tenant(host_type: &str) -> bool {
    meta::from_tenant(host_type)
}

/// True when the host's kubelet counts all of the tenant's gates; a host Pod of an older Warren has none.
pub(super) fn are_kept(tenant: &Pod, host: &Value) -> bool {
    let kept = host.pointer("/spec/readinessGates").and_then(Value::as_array);
    let kept: Vec<&str> = kept
        .into_iter()
        .flatten()
        .filter_map(|gate| gate.get("conditionType")?.as_str())
        .collect();
    types(tenant.spec.as_ref()).all(|type_| kept.contains(&host_type(type_).as_str()))
}

/// The strategic merge patch of the host Pod's status that brings it what controllers of the tenant say of its gates;
/// `None` when it has that. Nothing but the status counts for a kubelet, so nothing else is carried down or compared.
pub(super) fn patch(tenant: &Pod, host: &Pod) -> Option<Value> {
    let mut changes: Vec<Value> = Vec::new();
    for type_ in types(tenant.spec.as_ref()) {
        let on_host = host_type(type_);
        let is_kept = types(host.spec.as_ref()).any(|kept| kept == on_host);
        let is_told = changes
            .iter()
            .any(|change| change.get("type").and_then(Value::as_str) == Some(&on_host));
        if !is_kept || is_told {
            continue;
        }
        let wanted = condition(tenant, type_).filter(|_| !AFTER_READY.contains(&type_));
        match (wanted, condition(host, &on_host)) {
            (Some(wanted), known) => {
                let status = status(wanted);
                if known.map(|known| known.status.as_str()) != Some(status) {
                    let since = &wanted.last_transition_time;
                    changes.push(json!({ "type": on_host, "status": status, "lastTransitionTime": since }));
                }
            }
            (None, Some(_)) => changes.push(json!({ "$patch": "delete", "type": on_host })),
            (None, None) => {}
        }
    }
    (!changes.is_empty())
        .then(|| json!({ "metadata": { "uid": host.metadata.uid }, "status": { "conditions": changes } }))
}

/// A kubelet's message about the host Pod, with the types of the tenant's gates.
pub(super) fn in_tenant_terms(message: &str, tenant: &Pod) -> String {
    let mut parts = message.split(NAMED);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Types have no quotes in them.
        let (on_host, rest) = part.split_once('"').unwrap_or((part, ""));
        let type_ = types(tenant.spec.as_ref()).find(|type_| host_type(type_) == on_host);
        text.extend([NAMED, type_.unwrap_or(HOSTS), "\"", rest]);
    }
    text
}

fn types(spec: Option<&PodSpec>) -> impl Iterator<Item = &str> {
    let gates = spec
        .into_iter()
        .flat_map(|spec| spec.readiness_gates.iter().flatten());
    gates.map(|gate| gate.condition_type.as_str())
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let status = pod.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == type_)
}

fn status(condition: &PodCondition) -> &str {
    let known = STATUSES.iter().find(|known| **known == condition.status);
    known.copied().unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests;
