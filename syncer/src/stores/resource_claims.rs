//! ResourceClaims of both sides.

use k8s_openapi::api::resource::v1::ResourceClaim;
use kube::Client;
use warren_runtime::store::Store;
use warren_runtime::watch::Change;
use warren_translate::identity::TenantKey;
use warren_translate::policy::TenantPolicy;

use super::{Both, Wiring};
use crate::key::Kind;

/// Starts the watches. Where the class offers no devices the host is not asked, which may not even know the kind: what an
/// earlier class brought there is at rest without Pods, and goes with the cluster, or once something is offered again.
pub fn start(clients: [&Client; 2], policy: &TenantPolicy, wiring: &Wiring) -> Both<ResourceClaim> {
    const NAMES: [&str; 2] = ["ResourceClaim", "HostResourceClaim"];
    if policy.classes.device.names.is_empty() {
        return Both::denied(clients[0], Kind::ResourceClaim, NAMES[0], wiring);
    }
    let nothing_else = |_: &Change<ResourceClaim>, _: &Store<ResourceClaim>| Vec::<TenantKey>::new();
    Both::start(
        clients,
        Kind::ResourceClaim,
        NAMES,
        (nothing_else, nothing_else),
        wiring,
    )
}
