//! Status, host → tenant: the registered fields, in tenant terms.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use warren_crds::sync::Custom;

use super::{named, paths};
use crate::identity::{Cluster, HostName, TenantKey};
use crate::patch;

/// Which generation of its object a controller speaks of.
const OBSERVED: &str = "observedGeneration";

/// One custom resource on both sides: metadata and other fields of each.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The tenant's.
    pub tenant: (&'a ObjectMeta, &'a Value),
    /// The host's.
    pub host: (&'a ObjectMeta, &'a Value),
    /// Whether the host's says what the tenant's says now.
    pub is_current: bool,
}

/// Merge patch of the tenant's object that makes its status as the host's, with its UID as a precondition; `None` when it
/// is, or the host has none yet. Fields that are not registered are left alone.
///
/// # Errors
/// When the tenant's object has no name or namespace.
pub fn status_changes(cluster: &Cluster, custom: &Custom, sides: &Sides<'_>) -> crate::Result<Option<Value>> {
    let ((tenant_meta, tenant), (_, host)) = (sides.tenant, sides.host);
    let Some(status) = host.get("status").filter(|status| status.is_object()) else {
        return Ok(None);
    };
    let registered = |status: &Value| {
        if custom.status.is_empty() {
            status.clone()
        } else {
            paths::pick(status, &custom.status)
        }
    };
    let terms = Terms::of(cluster, custom, &TenantKey::of(tenant_meta)?, sides);
    let mut wanted = registered(status);
    terms.put(&mut wanted);
    let has = tenant.get("status").map_or_else(|| json!({}), registered);
    let patch = patch::merge(&has, &wanted);
    Ok(patch.map(|status| json!({ "metadata": { "uid": tenant_meta.uid }, "status": status })))
}

/// Host names and what they are in the tenant.
fn replacements(
    cluster: &Cluster,
    custom: &Custom,
    key: &TenantKey,
    tenant: &Value,
    host: &ObjectMeta,
) -> Vec<(String, String)> {
    let own = HostName::of(host).map(|name| (name.as_str().to_owned(), key.name.to_string()));
    let others = named(custom, &key.namespace, tenant);
    let others = others.iter().map(|named| {
        let host = named.host_name(cluster);
        (host.as_str().to_owned(), named.key.name.to_string())
    });
    let namespace = (cluster.workload_namespace.to_string(), key.namespace.to_string());
    own.into_iter().chain(others).chain([namespace]).collect()
}

/// How what the host says is said in the tenant.
pub(crate) struct Terms {
    names: Vec<(String, String)>,
    host_generation: Option<i64>,
    generation: i64,
    is_current: bool,
}

impl Terms {
    /// Of one object, the tenant's `key`.
    pub(crate) fn of(cluster: &Cluster, custom: &Custom, key: &TenantKey, sides: &Sides<'_>) -> Self {
        let Sides {
            tenant: (tenant_meta, tenant),
            host: (host_meta, _),
            is_current,
        } = *sides;
        Self {
            names: replacements(cluster, custom, key, tenant, host_meta),
            host_generation: host_meta.generation,
            // What was seen of an older state is at most the one before.
            generation: tenant_meta.generation.unwrap_or_default(),
            is_current,
        }
    }

    /// Puts everything under `value` into tenant terms.
    pub(crate) fn put(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for (host, tenant) in &self.names {
                    if text.contains(host.as_str()) {
                        *text = text.replace(host.as_str(), tenant);
                    }
                }
            }
            Value::Array(entries) => entries.iter_mut().for_each(|entry| self.put(entry)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value.as_i64().filter(|_| key == OBSERVED) {
                        Some(observed) => *value = json!(self.observed(observed)),
                        None => self.put(value),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn observed(&self, host: i64) -> i64 {
        if self.is_current && Some(host) == self.host_generation {
            self.generation
        } else {
            (self.generation - 1).max(0)
        }
    }
}
