//! The way back: which one write brings the tenant's claim nearer to what the host has allocated.
//!
//! An allocation that is set may only be taken away, never changed (`validateResourceClaimStatusUpdate` in
//! `pkg/apis/resource/validation`), so another one takes two writes. Whoever dies between them leaves a claim without an
//! allocation, and that is a case of its own, which ends the same way.

use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimConsumerReference, ResourceClaimStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::{FINALIZER, allocation, stands_for};
use crate::identity::{Cluster, HostName, TenantKey, TenantName, TenantUid};
use crate::kinds::pod::Scrub;

/// How many may have one claim (`ResourceClaimReservedForMaxSize` in `k8s.io/api/resource/v1`).
const RESERVED_MAX: usize = 256;
/// What a claim is reserved for here.
const PODS: &str = "pods";

/// A tenant Pod that has not ended, for whose host Pod the host has reserved its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Living {
    /// Its name; the namespace is the claim's.
    pub name: TenantName,
    /// Its UID.
    pub uid: TenantUid,
}

/// Both sides of one claim.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The virtual cluster.
    pub cluster: &'a Cluster,
    /// The tenant's claim.
    pub tenant: &'a ResourceClaim,
    /// The host's.
    pub host: &'a ResourceClaim,
    /// Who is behind what the host has reserved it for. Nobody: no allocation is written, because the tenant's own controller
    /// may have just taken it back.
    pub living: &'a [Living],
    /// What the tenant had reserved the claim for when its allocation was taken back a moment ago.
    pub former: &'a [ResourceClaimConsumerReference],
}

/// One write to the tenant's claim. Each holds only for the version that was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Merge patch of the claim: it keeps what it is about to get.
    Protect(Value),
    /// The claim with the status that it should have: without an allocation.
    TakeBack(Box<ResourceClaim>),
    /// The claim with the status that it should have.
    Status(Box<ResourceClaim>),
}

/// The next write; `None` when the tenant's claim is as it should be, or it is not this side's to say.
pub fn up(seen: Seen<'_>) -> Option<Write> {
    let Seen {
        cluster,
        tenant,
        host,
        living,
        former,
    } = seen;
    if tenant.metadata.deletion_timestamp.is_some() || !stands_for(tenant, host) {
        return None;
    }
    let wanted = allocation::up(host.status.as_ref()?.allocation.as_ref()?);
    let status = tenant.status.clone().unwrap_or_default();
    let Some(own) = &status.allocation else {
        if living.is_empty() {
            return None;
        }
        return Some(protect(&tenant.metadata).unwrap_or_else(|| {
            Write::Status(with(
                tenant,
                ResourceClaimStatus {
                    allocation: Some(wanted),
                    devices: None,
                    reserved_for: Some(reserved(former, living)),
                },
            ))
        }));
    };
    if allocation::same(own, &wanted) {
        let key = TenantKey::of(&tenant.metadata).ok()?;
        let scrub = Scrub::new(cluster, &key, &HostName::of(&host.metadata)?);
        let devices = allocation::devices_up(&scrub, own, host);
        let has = allocation::sorted(status.devices.clone().unwrap_or_default());
        return (has != devices).then(|| {
            let devices = Some(devices).filter(|devices| !devices.is_empty());
            Write::Status(with(tenant, ResourceClaimStatus { devices, ..status }))
        });
    }
    (!living.is_empty()).then(|| Write::TakeBack(with(tenant, ResourceClaimStatus::default())))
}

/// The finalizer, unless it is there.
fn protect(tenant: &ObjectMeta) -> Option<Write> {
    let mut finalizers = tenant.finalizers.clone().unwrap_or_default();
    if finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return None;
    }
    finalizers.push(FINALIZER.to_owned());
    Some(Write::Protect(json!({ "metadata": {
        "uid": tenant.uid,
        "resourceVersion": tenant.resource_version,
        "finalizers": finalizers,
    } })))
}

/// An apiserver keeps all but the status as it is.
fn with(tenant: &ResourceClaim, status: ResourceClaimStatus) -> Box<ResourceClaim> {
    Box::new(ResourceClaim {
        status: Some(status),
        ..tenant.clone()
    })
}

fn reserved(
    former: &[ResourceClaimConsumerReference],
    living: &[Living],
) -> Vec<ResourceClaimConsumerReference> {
    let mut reserved = former.to_vec();
    for Living { name, uid } in living {
        if !reserved.iter().any(|consumer| consumer.uid == uid.as_str()) {
            reserved.push(ResourceClaimConsumerReference {
                api_group: None,
                name: name.to_string(),
                resource: PODS.to_owned(),
                uid: uid.to_string(),
            });
        }
    }
    reserved.truncate(RESERVED_MAX);
    reserved
}
