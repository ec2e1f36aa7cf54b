//! Custom resources of registered kinds: down as they are but for the fields that name other objects, status up.
//!
//! Code map: `paths` fields by path · `down` the host object · `up` the tenant's status · [`definition`] the kind itself.
//!
//! What the registration does not name is not known here: whoever registers a kind vouches that its controller bears what
//! tenants write into all other fields.

pub mod definition;
mod down;
mod paths;
#[cfg(test)]
mod tests;
mod up;

use serde_json::Value;
use warren_crds::sync::{Custom, Direction, Reference, ReferenceKind};

use crate::identity::{Cluster, HostName, TenantKey, TenantNamespace};
use crate::name;

pub use down::{Down, down, is_as};
pub(crate) use up::Terms;
pub use up::{Sides, status_changes};

/// Tells host objects that a controller made for a tenant apart from the copies of the tenant's own.
const MADE: &str = "made";

/// An object that a custom resource names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// What it is.
    pub kind: ReferenceKind,
    /// Whether the host's controller makes it.
    pub is_made: bool,
    /// Its name in the tenant.
    pub key: TenantKey,
}

impl Named {
    /// Its name on the host.
    pub fn host_name(&self, cluster: &Cluster) -> HostName {
        let kind = match self.kind {
            ReferenceKind::Secret => name::SECRET,
            ReferenceKind::ConfigMap => name::CONFIG_MAP,
            ReferenceKind::Service => name::SERVICE,
        };
        let part = if self.is_made { MADE } else { "" };
        name::host_name_of_part(cluster, kind, &self.key, part)
    }

    fn new(reference: &Reference, namespace: &TenantNamespace, name: &str) -> Self {
        Self {
            kind: reference.kind,
            is_made: reference.direction == Direction::Up,
            key: TenantKey::new(namespace.as_str(), name),
        }
    }
}

/// The name of a tenant object's counterpart on the host.
pub fn host_name(cluster: &Cluster, custom: &Custom, tenant: &TenantKey) -> HostName {
    name::host_name_of(cluster, [custom.group(), custom.plural()], tenant, "")
}

/// Every object that the fields of a custom resource in `namespace` name. `data`: its fields beside the metadata.
pub fn named(custom: &Custom, namespace: &TenantNamespace, data: &Value) -> Vec<Named> {
    let mut found = Vec::new();
    for reference in &custom.references {
        paths::visit(data, &reference.path, &mut |name| {
            let named = Named::new(reference, namespace, name);
            if !found.contains(&named) {
                found.push(named);
            }
        });
    }
    found
}
