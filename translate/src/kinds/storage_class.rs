//! StorageClasses, host → tenant: what a scheduler and a user must know of a class, and none of its parameters.

use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts, TRUE};

/// Annotation: claims that name no class get this one.
pub const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// As [`IS_DEFAULT`], by its old name, which admission still reads.
const IS_DEFAULT_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";

/// The tenant's class. Parameters and mount options stay on the host, where they are used and may name Secrets; so do
/// labels and annotations, but for the default's. `None` for a class without a name.
pub fn up(host: &StorageClass) -> Option<StorageClass> {
    let StorageClass {
        allow_volume_expansion,
        allowed_topologies,
        metadata,
        mount_options: _, // of the host's nodes
        parameters: _,    // for the host's provisioner; they name Secrets, paths and servers
        provisioner,
        reclaim_policy,
        volume_binding_mode,
    } = host;
    let default: &[_] = if is_default(metadata) {
        &[(IS_DEFAULT, TRUE)]
    } else {
        &[]
    };
    Some(StorageClass {
        allow_volume_expansion: *allow_volume_expansion,
        allowed_topologies: allowed_topologies.clone(),
        metadata: mirrored::metadata(metadata, default)?,
        mount_options: None,
        parameters: None,
        provisioner: provisioner.clone(),
        reclaim_policy: reclaim_policy.clone(),
        volume_binding_mode: volume_binding_mode.clone(),
    })
}

/// True for a class that claims without one get.
pub fn is_default(metadata: &ObjectMeta) -> bool {
    mirrored::says_yes(metadata, &[IS_DEFAULT, IS_DEFAULT_BETA])
}

/// Claims are bound to volumes, not to classes, so nothing happens to them when a class is made anew.
impl Mirrored for StorageClass {
    const ANNOTATIONS: &'static [&'static str] = &[IS_DEFAULT, IS_DEFAULT_BETA];

    fn parts(&self) -> Parts {
        let Self {
            allow_volume_expansion,
            allowed_topologies,
            metadata: _,
            mount_options,
            parameters,
            provisioner,
            reclaim_policy,
            volume_binding_mode,
        } = self;
        Parts {
            fixed: json!({
                "provisioner": provisioner,
                "parameters": parameters.clone().unwrap_or_default(),
                "reclaimPolicy": reclaim_policy.as_deref().unwrap_or("Delete"),
                "volumeBindingMode": volume_binding_mode.as_deref().unwrap_or("Immediate"),
            }),
            open: json!({
                "allowVolumeExpansion": allow_volume_expansion.unwrap_or(false),
                "allowedTopologies": allowed_topologies.as_ref().filter(|all| !all.is_empty()),
                "mountOptions": mount_options.as_ref().filter(|all| !all.is_empty()),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
