//! What of a host claim changes after its creation. What the host's controllers wrote stays.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Map, Value, json};
use warren_crds::keys;

use super::down::requested;
use super::node;
use crate::meta;

/// Annotation on host claims: the storage that the tenant asked for last. What the host's admission made of it is the
/// host's business; only another wish of the tenant's goes down again.
pub const REQUESTED: &str = "warren.dev/requested-storage";

/// Annotations that have rules of their own.
const APART: [&str; 3] = [REQUESTED, node::SELECTED_NODE, keys::SELECTED_NODE];

/// Merge patch for labels, annotations and the selected node of a host claim, with its UID as a precondition; `None`
/// when they are as in `desired`, which [`super::down()`] gave.
pub fn changes(desired: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> Option<Value> {
    let labels = meta::changed_keys(host.metadata.labels.as_ref(), desired.metadata.labels.as_ref());
    let mut annotations = meta::changed_keys(without_apart(host).as_ref(), without_apart(desired).as_ref());
    annotations.extend(node::changes(desired, host));
    let mut metadata = Map::new();
    for (field, changes) in [("labels", labels), ("annotations", annotations)] {
        if !changes.is_empty() {
            metadata.insert(field.to_owned(), Value::Object(changes));
        }
    }
    if metadata.is_empty() {
        return None;
    }
    metadata.insert("uid".to_owned(), json!(host.metadata.uid));
    Some(json!({ "metadata": metadata }))
}

/// Merge patch that makes a host claim ask for as much as `desired`, with its UID as a precondition; `None` when the
/// tenant has asked for nothing new. A patch of its own, because the host may refuse it (quota, a class without
/// expansion).
pub fn resize(desired: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> Option<Value> {
    let wanted = requested(desired);
    let annotations = host.metadata.annotations.as_ref();
    let last = annotations.and_then(|annotations| annotations.get(REQUESTED));
    if wanted.is_empty() || last.map(String::as_str) == Some(wanted) {
        return None;
    }
    let mut patch = json!({ "metadata": {
        "uid": host.metadata.uid,
        "annotations": { REQUESTED: wanted },
    } });
    if requested(host) != wanted
        && let Some(patch) = patch.as_object_mut()
    {
        let spec = json!({ "resources": { "requests": { "storage": wanted } } });
        patch.insert("spec".to_owned(), spec);
    }
    Some(patch)
}

fn without_apart(claim: &PersistentVolumeClaim) -> Option<BTreeMap<String, String>> {
    let mut annotations = claim.metadata.annotations.clone()?;
    annotations.retain(|key, _| !APART.contains(&key.as_str()));
    Some(annotations)
}
