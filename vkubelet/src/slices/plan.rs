//! What to do about one ResourceSlice of the tenant. Pure.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::resource::v1::{ResourceSlice, ResourceSliceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use warren_translate::mirrored::{self, is_mirrored};

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: it is as it should be, or what it needs is not there yet.
    Rest,
    /// The tenant has none.
    Create(Box<ResourceSlice>),
    /// All of it, with the resourceVersion that was seen.
    Replace(Box<ResourceSlice>),
    /// It should not be there; or what an apiserver does not let change has, and the next round creates it anew.
    Delete {
        /// Its UID.
        uid: String,
    },
    /// The tenant has made one of this name itself. It stays.
    Hidden,
}

/// Both sides of one slice.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// What the operator shows.
    pub host: Option<&'a ResourceSlice>,
    /// The tenant's.
    pub tenant: Option<&'a ResourceSlice>,
    /// The tenant's Node that the slice is for, if it is for one.
    pub node: Option<&'a Node>,
    /// What was written last and what came of it, where that was not the same.
    pub kept: Option<&'a Kept>,
}

/// A spec that the tenant's apiserver does not take as it is: an older one drops fields that it does not know, and any drops
/// those behind gates that are closed. Written again and again it would come out the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What was written.
    pub written: ResourceSliceSpec,
    /// What the answer said.
    pub answered: ResourceSliceSpec,
}

/// The step that makes the tenant's slice what it should be.
pub fn plan(pair: &Pair<'_>) -> Step {
    match (pair.host, pair.tenant) {
        (None, None) => Step::Rest,
        (Some(_), Some(tenant)) if !is_mirrored(&tenant.metadata) => Step::Hidden,
        (None, Some(tenant)) if !is_mirrored(&tenant.metadata) => Step::Rest,
        (None, Some(tenant)) => delete(tenant),
        (Some(host), tenant) => {
            let Some(desired) = desired(host, pair.node) else {
                // Its Node comes within a moment, and wakes this slice.
                return Step::Rest;
            };
            match tenant {
                None => Step::Create(Box::new(desired)),
                Some(tenant) => keep(tenant, desired, pair.kept),
            }
        }
    }
}

fn keep(tenant: &ResourceSlice, desired: ResourceSlice, kept: Option<&Kept>) -> Step {
    if fixed(&tenant.spec) != fixed(&desired.spec) {
        return delete(tenant);
    }
    let is_kept = kept.is_some_and(|kept| kept.written == desired.spec && kept.answered == tenant.spec);
    let same_owner = owners(&tenant.metadata) == owners(&desired.metadata);
    if same_owner && (is_kept || tenant.spec == desired.spec) {
        return Step::Rest;
    }
    // What the tenant added of its own labels and annotations stays.
    Step::Replace(Box::new(ResourceSlice {
        metadata: ObjectMeta {
            owner_references: desired.metadata.owner_references,
            ..tenant.metadata.clone()
        },
        spec: desired.spec,
    }))
}

fn delete(tenant: &ResourceSlice) -> Step {
    match &tenant.metadata.uid {
        Some(uid) => Step::Delete { uid: uid.clone() },
        None => Step::Rest,
    }
}

/// What is immutable (`validateResourceSliceSpec` in `pkg/apis/resource/validation`).
fn fixed(spec: &ResourceSliceSpec) -> (&str, &str, Option<&str>) {
    (&spec.driver, &spec.pool.name, spec.node_name.as_deref())
}

fn owners(metadata: &ObjectMeta) -> Vec<&str> {
    let owners = metadata.owner_references.iter().flatten();
    owners.map(|owner| owner.uid.as_str()).collect()
}

/// The tenant's slice. One for a node belongs to the tenant's Node, as a kubelet plugin's does: when the Node goes, the
/// tenant's garbage collector takes it along. `None` while there is no such Node.
fn desired(host: &ResourceSlice, node: Option<&Node>) -> Option<ResourceSlice> {
    let ResourceSlice { metadata, spec } = host;
    let owner = match &spec.node_name {
        None => None,
        Some(name) => Some(OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            name: name.clone(),
            uid: node?.metadata.uid.clone()?,
            controller: Some(true),
            block_owner_deletion: None,
        }),
    };
    Some(ResourceSlice {
        metadata: ObjectMeta {
            owner_references: owner.map(|owner| vec![owner]),
            ..mirrored::metadata(metadata, &[])?
        },
        spec: spec.clone(),
    })
}

#[cfg(test)]
mod tests;
