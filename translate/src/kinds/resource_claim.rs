//! ResourceClaims: what is asked for goes down, what the host's scheduler has allocated comes up (decision 26).
//!
//! Code map: [`fields`] the classification · `down` the host claim, of its `request`s one by one · `up` the writes that bring
//! the allocation to the tenant · `allocation` the host's in the tenant's terms, and whether two are the same devices.

mod allocation;
mod down;
pub mod fields;
mod request;
mod up;

pub use down::{changes, down};
pub use up::{Living, Seen, Write, up};

use k8s_openapi::api::resource::v1::ResourceClaim;

use crate::identity::{Cluster, HostName, TenantKey};
use crate::{meta, name};

/// What keeps a claim that has devices: schedulers put it there before they allocate, controllers take it off when nobody
/// uses the claim any more (`Finalizer` in `k8s.io/api/resource/v1`).
pub const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

/// What a class of Warren's must say for claims to reach the host.
pub const NOT_OFFERED: &str =
    "the platform offers this cluster no device classes (`classes.device.names` of its VirtualClusterClass)";

/// The host name of a tenant claim.
pub fn host_name(cluster: &Cluster, key: &TenantKey) -> HostName {
    name::host_name(cluster, name::RESOURCE_CLAIM, key)
}

/// True when the host claim was made for this very claim, and not for a predecessor of the same name, which may ask for
/// something else: that one is deleted first.
pub fn stands_for(tenant: &ResourceClaim, host: &ResourceClaim) -> bool {
    meta::stands_for(&tenant.metadata, &host.metadata)
}

#[cfg(test)]
mod tests;
