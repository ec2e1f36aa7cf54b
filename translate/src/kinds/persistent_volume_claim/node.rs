//! The node that the tenant's scheduler chose for a claim's volume, and the host's provisioner giving it back.
//!
//! A provisioner that cannot make a volume on the node removes the annotation, and the scheduler then chooses again.
//! The host claim remembers what was sent last ([`keys::SELECTED_NODE`]): without the annotation but with that
//! memory, the choice was taken back; without both, it was not sent yet.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Map, Value, json};
use warren_crds::keys;

use super::{annotation, stands_for};

/// Annotation by which a scheduler says where a volume should be. Node names are the same on both sides.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Into the annotations of a host claim that is created.
pub(super) fn send(tenant: &PersistentVolumeClaim, host: &mut BTreeMap<String, String>) {
    if let Some(node) = annotation(tenant, SELECTED_NODE) {
        host.insert(SELECTED_NODE.to_owned(), node.to_owned());
        host.insert(keys::SELECTED_NODE.to_owned(), node.to_owned());
    }
}

/// Merge patch that removes the choice from the tenant's claim, with its UID and version as preconditions, because the
/// host no longer has it; `None` when the host has it, or was not told yet. What the tenant has after it is to be sent
/// down in the same round ([`super::changes()`] forgets what was sent): a scheduler may choose the same node again.
pub fn taken_back(tenant: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> Option<Value> {
    let chosen = annotation(tenant, SELECTED_NODE)?;
    let back = stands_for(tenant, host) && is_taken_back(chosen, host);
    back.then(|| {
        json!({ "metadata": {
            "uid": tenant.metadata.uid,
            "resourceVersion": tenant.metadata.resource_version,
            "annotations": { SELECTED_NODE: null },
        } })
    })
}

fn is_taken_back(chosen: &str, host: &PersistentVolumeClaim) -> bool {
    annotation(host, keys::SELECTED_NODE) == Some(chosen) && annotation(host, SELECTED_NODE) != Some(chosen)
}

/// Changes to the annotations of a host claim that exists. What the host's own scheduler chose is left alone.
pub(super) fn changes(desired: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> Map<String, Value> {
    let (has, sent) = (
        annotation(host, SELECTED_NODE),
        annotation(host, keys::SELECTED_NODE),
    );
    let mut changes = Map::new();
    match annotation(desired, SELECTED_NODE) {
        Some(chosen) if is_taken_back(chosen, host) => {}
        Some(chosen) => {
            for (key, value) in [(SELECTED_NODE, has), (keys::SELECTED_NODE, sent)] {
                if value != Some(chosen) {
                    changes.insert(key.to_owned(), json!(chosen));
                }
            }
        }
        None => {
            if has.is_some() && has == sent {
                changes.insert(SELECTED_NODE.to_owned(), Value::Null);
            }
            if sent.is_some() {
                changes.insert(keys::SELECTED_NODE.to_owned(), Value::Null);
            }
        }
    }
    changes
}
