//! Changed labels and annotations of the host Pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use super::super::going::Going;
use super::super::{host_name, mirror};
use super::carried::{self, Carried};
use crate::error::Result;
use crate::meta;

/// The `metadata` of a merge patch; empty when labels and annotations are as they should be.
pub(super) fn changed(going: &mut Going<'_>, host: &Pod, carried: &Carried) -> Result<Map<String, Value>> {
    let name = host_name(going.context.cluster, &going.key);
    let mut desired = meta::host_meta(
        going.context.cluster,
        going.context.policy,
        &name,
        &going.pod.metadata,
    )?;
    mirror::write(going, &mut desired);
    mirror::write_resized(going, &host.metadata, &mut desired);
    desired
        .annotations
        .get_or_insert_default()
        .insert(carried::KEY.to_owned(), carried.to_string());
    let mut patch = Map::new();
    let labels = of_map(host.metadata.labels.as_ref(), desired.labels.as_ref());
    let annotations = of_map(host.metadata.annotations.as_ref(), desired.annotations.as_ref());
    for (field, changes) in [("labels", labels), ("annotations", annotations)] {
        if !changes.is_empty() {
            patch.insert(field.to_owned(), Value::Object(changes));
        }
    }
    Ok(patch)
}

/// Sets what is missing or different, removes what came from the tenant and is gone, leaves the host's own keys.
fn of_map(
    existing: Option<&BTreeMap<String, String>>,
    desired: Option<&BTreeMap<String, String>>,
) -> Map<String, Value> {
    let empty = BTreeMap::new();
    let (existing, desired) = (existing.unwrap_or(&empty), desired.unwrap_or(&empty));
    let set = desired
        .iter()
        .filter(|(key, value)| existing.get(*key) != Some(*value));
    let gone = existing
        .keys()
        .filter(|key| meta::from_tenant(key) && !desired.contains_key(*key));
    set.map(|(key, value)| (key.clone(), json!(value)))
        .chain(gone.map(|key| (key.clone(), Value::Null)))
        .collect()
}
