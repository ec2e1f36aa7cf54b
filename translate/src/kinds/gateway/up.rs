//! The tenant's picture of a host's Gateway. Certificates, addresses, the class and whoever else is attached are the host's.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use warren_crds::gateways::OfferedGateway;

use super::listeners;
use crate::mirrored;

/// The class of every picture: one that no controller in the tenant may have for its own.
const CLASS: &str = "warren.dev/from-host";
/// What stands for a certificate, since a listener that ends TLS must have one or an option.
const CERTIFICATE: (&str, &str) = ("warren.dev/certificate", "of-the-platform");
/// Conditions that say whether the Gateway works.
const CONDITIONS: [&str; 2] = ["Accepted", "Programmed"];

/// What the tenant should have.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its `spec`.
    pub spec: Value,
    /// Its `status.conditions`, without the generation that they speak of. Empty while the host has none.
    pub conditions: Vec<Value>,
}

/// The picture of the host's Gateway with these fields beside its metadata. `None` when none of its listeners is on offer:
/// a Gateway has one at least.
pub fn up(offer: &OfferedGateway, host: &Value) -> Option<Picture> {
    let listeners: Vec<Value> = listeners(offer, Some(host)).map(listener).collect();
    if listeners.is_empty() {
        return None;
    }
    Some(Picture {
        metadata: ObjectMeta {
            namespace: Some(offer.namespace.clone()),
            name: Some(offer.name.clone()),
            labels: Some(mirrored::labels()),
            ..ObjectMeta::default()
        },
        spec: json!({ "gatewayClassName": CLASS, "listeners": listeners }),
        conditions: conditions(host),
    })
}

/// Who may attach is for the class to say: the tenant's namespaces all may.
fn listener(host: &Value) -> Value {
    let mut shown = Map::new();
    for field in ["name", "hostname", "port", "protocol"] {
        if let Some(value) = host.get(field) {
            shown.insert(field.to_owned(), value.clone());
        }
    }
    let mode = host
        .get("tls")
        .map(|tls| tls.get("mode").and_then(Value::as_str).unwrap_or("Terminate"));
    if let Some(mode) = mode {
        let (key, value) = CERTIFICATE;
        let tls = if mode == "Terminate" {
            json!({ "mode": mode, "options": { key: value } })
        } else {
            json!({ "mode": mode })
        };
        shown.insert("tls".to_owned(), tls);
    }
    let allowed = match host.pointer("/allowedRoutes/kinds") {
        Some(kinds) => json!({ "namespaces": { "from": "All" }, "kinds": kinds }),
        None => json!({ "namespaces": { "from": "All" } }),
    };
    shown.insert("allowedRoutes".to_owned(), allowed);
    Value::Object(shown)
}

/// Without their texts, which are for the host.
fn conditions(host: &Value) -> Vec<Value> {
    let conditions = host
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let known = conditions.filter(|condition| {
        let kind = condition.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| CONDITIONS.contains(&kind))
    });
    let shown = known.map(|condition| {
        let field = |name: &str| condition.get(name).cloned().unwrap_or_default();
        json!({
            "type": field("type"), "status": field("status"), "reason": field("reason"),
            "lastTransitionTime": field("lastTransitionTime"), "message": "",
        })
    });
    shown.collect()
}
