//! PersistentVolumes, host → tenant: of a volume that belongs to a tenant's claim, what a scheduler and a user must
//! know. None ever goes down.
//!
//! Code map: [`fields`] the classification · `up` the mirrored volume · `phase` its life.

pub mod fields;
mod phase;
mod up;

pub use phase::{Phase, phase, status};
pub use up::{changes, must_replace, up};

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

use crate::identity::Cluster;
pub use crate::mirrored::is_mirrored;

/// Name of the mirrored volume of the host claim with this UID: what a provisioner natively calls it, so that it is
/// known whether claim or volume is left.
pub fn volume_name(host_claim_uid: &str) -> String {
    format!("pvc-{host_claim_uid}")
}

/// [`volume_name`] of a host claim; `None` for one that was never stored.
pub fn name_of(host_claim: &PersistentVolumeClaim) -> Option<String> {
    let uid = host_claim.metadata.uid.as_deref().filter(|uid| !uid.is_empty())?;
    Some(volume_name(uid))
}

/// [`volume_name`] of a host volume that is, or was, bound to a claim in the workload namespace; `None` for every
/// other one.
pub fn name_of_volume(cluster: &Cluster, host: &PersistentVolume) -> Option<String> {
    let reference = host.spec.as_ref()?.claim_ref.as_ref()?;
    let is_own = reference.namespace.as_deref() == Some(cluster.workload_namespace.as_str());
    let uid = reference.uid.as_deref().filter(|uid| is_own && !uid.is_empty())?;
    Some(volume_name(uid))
}

#[cfg(test)]
mod tests;
