//! JSON merge patches (RFC 7386) from what is to what should be.

use serde_json::{Map, Value};

/// The merge patch that turns `existing` into `desired`; `None` when they are equal. Lists are replaced whole.
pub(crate) fn merge(existing: &Value, desired: &Value) -> Option<Value> {
    match (existing, desired) {
        _ if existing == desired => None,
        (Value::Object(existing), Value::Object(desired)) => Some(Value::Object(objects(existing, desired))),
        _ => Some(desired.clone()),
    }
}

fn objects(existing: &Map<String, Value>, desired: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in desired {
        let change = match existing.get(key) {
            Some(existing) => merge(existing, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    for key in existing.keys().filter(|key| !desired.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn equal_values_make_no_patch() {
        assert_eq!(merge(&json!({"a": [1]}), &json!({"a": [1]})), None);
    }

    #[test]
    fn removed_keys_become_null_and_lists_are_replaced() {
        let patch = merge(
            &json!({"a": 1, "b": {"c": 1, "d": 2}, "l": [1]}),
            &json!({"b": {"c": 1}, "l": [2]}),
        );
        assert_eq!(patch, Some(json!({"a": null, "b": {"d": null}, "l": [2]})));
    }
}
