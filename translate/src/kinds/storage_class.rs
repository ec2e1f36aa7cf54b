//! StorageClasses, host → tenant: what a scheduler and a user must know of a class, and none of its parameters.

use std::collections::BTreeMap;

use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use warren_crds::keys;

use crate::patch;

/// Annotation: claims that name no class get this one.
pub const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// As [`IS_DEFAULT`], by its old name, which admission still reads.
const IS_DEFAULT_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";
/// Value of labels and annotations that say yes.
const TRUE: &str = "true";

/// True for an object of the tenant that Warren mirrored from the host: only such are changed and removed.
pub fn is_mirrored(tenant: &ObjectMeta) -> bool {
    let label = tenant
        .labels
        .as_ref()
        .and_then(|labels| labels.get(keys::FROM_HOST));
    label.is_some_and(|value| value == TRUE)
}

/// The label by which [`is_mirrored`] knows it.
pub(crate) fn mirrored_labels() -> BTreeMap<String, String> {
    BTreeMap::from([(keys::FROM_HOST.to_owned(), TRUE.to_owned())])
}

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
    let annotations = is_default(metadata).then(|| {
        let is_default = (IS_DEFAULT.to_owned(), TRUE.to_owned());
        BTreeMap::from([is_default])
    });
    Some(StorageClass {
        allow_volume_expansion: *allow_volume_expansion,
        allowed_topologies: allowed_topologies.clone(),
        metadata: ObjectMeta {
            name: Some(metadata.name.clone()?),
            labels: Some(mirrored_labels()),
            annotations,
            ..ObjectMeta::default()
        },
        mount_options: None,
        parameters: None,
        provisioner: provisioner.clone(),
        reclaim_policy: reclaim_policy.clone(),
        volume_binding_mode: volume_binding_mode.clone(),
    })
}

/// True for a class that claims without one get.
pub fn is_default(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    let says = |key: &str| annotations.and_then(|annotations| annotations.get(key));
    [IS_DEFAULT, IS_DEFAULT_BETA]
        .iter()
        .any(|key| says(key).is_some_and(|value| value == TRUE))
}

/// True when the tenant's class differs from `desired` in what an apiserver does not let change: it is deleted and
/// created. Claims are bound to volumes, not to classes, so nothing happens to them.
pub fn must_replace(tenant: &StorageClass, desired: &StorageClass) -> bool {
    let fixed = |class: &StorageClass| {
        (
            class.provisioner.clone(),
            class.parameters.clone().unwrap_or_default(),
            class
                .reclaim_policy
                .clone()
                .unwrap_or_else(|| "Delete".to_owned()),
            class
                .volume_binding_mode
                .clone()
                .unwrap_or_else(|| "Immediate".to_owned()),
        )
    };
    fixed(tenant) != fixed(desired)
}

/// Merge patch that makes the tenant's class as `desired`, with its UID as a precondition; `None` when it is. What
/// the tenant added of its own labels and annotations stays, but it cannot make the class its default.
pub fn changes(tenant: &StorageClass, desired: &StorageClass) -> Option<Value> {
    let spec = |class: &StorageClass| {
        let topologies = class.allowed_topologies.clone().unwrap_or_default();
        json!({
            "allowVolumeExpansion": class.allow_volume_expansion.unwrap_or(false),
            "allowedTopologies": (!topologies.is_empty()).then_some(topologies),
            "mountOptions": class.mount_options.clone().filter(|options| !options.is_empty()),
        })
    };
    let mut patch = match patch::merge(&spec(tenant), &spec(desired)) {
        Some(Value::Object(changed)) => changed,
        _ => Map::new(),
    };
    let mut metadata = Map::new();
    if !is_mirrored(&tenant.metadata) {
        metadata.insert("labels".to_owned(), json!(mirrored_labels()));
    }
    if is_default(&tenant.metadata) != is_default(&desired.metadata) {
        let is_default = is_default(&desired.metadata).then_some(TRUE);
        let annotations = json!({ IS_DEFAULT: is_default, IS_DEFAULT_BETA: null });
        metadata.insert("annotations".to_owned(), annotations);
    }
    if patch.is_empty() && metadata.is_empty() {
        return None;
    }
    metadata.insert("uid".to_owned(), json!(tenant.metadata.uid));
    patch.insert("metadata".to_owned(), Value::Object(metadata));
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests;
