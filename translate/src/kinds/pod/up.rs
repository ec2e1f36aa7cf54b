//! The way back: what to write into the tenant's Pod status.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use warren_crds::keys;

use super::mask::Mask;
use super::scrub::Scrub;
use super::status;
use crate::error::{Error, Result};
use crate::identity::{Cluster, HostName, TenantKey};
use crate::patch;

/// A status to write.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusUp {
    /// The complete status that the tenant's Pod should have.
    pub status: Value,
    /// Merge patch for the tenant's `pods/<name>/status`. The Pod's UID is in it as a precondition; where somebody in
    /// the tenant owns conditions too, so is its resourceVersion, because a merge patch replaces the whole list.
    pub patch: Value,
}

/// The status of a tenant Pod from its host Pod, both as whole Pods in JSON, so that fields this Warren does not
/// know survive.
///
/// `observed_generation`: the tenant generation that the host's observed one stands for; `None` leaves the
/// tenant's as it is. The result is `None` when nothing is to be written: both are equal, the tenant's Pod has
/// ended already (an end is never overwritten), or the host Pod does not stand for this very Pod.
pub fn up(
    cluster: &Cluster,
    tenant: &Value,
    host: &Value,
    observed_generation: Option<i64>,
) -> Option<StatusUp> {
    up_masked(cluster, tenant, host, observed_generation, &Mask::default())
}

/// As [`up`], without the fields that the tenant's apiserver is known to drop.
pub fn up_masked(
    cluster: &Cluster,
    tenant: &Value,
    host: &Value,
    observed_generation: Option<i64>,
    mask: &Mask,
) -> Option<StatusUp> {
    let text = |pod: &Value, pointer: &str| {
        pod.pointer(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let uid = text(tenant, "/metadata/uid")?;
    let origin = host
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(keys::ORIGIN_UID));
    if origin.and_then(Value::as_str) != Some(uid.as_str()) {
        return None;
    }
    if matches!(
        tenant.pointer("/status/phase").and_then(Value::as_str),
        Some("Succeeded" | "Failed")
    ) {
        return None;
    }
    let key = TenantKey::new(
        text(tenant, "/metadata/namespace")?,
        text(tenant, "/metadata/name")?,
    );
    // Read for what the Pod names; the tree itself goes up.
    let typed: Pod = serde_json::from_value(tenant.clone()).ok()?;
    let host_name = HostName::computed(text(host, "/metadata/name")?);
    let host_uid = text(host, "/metadata/uid").unwrap_or_default();
    let scrub = Scrub::of_pod(cluster, &key, &typed, &host_name, &host_uid);
    let mut desired = status::desired(tenant, &typed, host, &scrub, observed_generation);
    mask.apply(&mut desired);
    let empty = json!({});
    let existing = tenant.get("status").unwrap_or(&empty);
    let status_patch = patch::merge(existing, &desired)?;
    let mut metadata = json!({ "uid": uid });
    if status::shares_conditions(existing)
        && let (Some(version), Some(map)) = (
            text(tenant, "/metadata/resourceVersion"),
            metadata.as_object_mut(),
        )
    {
        map.insert("resourceVersion".to_owned(), Value::String(version));
    }
    Some(StatusUp {
        status: desired,
        patch: json!({ "metadata": metadata, "status": status_patch }),
    })
}

/// As [`up`], for callers that hold typed Pods; fields that this Warren does not know are lost.
///
/// # Errors
/// Never in practice: [`Error::Json`] if a Pod cannot be written as JSON.
pub fn up_typed(
    cluster: &Cluster,
    tenant: &Pod,
    host: &Pod,
    observed_generation: Option<i64>,
) -> Result<Option<StatusUp>> {
    let json = |pod: &Pod| {
        serde_json::to_value(pod).map_err(|error| Error::Json {
            what: "pod",
            why: error.to_string(),
        })
    };
    Ok(up(cluster, &json(tenant)?, &json(host)?, observed_generation))
}
