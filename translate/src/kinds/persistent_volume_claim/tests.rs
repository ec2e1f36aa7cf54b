//! Claims go down without a way to another's volume, and converge in both directions.

mod down;
mod node;
mod se18;
mod up;

use k8s_openapi::api::core::v1::PersistentVolume;
use k8s_openapi::api::core::v1::PersistentVolumeClaimSpec;
use serde_json::{Value, json};

use super::*;
use crate::kinds::pod::fields::Field;
use crate::note::{Denied, Translated};
use crate::testing::{cluster, object};
use crate::{TenantPolicy, TenantUid};

/// A claim of the class `fast`, merged with `extra`.
fn tenant(extra: &Value) -> PersistentVolumeClaim {
    let mut json = json!({
        "metadata": { "name": "data", "namespace": "shop", "uid": "tenant-uid", "resourceVersion": "5" },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem",
            "resources": { "requests": { "storage": "1Gi" } },
        },
        "status": { "phase": "Pending" },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn offered() -> Vec<String> {
    vec!["standard".to_owned(), "fast".to_owned()]
}

fn outcome(tenant: &PersistentVolumeClaim, host: Option<&PersistentVolumeClaim>) -> Down {
    super::down(&cluster(), &TenantPolicy::default(), &offered(), tenant, host).unwrap()
}

fn translated(
    tenant: &PersistentVolumeClaim,
    host: Option<&PersistentVolumeClaim>,
) -> Translated<PersistentVolumeClaim> {
    match outcome(tenant, host) {
        Down::Host(translated) => *translated,
        other => panic!("not translated: {other:?}"),
    }
}

fn denied(tenant: &PersistentVolumeClaim) -> Denied {
    match outcome(tenant, None) {
        Down::Denied(denied) => denied,
        other => panic!("not denied: {other:?}"),
    }
}

/// The host claim of `tenant` as the host's apiserver has it, not bound yet.
fn stored(tenant: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut host = translated(tenant, None).object;
    host.metadata.uid = Some("host-uid".to_owned());
    host.status = object(json!({ "phase": "Pending" }));
    host
}

/// [`stored`], bound to [`volume`].
fn bound(tenant: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut host = stored(tenant);
    host.spec.as_mut().unwrap().volume_name = Some("pvc-host-uid".to_owned());
    host.status = object(json!({
        "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" },
    }));
    let annotations = host.metadata.annotations.get_or_insert_default();
    annotations.insert("pv.kubernetes.io/bind-completed".to_owned(), "yes".to_owned());
    annotations.insert(
        "volume.kubernetes.io/storage-provisioner".to_owned(),
        "csi.example.com".to_owned(),
    );
    host
}

/// The host's volume that [`bound`] is bound to.
fn volume() -> PersistentVolume {
    object(json!({
        "metadata": { "name": "pvc-host-uid", "uid": "volume-uid" },
        "spec": {
            "claimRef": { "namespace": "wc-ci", "name": "data-x", "uid": "host-uid" },
            "csi": { "driver": "csi.example.com", "volumeHandle": "handle-7" },
        },
        "status": { "phase": "Bound" },
    }))
}

fn patched(claim: &PersistentVolumeClaim, patch: &Value) -> PersistentVolumeClaim {
    let mut tree = serde_json::to_value(claim).unwrap();
    json_patch::merge(&mut tree, patch);
    object(tree)
}

/// The tenant's claim after [`bind`] and [`status`].
fn brought_up(tenant: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut tenant = tenant.clone();
    if let Some(patch) = bind(&tenant, host, &volume()) {
        tenant = patched(&tenant, &patch);
    }
    if let Some(patch) = status(&cluster(), &tenant, host, &volume()) {
        tenant = patched(&tenant, &patch);
    }
    tenant
}

#[test]
fn every_field_of_the_schema_is_classified() {
    let mut classified: Vec<String> = fields::FIELDS
        .iter()
        .filter_map(|field: &Field| field.path.strip_prefix("spec."))
        .filter(|name| !name.contains('.'))
        .map(str::to_owned)
        .collect();
    classified.sort();
    let schema = schemars::schema_for!(PersistentVolumeClaimSpec);
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let mut names: Vec<String> = properties.keys().cloned().collect();
    names.sort();
    assert_eq!(classified, names);
}

#[test]
fn a_host_claim_stands_for_one_claim_and_not_for_its_successor() {
    let host = stored(&tenant(&json!({})));
    assert!(stands_for(&tenant(&json!({})), &host));
    let successor = tenant(&json!({ "metadata": { "uid": "successor" } }));
    assert!(!stands_for(&successor, &host));
    let other = tenant(&json!({ "metadata": { "name": "other" } }));
    assert!(!stands_for(&other, &host));
    assert!(!stands_for(
        &tenant(&json!({})),
        &PersistentVolumeClaim::default()
    ));
    assert_eq!(
        meta::origin(&host.metadata).map(|origin| origin.uid),
        Some(TenantUid::new("tenant-uid"))
    );
}

#[test]
fn the_claim_of_an_ephemeral_volume_is_its_pods_only_when_the_pod_controls_it() {
    let owner = |controller: bool| {
        tenant(&json!({ "metadata": { "ownerReferences": [
            { "apiVersion": "v1", "kind": "Pod", "name": "web", "uid": "pod-uid", "controller": controller }] } }))
    };
    assert!(meta::is_controlled_by(&owner(true).metadata, "pod-uid"));
    assert!(!meta::is_controlled_by(&owner(true).metadata, "other"));
    assert!(!meta::is_controlled_by(&owner(false).metadata, "pod-uid"));
    assert!(!meta::is_controlled_by(&tenant(&json!({})).metadata, "pod-uid"));
}
