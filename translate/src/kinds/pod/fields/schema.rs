//! The tables held against a schema: what an apiserver takes in a Pod's spec, and no table names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Class, Field, fields};

/// What stands for what: fields below the left are classified below the right.
const ALIASES: [(&str, &str); 8] = [
    ("spec.initContainers[].", "spec.containers[]."),
    ("spec.ephemeralContainers[].", "spec.containers[]."),
    (
        "spec.containers[].readinessProbe.",
        "spec.containers[].livenessProbe.",
    ),
    (
        "spec.containers[].startupProbe.",
        "spec.containers[].livenessProbe.",
    ),
    (
        "spec.containers[].lifecycle.preStop.",
        "spec.containers[].lifecycle.postStart.",
    ),
    (
        "spec.containers[].lifecycle.postStart.httpGet.",
        "spec.containers[].livenessProbe.httpGet.",
    ),
    (
        "spec.containers[].lifecycle.postStart.tcpSocket.",
        "spec.containers[].livenessProbe.tcpSocket.",
    ),
    (
        "spec.volumes[].projected.sources[].downwardAPI.",
        "spec.volumes[].downwardAPI.",
    ),
];
/// Fields of these names refer to something.
const REFERENCES: [&str; 4] = ["name", "namespace", "reference", "host"];
/// As do fields that end so.
const REFERENCE_ENDS: [&str; 6] = ["Name", "Names", "Ref", "Refs", "Secret", "Secrets"];
/// No field of a Pod is deeper; a schema that refers to itself ends here.
const DEPTH_MAX: usize = 24;

/// What a schema and the tables have to say to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields of the schema that no table names. A row for a field stands for everything below it, if no row is
    /// below; but what looks like a reference (`…Name`, `…Ref`, `name`, …) needs a row of its own, unless the whole is
    /// denied or dropped.
    pub unclassified: Vec<String>,
    /// Rows for fields that the schema does not have (an older Kubernetes lacks some).
    pub unknown: Vec<String>,
}

/// Compares the tables with the schema of a Pod's spec, at the JSON pointer `spec` of an OpenAPI or JSON schema
/// document, for example `/components/schemas/io.k8s.api.core.v1.PodSpec` of `/openapi/v3/api/v1`.
///
/// A pointer that leads nowhere leaves every row unknown.
pub fn compare(document: &Value, spec: &str) -> Comparison {
    let mut walk = Walk {
        document,
        seen: BTreeSet::new(),
        unclassified: Vec::new(),
    };
    if let Some(schema) = document.pointer(spec) {
        walk.object("spec", schema, None, 0);
    }
    let unknown = fields().filter(|field| !walk.seen.contains(field.path));
    Comparison {
        unknown: unknown.map(|field| field.path.to_owned()).collect(),
        unclassified: walk.unclassified,
    }
}

struct Walk<'a> {
    document: &'a Value,
    seen: BTreeSet<String>,
    unclassified: Vec<String>,
}

impl<'a> Walk<'a> {
    /// Every property of an object at `path`; `covered` by a row above it.
    fn object(&mut self, path: &str, schema: &'a Value, covered: Option<&'static Field>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for part in parts(self.document, schema) {
            let properties = part.get("properties").and_then(Value::as_object);
            for (name, schema) in properties.into_iter().flatten() {
                self.field(&format!("{path}.{name}"), name, schema, covered, depth);
            }
        }
    }

    fn field(
        &mut self,
        path: &str,
        name: &str,
        schema: &'a Value,
        covered: Option<&'static Field>,
        depth: usize,
    ) {
        let row = row(path);
        self.seen.insert(path.to_owned());
        self.seen.insert(canonical(path));
        let below = match (row, covered) {
            (None, None) => {
                self.unclassified.push(path.to_owned());
                return;
            }
            (None, Some(above)) => {
                if refers(name) && !matches!(above.class, Class::Deny | Class::Drop) {
                    self.unclassified.push(path.to_owned());
                }
                covered
            }
            (Some(row), _) => (!has_rows_below(path)).then_some(row),
        };
        self.object(path, schema, below, depth + 1);
        for part in parts(self.document, schema) {
            if let Some(items) = part.get("items") {
                self.object(&format!("{path}[]"), items, below, depth + 1);
            }
        }
    }
}

/// The schema itself and everything that it is composed of.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut parts = vec![schema];
    let mut next = 0;
    while let Some(&part) = parts.get(next) {
        next += 1;
        let target = part.get("$ref").and_then(Value::as_str);
        parts.extend(target.and_then(|target| document.pointer(target.strip_prefix('#')?)));
        for key in ["allOf", "anyOf", "oneOf"] {
            parts.extend(part.get(key).and_then(Value::as_array).into_iter().flatten());
        }
        if next > DEPTH_MAX {
            break;
        }
    }
    parts
}

fn row(path: &str) -> Option<&'static Field> {
    let canonical = canonical(path);
    fields().find(|field| field.path == path || field.path == canonical)
}

fn has_rows_below(path: &str) -> bool {
    let [inside, elements] = [format!("{path}."), format!("{path}[].")].map(|prefix| canonical(&prefix));
    fields().any(|field| field.path.starts_with(&inside) || field.path.starts_with(&elements))
}

/// The path under which a field is classified.
fn canonical(path: &str) -> String {
    let mut path = path.to_owned();
    for (from, to) in ALIASES {
        if let Some(rest) = path.strip_prefix(from) {
            path = format!("{to}{rest}");
        }
    }
    path
}

fn refers(name: &str) -> bool {
    REFERENCES.contains(&name) || REFERENCE_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests;
