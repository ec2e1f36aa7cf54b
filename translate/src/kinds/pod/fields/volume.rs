//! `spec.volumes[]`.

use super::Class::{Copy, Deny, Rewrite};
use super::{Field, field};

const STORAGE: &str = "storage is reached by a claim";
const LATER: &str = "not yet";

#[rustfmt::skip] // one row a line
pub(super) const FIELDS: &[Field] = &[
    field("spec.volumes[].awsElasticBlockStore", Deny, STORAGE),
    field("spec.volumes[].azureDisk", Deny, STORAGE),
    field("spec.volumes[].azureFile", Deny, STORAGE),
    field("spec.volumes[].cephfs", Deny, STORAGE),
    field("spec.volumes[].cinder", Deny, STORAGE),
    field("spec.volumes[].configMap", Rewrite, "name"),
    field("spec.volumes[].csi", Deny, STORAGE),
    field("spec.volumes[].downwardAPI", Rewrite, "fields point to the tenant's values in annotations"),
    field("spec.volumes[].emptyDir", Copy, ""),
    field("spec.volumes[].ephemeral", Deny, LATER),
    field("spec.volumes[].fc", Deny, STORAGE),
    field("spec.volumes[].flexVolume", Deny, STORAGE),
    field("spec.volumes[].flocker", Deny, STORAGE),
    field("spec.volumes[].gcePersistentDisk", Deny, STORAGE),
    field("spec.volumes[].gitRepo", Deny, "runs git on the node as root"),
    field("spec.volumes[].glusterfs", Deny, STORAGE),
    field("spec.volumes[].hostPath", Deny, "the node's own files"),
    field("spec.volumes[].image", Copy, ""),
    field("spec.volumes[].iscsi", Deny, STORAGE),
    field("spec.volumes[].name", Copy, ""),
    field("spec.volumes[].nfs", Deny, STORAGE),
    field("spec.volumes[].persistentVolumeClaim", Deny, LATER),
    field("spec.volumes[].photonPersistentDisk", Deny, STORAGE),
    field("spec.volumes[].portworxVolume", Deny, STORAGE),
    field("spec.volumes[].projected", Rewrite, "see below"),
    field("spec.volumes[].projected.sources[].clusterTrustBundle", Deny, LATER),
    field("spec.volumes[].projected.sources[].configMap", Rewrite, "name"),
    field("spec.volumes[].projected.sources[].downwardAPI", Rewrite, "as spec.volumes[].downwardAPI"),
    field("spec.volumes[].projected.sources[].podCertificate", Deny, LATER),
    field("spec.volumes[].projected.sources[].secret", Rewrite, "name"),
    field("spec.volumes[].projected.sources[].serviceAccountToken", Rewrite, "a key of the Pod's token Secret"),
    field("spec.volumes[].quobyte", Deny, STORAGE),
    field("spec.volumes[].rbd", Deny, STORAGE),
    field("spec.volumes[].scaleIO", Deny, STORAGE),
    field("spec.volumes[].secret", Rewrite, "name"),
    field("spec.volumes[].storageos", Deny, STORAGE),
    field("spec.volumes[].vsphereVolume", Deny, STORAGE),
];
