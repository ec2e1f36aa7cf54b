//! PersistentVolumeClaims: down with nothing that could reach another's volume, and bound in the tenant by Warren,
//! because the tenant's own volume binder is off.
//!
//! Code map: [`fields`] the classification · `down` the host claim · `changes` what changes of it later · `node` the
//! node that a scheduler chose · `up` binding and status on the way back.

mod changes;
mod down;
pub mod fields;
mod node;
mod up;

pub use changes::{REQUESTED, changes, resize};
pub use down::{Down, class_of, down, takes_default};
pub use node::{SELECTED_NODE, taken_back};
pub use up::{bind, is_bound_to, lost, scrub, status};

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::identity::{Cluster, HostName, TenantKey};
use crate::{meta, name};

/// Reason of the Event on a claim that waits for a class, as the native binder has it.
pub const WAITS_REASON: &str = "FailedBinding";
/// Text of that Event.
pub const WAITS: &str = "no persistent volumes available for this claim and no storage class is set";
/// Reason of the Event on a claim whose volume is gone, as the native binder has it.
pub const LOST_REASON: &str = "ClaimLost";
/// Text of that Event.
pub const LOST: &str = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";

/// Annotation, and its value [`YES`]: a scheduler takes a claim for bound only with it.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Annotation: not a person but a controller bound it.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const YES: &str = "yes";
/// Phases of a claim.
const BOUND: &str = "Bound";
const LOST_PHASE: &str = "Lost";

/// The host name of a tenant claim.
pub fn host_name(cluster: &Cluster, key: &TenantKey) -> HostName {
    name::host_name(cluster, name::PERSISTENT_VOLUME_CLAIM, key)
}

/// True when the host claim was made for this very claim, and not for a predecessor of the same name, whose data must
/// never be handed on: that one is deleted first.
pub fn stands_for(tenant: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> bool {
    meta::stands_for(&tenant.metadata, &host.metadata)
}

/// True when the host's claim has its volume.
pub fn is_bound(host: &PersistentVolumeClaim) -> bool {
    let phase = host.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some(BOUND) && volume_of(host).is_some()
}

/// True when the host's claim has lost its volume.
pub fn is_lost(host: &PersistentVolumeClaim) -> bool {
    let phase = host.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some(LOST_PHASE)
}

/// `spec.volumeName`, if it names one.
fn volume_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    let name = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref());
    name.filter(|name| !name.is_empty())
}

fn annotation<'a>(claim: &'a PersistentVolumeClaim, key: &str) -> Option<&'a str> {
    let value = claim.metadata.annotations.as_ref()?.get(key)?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
