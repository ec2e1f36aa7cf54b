//! CSIStorageCapacities, host → tenant: how much room there is for volumes of a class, and for which nodes.

use k8s_openapi::api::storage::v1::CSIStorageCapacity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts};
use crate::node_labels;

/// Namespace of those that come up: on the host they are where their driver runs, which the tenant does not have.
pub const NAMESPACE: &str = "kube-system";

/// What names begin with, as those that a provisioner gives.
const PREFIX: &str = "csisc-";

/// Name that the host's has in the tenant: names are of a namespace, and several drivers may use the same. `None` for one
/// that was never stored.
pub fn name_of(host: &ObjectMeta) -> Option<String> {
    let uid = host.uid.as_deref().filter(|uid| !uid.is_empty())?;
    Some(format!("{PREFIX}{uid}"))
}

/// Whether [`name_of`] is `name`: there may be as many as nodes times classes.
pub fn has_name(host: &ObjectMeta, name: &str) -> bool {
    let uid = name.strip_prefix(PREFIX).filter(|uid| !uid.is_empty());
    uid.is_some() && uid == host.uid.as_deref()
}

/// The tenant's. `None` for one without a name.
pub fn up(host: &CSIStorageCapacity) -> Option<CSIStorageCapacity> {
    let CSIStorageCapacity {
        capacity,
        maximum_volume_size,
        metadata,
        node_topology,
        storage_class_name,
    } = host;
    Some(CSIStorageCapacity {
        capacity: capacity.clone(),
        maximum_volume_size: maximum_volume_size.clone(),
        metadata: ObjectMeta {
            name: Some(name_of(metadata)?),
            namespace: Some(NAMESPACE.to_owned()),
            ..mirrored::metadata(metadata, &[])?
        },
        node_topology: node_topology.as_ref().map(topology_up),
        storage_class_name: storage_class_name.clone(),
    })
}

/// By a label that virtual Nodes do not have there would be room nowhere; the host's scheduler still asks for it.
fn topology_up(host: &LabelSelector) -> LabelSelector {
    let LabelSelector {
        match_expressions,
        match_labels,
    } = host;
    let mut shown = LabelSelector {
        match_expressions: match_expressions.clone(),
        match_labels: match_labels.clone(),
    };
    if let Some(expressions) = shown.match_expressions.as_mut() {
        expressions.retain(|expression| node_labels::is_shown(&expression.key));
    }
    if let Some(labels) = shown.match_labels.as_mut() {
        labels.retain(|key, _| node_labels::is_shown(key));
    }
    shown
}

impl Mirrored for CSIStorageCapacity {
    fn parts(&self) -> Parts {
        let topology = self.node_topology.as_ref().map(|topology| {
            let expressions = topology.match_expressions.clone().unwrap_or_default();
            let labels = topology.match_labels.clone().unwrap_or_default();
            json!({ "matchExpressions": expressions, "matchLabels": labels })
        });
        Parts {
            fixed: json!({ "storageClassName": self.storage_class_name, "nodeTopology": topology }),
            open: json!({ "capacity": self.capacity, "maximumVolumeSize": self.maximum_volume_size }),
        }
    }
}

#[cfg(test)]
mod tests;
