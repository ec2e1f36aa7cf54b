//! Fields of a Pod that this Warren does not know.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;
use warren_crds::virtual_cluster_class::UnknownFields;

use crate::note::{Denied, DeniedField, Note};
use crate::policy::TenantPolicy;

/// A spec that cannot be read at all is one unknown field.
const SPEC: &str = "spec";

/// What the class makes of fields in the raw Pod that this Warren does not know: notes on what the Pod runs without.
/// Empty when all are known.
///
/// # Errors
/// [`Denied`] with every such field when the class denies them, or when the spec cannot be read at all.
pub fn check_unknown(policy: &TenantPolicy, tenant: &Value) -> std::result::Result<Vec<Note>, Denied> {
    let unknown = unknown_fields(tenant);
    let drops = policy.unknown_fields == UnknownFields::Drop;
    if unknown.is_empty() || (drops && !unknown.iter().any(|field| field == SPEC)) {
        let why = "is not known to this version of Warren: the Pod runs without it";
        let notes = unknown
            .into_iter()
            .map(|field| Note::new("UnknownField", field, why));
        return Ok(notes.collect());
    }
    let why = "is not known to this version of Warren, which cannot tell what it would do on the host";
    let fields = unknown.into_iter().map(|field| DeniedField {
        field,
        why: why.to_owned(),
    });
    Err(Denied {
        fields: fields.collect(),
    })
}

/// Paths of fields in the raw Pod's `spec` that are lost when it is read as the Pod this Warren knows: a newer
/// tenant has them. Empty when all are known, and when there is no spec. A spec that cannot be read at all is
/// one unknown field, `spec`.
pub fn unknown_fields(tenant: &Value) -> Vec<String> {
    let Some(raw) = tenant.get(SPEC) else {
        return Vec::new();
    };
    let known = serde_json::from_value::<PodSpec>(raw.clone()).and_then(serde_json::to_value);
    let Ok(known) = known else {
        return vec![SPEC.to_owned()];
    };
    let mut lost = Vec::new();
    compare(SPEC, raw, &known, &mut lost);
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
