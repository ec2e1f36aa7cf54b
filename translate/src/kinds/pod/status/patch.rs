//! Strategic merge patches of a Pod's status, as a kubelet sends them: nobody else's condition is touched.

use serde_json::{Map, Value, json};

use crate::patch;

/// Lists that an apiserver merges by a key, and that are replaced as a whole.
const REPLACED: [&str; 2] = ["podIPs", "hostIPs"];
/// The list of which single elements are changed: others write into it, too.
const CONDITIONS: &str = "conditions";

/// The patch that turns the status `existing` into `desired`; `None` when they are equal.
///
/// Conditions that are not in `desired` are only removed when they are in `existing`: one that somebody added
/// meanwhile stays. Other lists are replaced.
pub(in crate::kinds::pod) fn strategic(existing: &Value, desired: &Value) -> Option<Value> {
    let (existing, desired) = (&without_nulls(existing), &without_nulls(desired));
    let mut patch = patch::merge(existing, desired)?;
    let Some(fields) = patch.as_object_mut() else {
        return Some(patch);
    };
    for field in REPLACED {
        if let Some(Value::Array(list)) = fields.get_mut(field) {
            list.insert(0, json!({ "$patch": "replace" }));
        }
    }
    if fields.contains_key(CONDITIONS) {
        let list = conditions(existing.get(CONDITIONS), desired.get(CONDITIONS));
        // In another order they are the same.
        if list.is_empty() {
            fields.remove(CONDITIONS);
        } else {
            fields.insert(CONDITIONS.to_owned(), Value::Array(list));
        }
    }
    (!fields.is_empty()).then_some(patch)
}

/// Whole elements, so that one that was removed meanwhile is complete; fields that go are named.
fn conditions(existing: Option<&Value>, desired: Option<&Value>) -> Vec<Value> {
    let (existing, desired) = (elements(existing), elements(desired));
    let find = |list: &[&Map<String, Value>], wanted: &Map<String, Value>| {
        list.iter()
            .find(|other| same_type(other, wanted))
            .map(|found| (*found).clone())
    };
    let mut list = Vec::new();
    for condition in &desired {
        let before = find(&existing, condition);
        if before.as_ref() == Some(*condition) {
            continue;
        }
        let mut element = (*condition).clone();
        for field in before.iter().flat_map(Map::keys) {
            element.entry(field.clone()).or_insert(Value::Null);
        }
        list.push(Value::Object(element));
    }
    let gone = existing
        .iter()
        .filter(|condition| find(&desired, condition).is_none());
    list.extend(gone.map(|condition| json!({ "$patch": "delete", "type": condition.get("type") })));
    list
}

/// An apiserver writes times that nobody set as null: that is no difference.
pub(in crate::kinds::pod) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn same_type(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.get("type") == b.get("type")
}

fn elements(list: Option<&Value>) -> Vec<&Map<String, Value>> {
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_conditions_are_sent() {
        let existing = json!({ "conditions": [
            { "type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "why" },
            { "type": "Initialized", "status": "True" },
            { "type": "Gone", "status": "True" },
        ] });
        let desired = json!({ "conditions": [
            { "type": "Initialized", "status": "True" },
            { "type": "Ready", "status": "True" },
            { "type": "New", "status": "True" },
        ] });
        assert_eq!(
            strategic(&existing, &desired),
            Some(json!({ "conditions": [
                { "type": "Ready", "status": "True", "reason": null, "message": null },
                { "type": "New", "status": "True" },
                { "$patch": "delete", "type": "Gone" },
            ] }))
        );
    }

    #[test]
    fn another_order_is_no_change() {
        let one = json!({ "conditions": [{ "type": "A" }, { "type": "B" }], "phase": "Running" });
        let two = json!({ "conditions": [{ "type": "B" }, { "type": "A" }], "phase": "Running" });
        assert_eq!(strategic(&one, &two), None);
    }

    #[test]
    fn a_time_that_nobody_set_is_no_change() {
        let stored = json!({ "conditions": [{ "type": "A", "status": "True", "lastProbeTime": null }],
            "containerStatuses": [{ "state": { "running": { "startedAt": null } } }] });
        let desired = json!({ "conditions": [{ "type": "A", "status": "True" }],
            "containerStatuses": [{ "state": { "running": {} } }] });
        assert_eq!(strategic(&stored, &desired), None);
        assert_eq!(strategic(&desired, &stored), None);
    }

    #[test]
    fn addresses_are_replaced() {
        let existing = json!({ "podIPs": [{ "ip": "10.0.0.1" }] });
        let desired = json!({ "podIPs": [{ "ip": "10.0.0.2" }] });
        assert_eq!(
            strategic(&existing, &desired),
            Some(json!({ "podIPs": [{ "$patch": "replace" }, { "ip": "10.0.0.2" }] }))
        );
        assert_eq!(strategic(&existing, &json!({})), Some(json!({ "podIPs": null })));
    }
}
