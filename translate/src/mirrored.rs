//! Cluster-wide objects of the tenant that stand for one of the host's, and that Warren alone writes: how they are known,
//! and what has to change until one is as it should be.

use std::collections::BTreeMap;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use warren_crds::keys;

use crate::patch;

/// Value of labels and annotations that say yes.
pub(crate) const TRUE: &str = "true";

/// True for an object of the tenant that Warren mirrored from the host: only such are changed and removed.
pub fn is_mirrored(tenant: &ObjectMeta) -> bool {
    let label = tenant
        .labels
        .as_ref()
        .and_then(|labels| labels.get(keys::FROM_HOST));
    label.is_some_and(|value| value == TRUE)
}

/// The label by which [`is_mirrored`] knows it.
pub(crate) fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([(keys::FROM_HOST.to_owned(), TRUE.to_owned())])
}

/// Metadata of the tenant's object: the host's name, and none of its labels and annotations but what `annotations` says
/// anew. `None` for a host object without a name.
pub fn metadata(host: &ObjectMeta, annotations: &[(&str, &str)]) -> Option<ObjectMeta> {
    let annotations = annotations
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Some(ObjectMeta {
        name: Some(host.name.clone()?),
        labels: Some(labels()),
        annotations: Some(annotations.collect())
            .filter(|annotations: &BTreeMap<_, _>| !annotations.is_empty()),
        ..ObjectMeta::default()
    })
}

/// Whether one of these annotations says yes.
pub(crate) fn says_yes(metadata: &ObjectMeta, keys: &[&str]) -> bool {
    let annotations = metadata.annotations.as_ref();
    let says = |key: &&str| annotations.and_then(|annotations| annotations.get(*key));
    keys.iter()
        .any(|key| says(key).is_some_and(|value| value == TRUE))
}

/// An object without its metadata, in two parts. What an apiserver fills in is filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// What an apiserver does not let change: the object is deleted and created.
    pub fixed: Value,
    /// What is patched, as a tree with the fields where the object has them; what is not set is null.
    pub open: Value,
}

/// A kind that is mirrored.
pub trait Mirrored: Metadata<Ty = ObjectMeta> {
    /// Annotations that Warren decides; others are the tenant's.
    const ANNOTATIONS: &'static [&'static str] = &[];

    /// Its parts.
    fn parts(&self) -> Parts;
}

/// True when the tenant's object differs from `desired` in what an apiserver does not let change.
pub fn must_replace<K: Mirrored>(tenant: &K, desired: &K) -> bool {
    tenant.parts().fixed != desired.parts().fixed
}

/// Merge patch that makes the tenant's object as `desired`, with its UID as a precondition; `None` when it is. What the
/// tenant added of its own labels and annotations stays.
pub fn changes<K: Mirrored>(tenant: &K, desired: &K) -> Option<Value> {
    let mut patch = match patch::merge(&tenant.parts().open, &desired.parts().open) {
        Some(Value::Object(changed)) => changed,
        _ => Map::new(),
    };
    let annotation = |object: &K, key: &str| object.metadata().annotations.as_ref()?.get(key).cloned();
    let annotations: Map<String, Value> = K::ANNOTATIONS
        .iter()
        .filter(|key| annotation(tenant, key) != annotation(desired, key))
        .map(|key| ((*key).to_owned(), json!(annotation(desired, key))))
        .collect();
    if patch.is_empty() && annotations.is_empty() {
        return None;
    }
    let mut metadata = Map::from_iter([("uid".to_owned(), json!(tenant.metadata().uid))]);
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    patch.insert("metadata".to_owned(), Value::Object(metadata));
    Some(Value::Object(patch))
}
