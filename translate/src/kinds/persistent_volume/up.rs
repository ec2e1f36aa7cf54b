//! The mirrored volume of a bound host claim.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, ObjectReference, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::{is_mirrored, name_of};
use crate::kinds::persistent_volume_claim::{is_bound_to, stands_for};
use crate::{mirrored, patch};

/// Annotation: who made the volume.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Driver of mirrored volumes that on the host have none.
const DRIVER: &str = "volume.warren.dev";

/// The tenant's volume for `tenant`, whose host claim `host` is bound to `volume`. `None` while it is not, or when
/// `host` stands for another claim.
pub fn up(
    tenant: &PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
    volume: &PersistentVolume,
) -> Option<PersistentVolume> {
    if !stands_for(tenant, host) || !is_bound_to(host, volume) {
        return None;
    }
    let name = name_of(host)?;
    let annotations = volume.metadata.annotations.as_ref();
    let provisioned_by = annotations.and_then(|annotations| annotations.get(PROVISIONED_BY));
    let spec = spec_up(&name, reference_to(tenant), volume.spec.as_ref()?);
    Some(PersistentVolume {
        metadata: ObjectMeta {
            name: Some(name),
            labels: Some(mirrored::labels()),
            annotations: provisioned_by.map(|by| BTreeMap::from([(PROVISIONED_BY.to_owned(), by.clone())])),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    })
}

fn reference_to(tenant: &PersistentVolumeClaim) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("PersistentVolumeClaim".to_owned()),
        name: tenant.metadata.name.clone(),
        namespace: tenant.metadata.namespace.clone(),
        uid: tenant.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

fn spec_up(name: &str, claim: ObjectReference, host: &PersistentVolumeSpec) -> PersistentVolumeSpec {
    let PersistentVolumeSpec {
        access_modes,
        aws_elastic_block_store: _, // where the host keeps the data, as every source below
        azure_disk: _,
        azure_file: _,
        capacity,
        cephfs: _,
        cinder: _,
        claim_ref: _, // `claim`
        csi,
        fc: _,
        flex_volume: _,
        flocker: _,
        gce_persistent_disk: _,
        glusterfs: _,
        host_path: _,
        iscsi: _,
        local: _,
        mount_options: _, // of the host's nodes
        nfs: _,
        node_affinity,
        persistent_volume_reclaim_policy,
        photon_persistent_disk: _,
        portworx_volume: _,
        quobyte: _,
        rbd: _,
        scale_io: _,
        storage_class_name,
        storageos: _,
        volume_attributes_class_name: _, // none is offered
        volume_mode,
        vsphere_volume: _,
    } = host;
    PersistentVolumeSpec {
        access_modes: access_modes.clone(),
        capacity: capacity.clone(),
        claim_ref: Some(claim),
        csi: Some(source(name, csi.as_ref())),
        node_affinity: node_affinity.clone(),
        persistent_volume_reclaim_policy: persistent_volume_reclaim_policy.clone(),
        storage_class_name: storage_class_name.clone(),
        volume_mode: volume_mode.clone(),
        ..PersistentVolumeSpec::default()
    }
}

fn source(name: &str, host: Option<&CSIPersistentVolumeSource>) -> CSIPersistentVolumeSource {
    let driver = host.map(|host| host.driver.clone());
    CSIPersistentVolumeSource {
        driver: driver.unwrap_or_else(|| DRIVER.to_owned()),
        volume_handle: name.to_owned(),
        ..CSIPersistentVolumeSource::default()
    }
}

/// True when the mirrored volume differs from `desired` in what an apiserver does not let change. The tenant made it
/// itself, with Warren's label: it is deleted and created.
pub fn must_replace(tenant: &PersistentVolume, desired: &PersistentVolume) -> bool {
    let fixed = |volume: &PersistentVolume| {
        let spec = volume.spec.clone().unwrap_or_default();
        let mode = spec.volume_mode.unwrap_or_else(|| "Filesystem".to_owned());
        (source_of(volume), mode)
    };
    fixed(tenant) != fixed(desired)
}

/// All that is left of a spec when the fields that may change are taken out.
fn source_of(volume: &PersistentVolume) -> PersistentVolumeSpec {
    PersistentVolumeSpec {
        access_modes: None,
        capacity: None,
        claim_ref: None,
        mount_options: None,
        node_affinity: None,
        persistent_volume_reclaim_policy: None,
        storage_class_name: None,
        volume_attributes_class_name: None,
        volume_mode: None,
        ..volume.spec.clone().unwrap_or_default()
    }
}

/// Merge patch that makes the mirrored volume as `desired` (which [`up`] gave), with its UID as a precondition; `None`
/// when it is. A volume without Warren's label is the tenant's own: `None` for it, too.
pub fn changes(tenant: &PersistentVolume, desired: &PersistentVolume) -> Option<Value> {
    if !is_mirrored(&tenant.metadata) {
        return None;
    }
    let mut patch = Map::new();
    let has_affinity = affinity(tenant).is_some();
    if let Some(spec) = patch::merge(&changing(tenant, has_affinity), &changing(desired, has_affinity)) {
        patch.insert("spec".to_owned(), spec);
    }
    let mut metadata = Map::new();
    if provisioned_by(tenant) != provisioned_by(desired) {
        let annotations = json!({ PROVISIONED_BY: provisioned_by(desired) });
        metadata.insert("annotations".to_owned(), annotations);
    }
    if patch.is_empty() && metadata.is_empty() {
        return None;
    }
    metadata.insert("uid".to_owned(), json!(tenant.metadata.uid));
    patch.insert("metadata".to_owned(), Value::Object(metadata));
    Some(Value::Object(patch))
}

fn provisioned_by(volume: &PersistentVolume) -> Option<&String> {
    volume.metadata.annotations.as_ref()?.get(PROVISIONED_BY)
}

fn affinity(volume: &PersistentVolume) -> Option<Value> {
    let affinity = volume.spec.as_ref()?.node_affinity.as_ref()?;
    Some(json!(affinity))
}

/// The fields that may change and that Warren keeps. An apiserver lets a node affinity be set once.
fn changing(volume: &PersistentVolume, without_affinity: bool) -> Value {
    let empty = PersistentVolumeSpec::default();
    let spec = volume.spec.as_ref().unwrap_or(&empty);
    let class = spec.storage_class_name.as_ref().filter(|class| !class.is_empty());
    let policy = spec.persistent_volume_reclaim_policy.as_deref();
    let fields = [
        ("accessModes", json!(spec.access_modes)),
        ("capacity", json!(spec.capacity)),
        ("claimRef", json!(spec.claim_ref)),
        (
            "nodeAffinity",
            json!(affinity(volume).filter(|_| !without_affinity)),
        ),
        ("persistentVolumeReclaimPolicy", json!(policy.unwrap_or("Retain"))),
        ("storageClassName", json!(class)),
    ];
    let set = fields.into_iter().filter(|(_, value)| !value.is_null());
    set.map(|(field, value)| (field.to_owned(), value)).collect()
}
