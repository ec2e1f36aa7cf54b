//! Devices: those of device plugins are extended resources, the others are claimed. The host's Pod names the host claims
//! themselves, also where the tenant's names a template: the tenant's own controller has made a claim of it.

use k8s_openapi::api::core::v1::{
    Pod, PodResourceClaim, PodResourceClaimStatus, ResourceClaim, ResourceRequirements,
};

use super::going::Going;
use crate::error::{Error, Result};
use crate::kinds::resource_claim::NOT_OFFERED;
use crate::name::RESOURCE_CLAIM;

/// Names with this prefix ask for devices of a class (`ResourceDeviceClassPrefix` in `k8s.io/api/resource/v1`): a
/// scheduler from Kubernetes 1.36 on makes the claim itself, of any class that the host has.
const CLASS_PREFIX: &str = "deviceclass.resource.kubernetes.io/";
const BY_CLASS: &str =
    "would make the host claim a device by itself, of whatever class: claim it (`spec.resourceClaims`)";
const OF_POD: &str = "is for containers only";
const UNKNOWN: &str = "names neither a claim nor a template";
/// What begins the names of claimed devices in `allocatedResourcesStatus`.
const STATUS_PREFIX: &str = "claim:";

/// What an entry of a Pod's claims stands for, as a kubelet sees it (`Name` in
/// `k8s.io/dynamic-resource-allocation/resourceclaim`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claimed<'a> {
    /// The claim of this name.
    Claim {
        /// The name.
        name: &'a str,
        /// It was made of a template, and must be this very Pod's.
        generated: bool,
    },
    /// Nothing: no claim was necessary.
    Nothing,
    /// The claim is still to be made of the template.
    NotMade,
    /// A way to name claims that is not known here.
    Unknown,
}

/// What `entry` stands for.
fn claimed<'a>(pod: &'a Pod, entry: &'a PodResourceClaim) -> Claimed<'a> {
    let PodResourceClaim {
        name,
        resource_claim_name,
        resource_claim_template_name,
    } = entry;
    if let Some(name) = resource_claim_name {
        let generated = false;
        return Claimed::Claim { name, generated };
    }
    if resource_claim_template_name.is_none() {
        return Claimed::Unknown;
    }
    let status = pod.status.as_ref();
    let mut made = status
        .and_then(|status| status.resource_claim_statuses.as_ref())
        .into_iter()
        .flatten();
    match made.find(|made| made.name == *name) {
        None => Claimed::NotMade,
        Some(PodResourceClaimStatus {
            name: _,
            resource_claim_name: Some(name),
        }) => Claimed::Claim {
            name,
            generated: true,
        },
        Some(_nothing) => Claimed::Nothing,
    }
}

/// A claim that is there for a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeClaim<'a> {
    /// What the Pod's containers call it.
    pub called: &'a str,
    /// Its own name.
    pub name: &'a str,
    /// It was made of a template, and must be this very Pod's.
    pub generated: bool,
}

/// The claims that are there for the Pod.
pub fn made_claims(pod: &Pod) -> impl Iterator<Item = MadeClaim<'_>> {
    let spec = pod.spec.as_ref();
    let entries = spec.and_then(|spec| spec.resource_claims.as_ref());
    let entries = entries.into_iter().flatten();
    entries.filter_map(|entry| match claimed(pod, entry) {
        Claimed::Claim { name, generated } => Some(MadeClaim {
            called: &entry.name,
            name,
            generated,
        }),
        Claimed::Nothing | Claimed::NotMade | Claimed::Unknown => None,
    })
}

/// The claims of the Pod: host claims, by name.
///
/// # Errors
/// [`Error::ClaimNotMade`].
pub(super) fn of_pod(going: &mut Going<'_>) -> Result<Option<Vec<PodResourceClaim>>> {
    let Some(claims) = going
        .spec
        .resource_claims
        .as_deref()
        .filter(|all| !all.is_empty())
    else {
        return Ok(None);
    };
    if going.context.policy.classes.device.names.is_empty() {
        let why = format!("is not possible: {NOT_OFFERED}");
        going.findings.deny("spec.resourceClaims", why);
        return Ok(None);
    }
    let mut down = Vec::new();
    for entry in claims {
        match claimed(going.pod, entry) {
            Claimed::Claim { name, .. } => down.push(PodResourceClaim {
                name: entry.name.clone(),
                resource_claim_name: Some(going.references().host_name(RESOURCE_CLAIM, name).to_string()),
                resource_claim_template_name: None,
            }),
            Claimed::Nothing => {}
            Claimed::NotMade => {
                return Err(Error::ClaimNotMade {
                    claim: entry.name.clone(),
                });
            }
            Claimed::Unknown => {
                let field = format!("spec.resourceClaims[{}]", entry.name);
                going.findings.deny(field, UNKNOWN);
            }
        }
    }
    Ok(Some(down).filter(|down| !down.is_empty()))
}

/// What a container gets of the Pod's claims; of those that stand for nothing it gets nothing.
pub(super) fn of_container(
    going: &Going<'_>,
    claims: Option<&[ResourceClaim]>,
) -> Option<Vec<ResourceClaim>> {
    let stands_for_nothing = |name: &str| {
        let mut entries = going.spec.resource_claims.iter().flatten();
        entries.any(|entry| entry.name == name && claimed(going.pod, entry) == Claimed::Nothing)
    };
    let named = claims?.iter().filter(|claim| !stands_for_nothing(&claim.name));
    let down = named.map(|ResourceClaim { name, request }| ResourceClaim {
        name: name.clone(),
        request: request.clone(),
    });
    Some(down.collect()).filter(|down: &Vec<_>| !down.is_empty())
}

/// Denies the claims of the Pod as a whole.
pub(super) fn of_whole_pod(going: &mut Going<'_>, resources: &ResourceRequirements) {
    if resources.claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        going.findings.deny("spec.resources.claims", OF_POD);
    }
}

/// Denies what `resources`, of the container or Pod at `path`, ask for by class.
pub(super) fn by_class(going: &mut Going<'_>, path: &str, resources: &ResourceRequirements) {
    let lists = [("limits", &resources.limits), ("requests", &resources.requests)];
    for (list, amounts) in lists {
        for name in amounts.iter().flat_map(|amounts| amounts.keys()) {
            if name.starts_with(CLASS_PREFIX) {
                going
                    .findings
                    .deny(format!("{path}.resources.{list}[{name}]"), BY_CLASS);
            }
        }
    }
}

/// How a kubelet names what a container has of a claim (`resourceStatusName` in `pkg/apis/core/validation`).
pub(super) fn status_name(ResourceClaim { name, request }: &ResourceClaim) -> String {
    match request.as_deref().filter(|request| !request.is_empty()) {
        Some(request) => format!("{STATUS_PREFIX}{name}/{request}"),
        None => format!("{STATUS_PREFIX}{name}"),
    }
}

/// What a Pod calls the claim of which a kubelet speaks under this name; nothing for what is no claim.
pub fn claim_of_status(name: &str) -> Option<&str> {
    let claim = name.strip_prefix(STATUS_PREFIX)?;
    Some(claim.split_once('/').map_or(claim, |(claim, _request)| claim))
}
