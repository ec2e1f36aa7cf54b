//! Fields of a Pod that this Warren does not know.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

/// Paths of fields in the raw Pod's `spec` that are lost when it is read as the Pod this Warren knows: a newer
/// tenant has them. Empty when all are known, and when there is no spec. A spec that cannot be read at all is
/// one unknown field, `spec`.
pub fn unknown_fields(tenant: &Value) -> Vec<String> {
    let Some(raw) = tenant.get("spec") else {
        return Vec::new();
    };
    let known = serde_json::from_value::<PodSpec>(raw.clone()).and_then(serde_json::to_value);
    let Ok(known) = known else {
        return vec!["spec".to_owned()];
    };
    let mut lost = Vec::new();
    compare("spec", raw, &known, &mut lost);
    lost
}

fn compare(path: &str, raw: &Value, known: &Value, lost: &mut Vec<String>) {
    match (raw, known) {
        (Value::Object(raw), Value::Object(known)) => {
            for (key, value) in raw.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{path}.{key}");
                match known.get(key) {
                    Some(known) => compare(&path, value, known, lost),
                    None => lost.push(path),
                }
            }
        }
        (Value::Array(raw), Value::Array(known)) => {
            for (index, (raw, known)) in raw.iter().zip(known).enumerate() {
                let name = raw
                    .get("name")
                    .and_then(Value::as_str)
                    .map_or(index.to_string(), str::to_owned);
                compare(&format!("{path}[{name}]"), raw, known, lost);
            }
        }
        _ => {}
    }
}
