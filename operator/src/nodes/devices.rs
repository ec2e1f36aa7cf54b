//! The host's devices (ResourceSlices) as one virtual cluster may have them. Pure.
//!
//! [`shown`] is the list of slices for one cluster · [`holdings`] who holds which device · [`pool`] the slices that count ·
//! [`counters`] what held devices leave of what their pool shares · [`capacity`] what they leave of a device that several
//! may hold · [`amount`] quantities as an apiserver writes them · [`sent`] what a stream has told.
//!
//! **Invariant:** nothing is shown as free that the host's allocator (`k8s.io/dynamic-resource-allocation/structured`) would
//! refuse. Where a slice cannot say what is left, the device is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceSlice};

pub mod amount;
pub mod capacity;
pub mod counters;
pub mod holdings;
pub mod pool;
pub mod sent;
pub mod shown;

use holdings::Holdings;
use pool::{Pool, PoolId};

/// All devices of the host, and who holds them, of one moment.
#[derive(Debug, Default)]
pub struct Devices {
    pools: BTreeMap<PoolId, Pool>,
    holdings: Holdings,
}

impl Devices {
    /// From all ResourceSlices and all ResourceClaims of the host.
    pub fn of(
        slices: impl IntoIterator<Item = Arc<ResourceSlice>>,
        claims: impl IntoIterator<Item = Arc<ResourceClaim>>,
    ) -> Self {
        Self {
            pools: pool::of(slices),
            holdings: Holdings::of(claims),
        }
    }
}

#[cfg(test)]
mod tests;
