//! Ready: the host's kubelet says it; an end that the host has begun takes it away, and gates that the host's kubelet
//! does not know.

use serde_json::{Map, Value, json};

use super::super::super::{ending, gates};
use super::super::Sources;
use super::{READY, text, type_of};

/// Ready counts the readiness gates. They are evaluated here only for a host Pod that has none of them.
pub(super) fn gate(all: &mut [Value], tenant: &[&Map<String, Value>], sources: &Sources<'_>) {
    let spec = sources.typed.spec.iter();
    let gates = spec.flat_map(|spec| spec.readiness_gates.iter().flatten());
    let gates: Vec<&str> = gates.map(|gate| gate.condition_type.as_str()).collect();
    if gates::are_kept(sources.typed, sources.host)
        || find(all, READY).as_ref().map(status_of) != Some("True")
    {
        return;
    }
    let evaluated: Vec<(&str, Option<Value>)> =
        gates.into_iter().map(|gate| (gate, find(all, gate))).collect();
    let unmet: Vec<String> = evaluated
        .iter()
        .filter_map(|(gate, state)| unmet(gate, state.as_ref()))
        .collect();
    let latest = evaluated
        .iter()
        .filter_map(|(_, state)| state.as_ref().and_then(transition))
        .max();
    if unmet.is_empty() {
        change(all, tenant, "True", None, latest);
    } else {
        let why = ("ReadinessGatesNotReady", unmet.join(", "));
        change(all, tenant, "False", Some(why), latest);
    }
}

/// A Pod that the host is ending is out of service, as one that the tenant deleted would be. Its own deletion says so
/// itself.
pub(super) fn while_taken_away(all: &mut [Value], tenant: &[&Map<String, Value>], sources: &Sources<'_>) {
    let Some(taken) = ending::Taken::of(sources.host) else {
        return;
    };
    let is_deleted = sources.typed.metadata.deletion_timestamp.is_some();
    if is_deleted || find(all, READY).as_ref().map(status_of) != Some("True") {
        return;
    }
    let why = (taken.reason, taken.message.to_owned());
    change(all, tenant, "False", Some(why), taken.since);
}

/// Sets the status of Ready. No clock here: a change happened when the later of the host's Ready and `at` did.
fn change(
    all: &mut [Value],
    tenant: &[&Map<String, Value>],
    status: &str,
    why: Option<(&str, String)>,
    at: Option<String>,
) {
    let previous = tenant.iter().find(|condition| text(condition, "type") == READY);
    let Some(Value::Object(ready)) = all.iter_mut().find(|condition| type_of(condition) == READY) else {
        return;
    };
    ready.insert("status".to_owned(), json!(status));
    if let Some((reason, message)) = why {
        ready.insert("reason".to_owned(), json!(reason));
        ready.insert("message".to_owned(), json!(message));
    }
    let time = |condition: &Map<String, Value>| {
        let at = condition.get("lastTransitionTime").and_then(Value::as_str);
        at.map(str::to_owned)
    };
    let unchanged = previous.filter(|previous| text(previous, "status") == status);
    let since = unchanged
        .and_then(|previous| time(previous))
        .or_else(|| time(ready).max(at));
    if let Some(since) = since {
        ready.insert("lastTransitionTime".to_owned(), json!(since));
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

fn find(all: &[Value], type_: &str) -> Option<Value> {
    all.iter().find(|condition| type_of(condition) == type_).cloned()
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
