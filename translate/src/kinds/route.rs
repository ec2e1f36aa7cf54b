//! HTTPRoutes and TLSRoutes: down to Gateways of the host that the class offers, with host names that it allows and the
//! cluster has claimed, Services renamed; what the host's controllers say of each Gateway up.
//!
//! Code map: `parents` which Gateways a route means · `known` and [`fields`] what its fields are · `down` the host's route
//! · `up` the status.
//!
//! A route is JSON here, read by the table of [`fields`]: the API is not Kubernetes' own, and hosts have several versions.

mod down;
pub mod fields;
mod known;
mod parents;
mod up;

use std::collections::BTreeSet;

use serde_json::Value;
use warren_crds::served_host::ServedHost;
use warren_crds::sync::{Custom, Reference, ReferenceKind};

use crate::identity::TenantKey;
use crate::kinds::gateway::Offered;

pub use down::{Route, Verdict, down};
pub use up::status_changes;

/// Fields that name Services.
const SERVICES: [&str; 3] = [
    "spec.rules[*].backendRefs[*].name",
    "spec.rules[*].backendRefs[*].filters[*].requestMirror.backendRef.name",
    "spec.rules[*].filters[*].requestMirror.backendRef.name",
];

/// The Gateways that a tenant's routes may mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gateways {
    /// Those of the host that the class offers.
    pub offered: Vec<Offered>,
    /// Those that the tenant made itself: a controller in the tenant serves their routes.
    pub own: BTreeSet<TenantKey>,
}

/// How a kind of routes is read and written, in `version`.
pub fn registration(definition: &str, version: &str) -> Custom {
    let service = |path: &&str| Reference {
        path: (*path).to_owned(),
        kind: ReferenceKind::Service,
        ..Reference::default()
    };
    Custom {
        definition: definition.to_owned(),
        version: version.to_owned(),
        references: SERVICES.iter().map(service).collect(),
        ..Custom::default()
    }
}

/// The host names that a route on the host serves, by its fields beside the metadata.
pub fn hosts_on_host(data: &Value) -> BTreeSet<ServedHost> {
    let named: BTreeSet<ServedHost> = hostnames(data).filter_map(ServedHost::parse).collect();
    if named.is_empty() {
        [ServedHost::Any].into()
    } else {
        named
    }
}

/// Whether a claim that comes or goes may concern the tenant's route: those of its listeners are not looked at here.
pub fn may_serve(data: &Value, claimed: &ServedHost) -> bool {
    let mut named = hostnames(data).filter_map(ServedHost::parse).peekable();
    named.peek().is_none() || named.any(|host| host.meets(claimed))
}

fn hostnames(data: &Value) -> impl Iterator<Item = &str> {
    let names = data.pointer("/spec/hostnames").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// The entries of a list, none where it is not there.
fn entries<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    let list = value.get(field).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// A text, `default` where it is not there.
fn text<'a>(value: &'a Value, field: &str, default: &'a str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or(default)
}

#[cfg(test)]
mod tests;
