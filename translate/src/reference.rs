//! References to other objects of the tenant, by kind: the one place that renames them.

use crate::identity::{Cluster, HostName, TenantKey, TenantName, TenantNamespace};
use crate::name::{Kind, host_name};

/// Renames the references that objects of one tenant namespace make.
#[derive(Clone, Copy, Debug)]
pub struct References<'a> {
    cluster: &'a Cluster,
    namespace: &'a TenantNamespace,
}

impl<'a> References<'a> {
    /// References out of `namespace`.
    pub const fn new(cluster: &'a Cluster, namespace: &'a TenantNamespace) -> Self {
        Self { cluster, namespace }
    }

    /// The host name of the object that `name` refers to in this namespace.
    pub fn host_name(&self, kind: Kind, name: &str) -> HostName {
        let key = TenantKey {
            namespace: self.namespace.clone(),
            name: TenantName::new(name),
        };
        host_name(self.cluster, kind, &key)
    }

    /// Rewrites a reference in place. An empty name stays empty: it refers to nothing.
    pub fn rewrite(&self, kind: Kind, name: &mut String) {
        if !name.is_empty() {
            *name = self.host_name(kind, name).to_string();
        }
    }
}
