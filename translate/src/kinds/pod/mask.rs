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
            (Value::Array(sent), Value::Array(stored)) if sent.len() == stored.len() => {
                path.push(EACH.to_owned());
                for (sent, stored) in sent.iter().zip(stored) {
                    self.compare(path, sent, stored);
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
