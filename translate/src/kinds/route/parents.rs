//! Which Gateways a route means: each is one of the host's on offer, or the tenant's own, or nobody's.

use serde_json::{Map, Value, json};
use warren_crds::gateways::GROUP;

use super::{Gateways, text};
use crate::identity::{TenantKey, TenantNamespace};
use crate::kinds::gateway::{Listener, Offered};

const KIND: &str = "Gateway";

/// What one entry of `parentRefs` means.
pub(super) enum Parent<'a> {
    /// A Gateway of the host.
    Offered(Attached<'a>),
    /// A Gateway that the tenant made.
    Own,
    /// Neither, because of a field of the entry.
    Nobody {
        /// The field's name.
        field: &'static str,
        /// Why, without the field's name.
        why: String,
    },
}

/// An entry that means a Gateway of the host.
pub(super) struct Attached<'a> {
    /// The Gateway.
    pub gateway: &'a Offered,
    /// The entry as the host has it.
    pub on_host: Value,
}

impl Attached<'_> {
    /// The listeners that it attaches to.
    pub(super) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        let name = self.on_host.get("sectionName").and_then(Value::as_str);
        let port = self.on_host.get("port").and_then(Value::as_i64);
        let listeners = self.gateway.listeners.iter();
        listeners.filter(move |listener| {
            name.is_none_or(|name| listener.name == name) && (port.is_none() || listener.port == port)
        })
    }
}

/// What the entry `parent` of a route in `namespace` means.
pub(super) fn parent<'a>(gateways: &'a Gateways, namespace: &TenantNamespace, parent: &Value) -> Parent<'a> {
    if text(parent, "group", GROUP) != GROUP || text(parent, "kind", KIND) != KIND {
        return Parent::Nobody {
            field: "kind",
            why: format!("must be a {KIND} of {GROUP}"),
        };
    }
    let key = TenantKey::new(
        text(parent, "namespace", namespace.as_str()),
        text(parent, "name", ""),
    );
    let offered = gateways.offered.iter();
    let found = offered
        .clone()
        .find(|offered| offered.is(key.namespace.as_str(), key.name.as_str()));
    match found {
        Some(gateway) => attached(gateway, parent),
        None if gateways.own.contains(&key) => Parent::Own,
        None => Parent::Nobody {
            field: "name",
            why: format!(
                "names {key}, which is not offered: the platform offers {}",
                list(offered.map(|one| format!("{}/{}", one.offer.namespace, one.offer.name)))
            ),
        },
    }
}

/// Where the class offers some listeners only, one of them is named on the host: without, the route would have them all.
fn attached<'a>(gateway: &'a Offered, parent: &Value) -> Parent<'a> {
    let offer = &gateway.offer;
    let texts = [
        ("group", GROUP),
        ("kind", KIND),
        ("namespace", &offer.namespace),
        ("name", &offer.name),
    ];
    let mut on_host: Map<String, Value> = texts
        .into_iter()
        .map(|(field, text)| (field.to_owned(), json!(text)))
        .collect();
    if let Some(port) = parent.get("port") {
        on_host.insert("port".to_owned(), port.clone());
    }
    let named = parent.get("sectionName").and_then(Value::as_str);
    let section = match (named, offer.listeners.as_slice()) {
        (None, []) => None,
        (None, [only]) => Some(only.as_str()),
        (Some(named), _) if offer.offers(named) => Some(named),
        (_, listeners) => {
            return Parent::Nobody {
                field: "sectionName",
                why: format!("must be one of {}", list(listeners.iter().cloned())),
            };
        }
    };
    if let Some(section) = section {
        on_host.insert("sectionName".to_owned(), json!(section));
    }
    Parent::Offered(Attached {
        gateway,
        on_host: Value::Object(on_host),
    })
}

/// Whether two entries of routes on the host mean the same, whatever their controller filled in.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let fields = |parent: &Value| {
        let section = parent.get("sectionName").cloned();
        let port = parent.get("port").cloned();
        let texts = [("group", GROUP), ("kind", KIND), ("namespace", ""), ("name", "")]
            .map(|(field, default)| text(parent, field, default).to_owned());
        (texts, section, port)
    };
    fields(one) == fields(other)
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
