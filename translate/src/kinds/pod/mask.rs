//! Fields that the tenant's apiserver drops: remembered, so that they are not written again and again.

use std::collections::BTreeSet;

use serde_json::Value;

/// Paths of status fields that an older tenant does not know. One for each Pod, in memory: empty but across versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// Keys of objects, `[]` for every element of a list.
    paths: BTreeSet<Vec<String>>,
}

/// Stands for every element of a list.
const EACH: &str = "[]";
/// What tells the elements of a status's lists apart: conditions, mounts, containers and claims, addresses, devices.
const KEYS: [&str; 5] = ["type", "mountPath", "name", "ip", "resourceID"];

impl Mask {
    /// Learns from a write: what was `sent` and is not in what the apiserver `stored` (its answer to that write) is
    /// masked from now on. True when something was learned. An apiserver leaves out what is empty, so that teaches
    /// nothing.
    pub fn learn(&mut self, sent: &Value, stored: &Value) -> bool {
        let before = self.paths.len();
        self.compare(&mut Vec::new(), sent, stored);
        self.paths.len() > before
    }

    fn compare(&mut self, path: &mut Vec<String>, sent: &Value, stored: &Value) {
        match (sent, stored) {
            (Value::Object(sent), Value::Object(stored)) => {
                for (key, value) in sent.iter().filter(|(_, value)| !is_empty(value)) {
                    path.push(key.clone());
                    match stored.get(key) {
                        Some(stored) => self.compare(path, value, stored),
                        None => {
                            self.paths.insert(path.clone());
                        }
                    }
                    path.pop();
                }
            }
            (Value::Array(sent), Value::Array(stored)) => {
                path.push(EACH.to_owned());
                for (index, element) in sent.iter().enumerate() {
                    if let Some(stored) = counterpart(element, index, stored) {
                        self.compare(path, element, stored);
                    }
                }
                path.pop();
            }
            _ => {}
        }
    }

    /// Takes the masked fields out of a status.
    pub(super) fn apply(&self, status: &mut Value) {
        for path in &self.paths {
            remove(path, status);
        }
    }
}

/// What an apiserver made of one element of a list: found by what the list is merged by, since it keeps an order of
/// its own (a new condition comes first). Elements without such a key are found by their place.
fn counterpart<'a>(sent: &Value, index: usize, stored: &'a [Value]) -> Option<&'a Value> {
    match KEYS
        .iter()
        .find(|key| sent.get(key).is_some_and(Value::is_string))
    {
        Some(key) => stored.iter().find(|stored| stored.get(key) == sent.get(key)),
        None => stored.get(index),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
    }
}

fn remove(path: &[String], value: &mut Value) {
    match (path, value) {
        ([last], Value::Object(map)) => {
            map.remove(last);
        }
        ([first, rest @ ..], Value::Array(values)) if first == EACH => {
            for value in values {
                remove(rest, value);
            }
        }
        ([first, rest @ ..], Value::Object(map)) => {
            if let Some(value) = map.get_mut(first) {
                remove(rest, value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_order_of_a_list_teaches_nothing() {
        let sent = json!({ "conditions": [
            { "type": "Ready", "status": "True" },
            { "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI" },
        ] });
        let stored = json!({ "conditions": [
            { "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI" },
            { "type": "Ready", "status": "True" },
            { "type": "Others", "status": "True" },
        ] });
        assert!(!Mask::default().learn(&sent, &stored));
    }

    #[test]
    fn a_field_that_an_element_lost_is_masked_in_all() {
        let with = json!({ "conditions": [{ "type": "Ready", "observedGeneration": 3 }] });
        let without = json!({ "conditions": [{ "type": "Other" }, { "type": "Ready" }] });
        let mut mask = Mask::default();
        assert!(mask.learn(&with, &without));
        let mut status = json!({ "conditions": [{ "type": "A", "observedGeneration": 1 }, { "type": "B" }] });
        mask.apply(&mut status);
        assert_eq!(
            status,
            json!({ "conditions": [{ "type": "A" }, { "type": "B" }] })
        );
    }
}
