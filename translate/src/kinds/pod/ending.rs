//! Ends that the host brought: in the tenant's words.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use super::status::{self, DISRUPTION};

/// Why and since when a host Pod goes that nobody in the tenant deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Reason of the tenant's Pod.
    pub reason: &'static str,
    /// Its message.
    pub message: &'static str,
    /// Reason of its condition `DisruptionTarget`.
    pub disruption: String,
    /// When it was asked for, RFC 3339 to the second; `None` if that is not known.
    pub since: Option<String>,
}

impl Taken {
    /// From a host Pod that is being deleted; `None` for one that is not.
    pub fn of(host: &Value) -> Option<Self> {
        let ends: Timestamp = host
            .pointer("/metadata/deletionTimestamp")
            .and_then(Value::as_str)?
            .parse()
            .ok()?;
        let grace = host
            .pointer("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        // The timestamp is when the grace ends, not when it began.
        let began = ends.checked_sub(SignedDuration::from_secs(grace)).unwrap_or(ends);
        let mut taken = Self::gone(Some(host));
        taken.since = Some(began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        Some(taken)
    }

    /// From the last state of a host Pod that is gone, as far as it is known.
    pub fn gone(host: Option<&Value>) -> Self {
        let conditions = host.and_then(|host| host.pointer("/status/conditions")?.as_array());
        let text = |condition: &Value, field: &str| {
            let value = condition.get(field).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let target = conditions
            .into_iter()
            .flatten()
            .find(|condition| text(condition, "type") == DISRUPTION && text(condition, "status") == "True");
        let why = target
            .map(|condition| text(condition, "reason"))
            .unwrap_or_default();
        let (reason, message) = match why.as_str() {
            "PreemptionByScheduler" => (
                "Preempted",
                "The Pod gave way to one of higher priority on its machine",
            ),
            "EvictionByEvictionAPI" | "DeletionByTaintManager" | "TerminationByKubelet" => {
                ("Evicted", "The Pod was evicted from its machine")
            }
            "DeletionByPodGC" => ("NodeLost", "The machine that ran the Pod is gone"),
            _ => ("Deleted", "The Pod was deleted from its machine"),
        };
        let disruption = if why.is_empty() {
            "DeletionByHost".to_owned()
        } else {
            why
        };
        Self {
            reason,
            message,
            disruption,
            since: None,
        }
    }
}

/// Says so in the status of a Pod that ends because the host took it away. Nothing when the tenant deleted it, or
/// when it ended before that.
pub(super) fn taken_away(status: &mut Map<String, Value>, tenant: &Pod, host: &Value) {
    let Some(taken) = Taken::of(host) else { return };
    let is_deleted = tenant.metadata.deletion_timestamp.is_some();
    if is_deleted || !status::is_end(status.get("phase")) || ended_before(status, taken.since.as_deref()) {
        return;
    }
    let policy = tenant
        .spec
        .as_ref()
        .and_then(|spec| spec.restart_policy.as_deref());
    if status.get("phase").and_then(Value::as_str) == Some("Succeeded") {
        if policy.is_some_and(|policy| policy != "Always") {
            return;
        }
        // All its containers ended well because they were told to: it did not succeed in what it was for.
        status.insert("phase".to_owned(), json!("Failed"));
    }
    if !status.contains_key("reason") {
        status.insert("reason".to_owned(), json!(taken.reason));
        status.insert("message".to_owned(), json!(taken.message));
    }
    let since = taken.since.clone();
    disrupt(status, &taken, since.as_deref());
}

/// Every container ended before `since`.
fn ended_before(status: &Map<String, Value>, since: Option<&str>) -> bool {
    let Some(since) = since else { return false };
    let statuses = status.get("containerStatuses").and_then(Value::as_array);
    let mut ends = statuses
        .into_iter()
        .flatten()
        .map(|container| {
            container
                .pointer("/state/terminated/finishedAt")
                .and_then(Value::as_str)
        })
        .peekable();
    // RFC 3339 in UTC to the second, so texts compare as times.
    ends.peek().is_some() && ends.all(|end| end.is_some_and(|end| end < since))
}

fn disrupt(status: &mut Map<String, Value>, taken: &Taken, at: Option<&str>) {
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else {
        return;
    };
    let is_told = conditions.iter().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some(DISRUPTION)
            && condition.get("status").and_then(Value::as_str) == Some("True")
    });
    if is_told {
        return;
    }
    conditions.retain(|condition| condition.get("type").and_then(Value::as_str) != Some(DISRUPTION));
    let mut condition = json!({
        "type": DISRUPTION, "status": "True", "reason": taken.disruption, "message": taken.message,
    });
    if let (Some(at), Some(map)) = (at, condition.as_object_mut()) {
        map.insert("lastTransitionTime".to_owned(), json!(at));
    }
    conditions.push(condition);
}

/// How a tenant's Pod ends without the host's word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Reason.
    pub reason: &'a str,
    /// Message, in tenant terms.
    pub message: &'a str,
    /// The host took it away; `None` when it never ran.
    pub taken: Option<&'a Taken>,
}

/// The patch of the tenant's Pod status that ends it: Failed with the reason, not ready, and containers that ran in
/// the kubelet's words for those it cannot find. An end that the tenant's Pod has already is not overwritten: `None`.
///
/// `now`: RFC 3339 to the second.
pub fn failed(tenant: &Value, failure: &Failure<'_>, now: &str) -> Option<Value> {
    let empty = json!({});
    let existing = tenant.get("status").unwrap_or(&empty);
    let mut status = existing.as_object().cloned().unwrap_or_default();
    if status::is_end(status.get("phase")) {
        return None;
    }
    status.insert("phase".to_owned(), json!("Failed"));
    status.insert("reason".to_owned(), json!(failure.reason));
    status.insert("message".to_owned(), json!(failure.message));
    if let Some(generation) = tenant.pointer("/metadata/generation").and_then(Value::as_i64)
        && generation > 0
    {
        status.insert("observedGeneration".to_owned(), json!(generation));
    }
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        for condition in conditions {
            not_ready(condition, now);
        }
    }
    if let Some(taken) = failure.taken {
        disrupt(&mut status, taken, Some(now));
    }
    for list in ["containerStatuses", "initContainerStatuses"] {
        let statuses = status.get_mut(list).and_then(Value::as_array_mut);
        statuses
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .for_each(lost);
    }
    let patch = status::patch::strategic(existing, &Value::Object(status))?;
    Some(json!({
        // An end that the caller has not seen is not overwritten either.
        "metadata": {
            "uid": tenant.pointer("/metadata/uid"),
            "resourceVersion": tenant.pointer("/metadata/resourceVersion"),
        },
        "status": patch,
    }))
}

fn not_ready(condition: &mut Value, now: &str) {
    let type_ = condition.get("type").and_then(Value::as_str);
    let is_ready = condition.get("status").and_then(Value::as_str) == Some("True");
    if !(is_ready && matches!(type_, Some("Ready" | "ContainersReady"))) {
        return;
    }
    if let Some(map) = condition.as_object_mut() {
        map.insert("status".to_owned(), json!("False"));
        map.insert("reason".to_owned(), json!("PodFailed"));
        map.remove("message");
        map.insert("lastTransitionTime".to_owned(), json!(now));
    }
}

/// A container that ran, and nobody can say how it ended.
fn lost(container: &mut Map<String, Value>) {
    if container
        .get("state")
        .and_then(|state| state.get("running"))
        .is_none()
    {
        return;
    }
    let id = container.get("containerID").cloned();
    let started = container
        .get("state")
        .and_then(|state| state.pointer("/running/startedAt"))
        .cloned();
    let mut terminated = json!({
        "exitCode": 137, "reason": "ContainerStatusUnknown",
        "message": "The container could not be located when the pod was terminated",
    });
    if let Some(map) = terminated.as_object_mut() {
        map.extend(id.map(|id| ("containerID".to_owned(), id)));
        map.extend(started.map(|started| ("startedAt".to_owned(), started)));
    }
    container.insert("state".to_owned(), json!({ "terminated": terminated }));
    container.insert("ready".to_owned(), json!(false));
    if container.contains_key("started") {
        container.insert("started".to_owned(), json!(false));
    }
}

#[cfg(test)]
mod tests;
