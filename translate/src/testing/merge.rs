//! Strategic merge patches as an apiserver applies them to Pods, as far as Warren sends them. The Pod loop's tests
//! in `vkubelet/tests` take this file by its path.

use serde_json::{Value, json};

pub(crate) fn strategic(existing: &mut Value, patch: &Value) {
    let (Value::Object(existing), Value::Object(patch)) = (&mut *existing, patch) else {
        *existing = without_nulls(patch);
        return;
    };
    for (field, patch) in patch {
        if let Some(field) = field.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = patch.as_array().unwrap();
            if let Some(Value::Array(list)) = existing.get_mut(field) {
                list.retain(|value| !gone.contains(value));
            }
        } else if patch.is_null() {
            existing.remove(field);
        } else if let (Some(key), Some(list)) = (merge_key(field), patch.as_array()) {
            let known = existing.entry(field.clone()).or_insert_with(|| json!([]));
            merge_list(known.as_array_mut().unwrap(), list, key);
        } else {
            strategic(existing.entry(field.clone()).or_insert(Value::Null), patch);
        }
    }
}

fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "conditions" => Some("type"),
        "podIPs" | "hostIPs" => Some("ip"),
        "containers" | "initContainers" | "ephemeralContainers" => Some("name"),
        _ => None,
    }
}

/// What the patch names keeps the patch's order, the rest its own. Of the rest only what stood before an element that
/// was there already comes before it: new elements come first (`mergeSortedSlice` of apimachinery's `strategicpatch`).
fn merge_list(existing: &mut Vec<Value>, patch: &[Value], key: &str) {
    if patch.iter().any(|element| element["$patch"] == "replace") {
        existing.clear();
    }
    let is_in = |list: &[&Value], wanted: &Value| list.iter().any(|element| element[key] == wanted[key]);
    let (named, directives): (Vec<&Value>, Vec<&Value>) =
        patch.iter().partition(|element| element.get("$patch").is_none());
    existing.retain(|known| !is_in(&directives, known));
    let place = |wanted: &Value| existing.iter().position(|known| known[key] == wanted[key]);
    let mut rest = existing.iter().filter(|known| !is_in(&named, known)).peekable();
    let mut merged = Vec::new();
    for element in &named {
        let mut item = without_nulls(element);
        if let Some(at) = place(element) {
            merged.extend(std::iter::from_fn(|| rest.next_if(|next| place(next) < Some(at))).cloned());
            item = existing[at].clone();
            strategic(&mut item, element);
        }
        merged.push(item);
    }
    merged.extend(rest.cloned());
    *existing = merged;
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        other => other.clone(),
    }
}
