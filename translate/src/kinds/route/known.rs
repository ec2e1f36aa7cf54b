//! Fields of a route by the table: those that it denies, and those that it does not have.

use serde_json::{Map, Value};
use warren_crds::virtual_cluster_class::UnknownFields;

use super::fields::{FIELDS, listed};
use crate::kinds::pod::fields::Class;
use crate::note::Findings;

const DENIED: &str = "is not known to this version of Warren, which cannot tell what it would do on the host";
const DROPPED: &str = "is not known to this version of Warren: the route goes without it";

/// Denies what the table denies, and what it does not have, unless the class drops that: then it is gone from `spec`.
pub(super) fn check(spec: &mut Map<String, Value>, unknown: UnknownFields, findings: &mut Findings) {
    object(spec, "spec", "spec", unknown, findings);
}

/// `path` is for people, `place` for the table.
fn object(
    fields: &mut Map<String, Value>,
    path: &str,
    place: &str,
    unknown: UnknownFields,
    findings: &mut Findings,
) {
    fields.retain(|name, value| {
        let (path, place) = (format!("{path}.{name}"), listed(&format!("{place}.{name}")));
        let row = FIELDS.iter().find(|field| field.path == place);
        match (row.map(|row| (row.class, row.why)), unknown) {
            (Some((Class::Deny, why)), _) => findings.deny(path, why),
            (Some(_), _) => inside(value, &path, &place, unknown, findings),
            (None, UnknownFields::Deny) => findings.deny(path, DENIED),
            (None, UnknownFields::Drop) => {
                findings.note("UnknownField", path, DROPPED);
                return false;
            }
        }
        true
    });
}

fn inside(value: &mut Value, path: &str, place: &str, unknown: UnknownFields, findings: &mut Findings) {
    match value {
        Value::Object(fields) => object(fields, path, place, unknown, findings),
        Value::Array(entries) => {
            let place = format!("{place}[]");
            for (index, entry) in entries.iter_mut().enumerate() {
                inside(entry, &format!("{path}[{index}]"), &place, unknown, findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
