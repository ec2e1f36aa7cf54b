//! CSINodes, host → tenant: how many volumes of a driver a node takes. As a kubelet's, one belongs to its Node and goes
//! with it.

use k8s_openapi::api::storage::v1::{CSINode, CSINodeDriver, CSINodeSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts};

/// The tenant's, with those drivers for which `offered` is true, for the tenant's Node with the metadata `node`. `None`
/// when one of both has no name or UID.
pub fn up(node: &ObjectMeta, host: &CSINode, offered: impl Fn(&str) -> bool) -> Option<CSINode> {
    let CSINode {
        metadata,
        spec: CSINodeSpec { drivers },
        status: _, // how the host's storage is
    } = host;
    let name = node.name.clone()?;
    let mut drivers: Vec<CSINodeDriver> = drivers
        .iter()
        .filter(|driver| offered(&driver.name))
        .map(|driver| driver_up(&name, driver))
        .collect();
    drivers.sort_by(|a, b| a.name.cmp(&b.name));
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name,
        uid: node.uid.clone()?,
        block_owner_deletion: None,
        controller: None,
    };
    Some(CSINode {
        metadata: ObjectMeta {
            owner_references: Some(vec![owner]),
            ..mirrored::metadata(metadata, &[])?
        },
        spec: CSINodeSpec { drivers },
        status: None,
    })
}

fn driver_up(node: &str, host: &CSINodeDriver) -> CSINodeDriver {
    let CSINodeDriver {
        allocatable,
        name,
        node_id: _,       // the node's name where the storage is; a tenant knows it by the Node's
        topology_keys: _, // for the provisioner, which runs on the host
    } = host;
    CSINodeDriver {
        allocatable: allocatable.clone(),
        name: name.clone(),
        node_id: node.to_owned(),
        topology_keys: None,
    }
}

/// A driver's entry does not change, so all of it is made anew.
impl Mirrored for CSINode {
    fn parts(&self) -> Parts {
        let owners = self.metadata.owner_references.iter().flatten();
        let owners: Vec<&String> = owners.map(|owner| &owner.uid).collect();
        Parts {
            fixed: json!({ "owners": owners, "drivers": self.spec.drivers }),
            open: json!({}),
        }
    }
}

#[cfg(test)]
mod tests;
