//! Changed labels and annotations of the host Pod.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value};

use super::super::going::Going;
use super::super::{host_name, mirror};
use super::carried::{self, Carried};
use crate::error::Result;
use crate::kinds::network_policy;
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
    let mut labels = meta::changed_keys(host.metadata.labels.as_ref(), desired.labels.as_ref());
    labels.extend(network_policy::label_changes(
        host.metadata.labels.as_ref(),
        going.context.isolation,
    ));
    let annotations = meta::changed_keys(host.metadata.annotations.as_ref(), desired.annotations.as_ref());
    for (field, changes) in [("labels", labels), ("annotations", annotations)] {
        if !changes.is_empty() {
            patch.insert(field.to_owned(), Value::Object(changes));
        }
    }
    Ok(patch)
}
