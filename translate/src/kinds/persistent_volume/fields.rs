//! Every field of a volume's spec, and what of it the tenant sees.

use crate::kinds::pod::fields::Class::{Copy, Drop, Rewrite};
use crate::kinds::pod::fields::{Field, field};

const SOURCE: &str =
    "where the host keeps the data: paths, servers, handles and Secrets stay there; `csi` stands for it";

/// The classification that `up.rs` follows.
#[rustfmt::skip] // one row a line
pub const FIELDS: &[Field] = &[
    field("spec.accessModes", Copy, ""),
    field("spec.awsElasticBlockStore", Drop, SOURCE),
    field("spec.azureDisk", Drop, SOURCE),
    field("spec.azureFile", Drop, SOURCE),
    field("spec.capacity", Copy, ""),
    field("spec.cephfs", Drop, SOURCE),
    field("spec.cinder", Drop, SOURCE),
    field("spec.claimRef", Rewrite, "the tenant's claim"),
    field("spec.csi", Rewrite, "the driver's name, with the tenant's volume name as handle"),
    field("spec.fc", Drop, SOURCE),
    field("spec.flexVolume", Drop, SOURCE),
    field("spec.flocker", Drop, SOURCE),
    field("spec.gcePersistentDisk", Drop, SOURCE),
    field("spec.glusterfs", Drop, SOURCE),
    field("spec.hostPath", Drop, SOURCE),
    field("spec.iscsi", Drop, SOURCE),
    field("spec.local", Drop, SOURCE),
    field("spec.mountOptions", Drop, "of the host's nodes"),
    field("spec.nfs", Drop, SOURCE),
    field("spec.nodeAffinity", Copy, "virtual Nodes have the host nodes' names and labels"),
    field("spec.persistentVolumeReclaimPolicy", Copy, "the host's: a tenant that writes another one does not change it"),
    field("spec.photonPersistentDisk", Drop, SOURCE),
    field("spec.portworxVolume", Drop, SOURCE),
    field("spec.quobyte", Drop, SOURCE),
    field("spec.rbd", Drop, SOURCE),
    field("spec.scaleIO", Drop, SOURCE),
    field("spec.storageClassName", Copy, ""),
    field("spec.storageos", Drop, SOURCE),
    field("spec.volumeAttributesClassName", Drop, "not offered"),
    field("spec.volumeMode", Copy, ""),
    field("spec.vsphereVolume", Drop, SOURCE),
];
