//! The phase of a mirrored volume.

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::{Value, json};

/// Where a mirrored volume stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its claim has it.
    Bound,
    /// Its claim is gone. A tenant's volume protection lets a volume go only in this phase.
    Released,
    /// Its claim is gone, and the host could not dispose of it.
    Failed,
}

impl Phase {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bound => "Bound",
            Self::Released => "Released",
            Self::Failed => "Failed",
        }
    }

    /// What is said with it; the host's own words may name what is the host's.
    const fn message(self) -> Option<&'static str> {
        match self {
            Self::Bound | Self::Released => None,
            Self::Failed => Some("the platform could not dispose of the volume"),
        }
    }
}

/// The phase of the mirrored volume, by the host's volume (`None` when it is gone) and whether the tenant's claim and
/// its host claim are still bound to it.
pub fn phase(host: Option<&PersistentVolume>, claimed: bool) -> Phase {
    let phase = host
        .and_then(|host| host.status.as_ref())
        .and_then(|status| status.phase.as_deref());
    match phase {
        Some("Failed") if !claimed => Phase::Failed,
        _ if claimed && host.is_some() => Phase::Bound,
        _ => Phase::Released,
    }
}

/// Merge patch for the status of the mirrored volume, with its UID as a precondition; `None` when it is in `phase`.
pub fn status(tenant: &PersistentVolume, phase: Phase) -> Option<Value> {
    let status = tenant.status.as_ref();
    let has = status.and_then(|status| status.phase.as_deref());
    let says = status.and_then(|status| status.message.as_deref());
    let says = says.filter(|text| !text.is_empty());
    if has == Some(phase.as_str()) && says == phase.message() {
        return None;
    }
    Some(json!({
        "metadata": { "uid": tenant.metadata.uid },
        "status": { "phase": phase.as_str(), "message": phase.message(), "reason": null },
    }))
}
