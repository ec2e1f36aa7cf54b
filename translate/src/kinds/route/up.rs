//! What the host's controllers say of each Gateway that a route is attached to, in tenant terms. Entries that a controller
//! in the tenant wrote, for Gateways of the tenant's own or parents that are none, are left as they are.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use warren_crds::sync::Custom;

use super::parents::{Parent, parent, same};
use super::{Gateways, entries};
use crate::identity::{Cluster, TenantKey};
use crate::kinds::custom::{Sides, Terms};

/// Merge patch of the tenant's route that makes its `status.parents` as they should be, with its UID and version as
/// preconditions: others write the same list. `None` when they are. Without `sides.host` no Gateway of the host has it.
///
/// # Errors
/// When the tenant's route has no name or namespace.
pub fn status_changes(
    cluster: &Cluster,
    custom: &Custom,
    gateways: &Gateways,
    tenant: (&ObjectMeta, &Value),
    host: Option<&Sides<'_>>,
) -> crate::Result<Option<Value>> {
    let (metadata, data) = tenant;
    let key = TenantKey::of(metadata)?;
    let empty = json!({});
    let status = data.get("status").unwrap_or(&empty);
    let there = entries(status, "parents");
    let is_own = |entry: &&Value| {
        let named = entry.get("parentRef").unwrap_or(&Value::Null);
        matches!(
            parent(gateways, &key.namespace, named),
            Parent::Own | Parent::Nobody { field: "kind", .. }
        )
    };
    let own = there.iter().filter(is_own).cloned();
    let mut wanted: Vec<Value> = host
        .map(|sides| of_host(cluster, custom, gateways, &key, sides))
        .unwrap_or_default();
    wanted.extend(own);
    // Whoever writes it, too, may have another order.
    if wanted.len() == there.len() && wanted.iter().all(|entry| there.contains(entry)) {
        return Ok(None);
    }
    Ok(Some(json!({
        "metadata": { "uid": metadata.uid, "resourceVersion": metadata.resource_version },
        "status": { "parents": wanted },
    })))
}

/// The host's entries, each under the `parentRef` that the tenant wrote. What speaks of no such Gateway is the host's.
fn of_host(
    cluster: &Cluster,
    custom: &Custom,
    gateways: &Gateways,
    key: &TenantKey,
    sides: &Sides<'_>,
) -> Vec<Value> {
    let (_, tenant) = sides.tenant;
    let (_, host) = sides.host;
    let Some(status) = host.get("status") else {
        return Vec::new();
    };
    let spec = tenant.get("spec").unwrap_or(&Value::Null);
    let named: Vec<(&Value, Value)> = entries(spec, "parentRefs")
        .iter()
        .filter_map(|entry| match parent(gateways, &key.namespace, entry) {
            Parent::Offered(attached) => Some((entry, attached.on_host)),
            Parent::Own | Parent::Nobody { .. } => None,
        })
        .collect();
    let terms = Terms::of(cluster, custom, key, sides);
    let shown = entries(status, "parents").iter().filter_map(|entry| {
        let said = entry.get("parentRef")?;
        let (of_tenant, _) = named.iter().find(|(_, on_host)| same(on_host, said))?;
        let mut conditions = json!(entries(entry, "conditions"));
        terms.put(&mut conditions);
        Some(json!({
            "parentRef": of_tenant,
            "controllerName": entry.get("controllerName"),
            "conditions": conditions,
        }))
    });
    shown.collect()
}
