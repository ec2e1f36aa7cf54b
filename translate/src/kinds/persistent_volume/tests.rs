//! Mirrored volumes tell nothing of the host, and converge.

use k8s_openapi::api::core::v1::PersistentVolumeSpec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::TenantPolicy;
use crate::kinds::persistent_volume_claim::{self, Down};
use crate::kinds::pod::fields::Field;
use crate::testing::{cluster, object};

const CANARY: &str = "canary";

fn tenant_claim() -> PersistentVolumeClaim {
    object(json!({
        "metadata": { "name": "data", "namespace": "shop", "uid": "tenant-uid" },
        "spec": { "storageClassName": "fast", "resources": { "requests": { "storage": "1Gi" } } },
    }))
}

fn host_claim() -> PersistentVolumeClaim {
    let offered = ["fast".to_owned()];
    let down = persistent_volume_claim::down(
        &cluster(),
        &TenantPolicy::default(),
        &offered,
        &tenant_claim(),
        None,
    );
    let Down::Host(translated) = down.unwrap() else {
        panic!("the claim goes down");
    };
    let mut host = translated.object;
    host.metadata.uid = Some("host-uid".to_owned());
    host.spec.as_mut().unwrap().volume_name = Some("disk-1".to_owned());
    host.status = object(json!({ "phase": "Bound" }));
    host
}

/// The host's volume, with `source` in its spec.
fn volume(source: &Value) -> PersistentVolume {
    let mut json = json!({
        "metadata": {
            "name": "disk-1", "uid": "volume-uid", "labels": { CANARY: CANARY }, "finalizers": [CANARY],
            "annotations": { "pv.kubernetes.io/provisioned-by": "csi.example.com", "secret": CANARY },
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" }, "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "fast", "mountOptions": [CANARY],
            "claimRef": { "namespace": "wc-ci", "name": CANARY, "uid": "host-uid" },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1"] }] }] } },
        },
        "status": { "phase": "Bound", "message": CANARY },
    });
    json_patch::merge(&mut json, &json!({ "spec": source }));
    object(json)
}

fn mirrored(source: &Value) -> PersistentVolume {
    up(&tenant_claim(), &host_claim(), &volume(source)).unwrap()
}

/// As the tenant's apiserver has it.
fn stored() -> PersistentVolume {
    let mut volume = mirrored(&json!({}));
    volume.metadata.uid = Some("mirrored-uid".to_owned());
    volume.metadata.finalizers = Some(vec!["kubernetes.io/pv-protection".to_owned()]);
    volume.status = object(json!({ "phase": "Pending" }));
    volume
}

fn patched(volume: &PersistentVolume, patch: &Value) -> PersistentVolume {
    let mut tree = serde_json::to_value(volume).unwrap();
    json_patch::merge(&mut tree, patch);
    object(tree)
}

#[test]
fn every_field_of_the_schema_is_classified() {
    let mut classified: Vec<String> = fields::FIELDS
        .iter()
        .filter_map(|field: &Field| field.path.strip_prefix("spec."))
        .map(str::to_owned)
        .collect();
    classified.sort();
    let schema = schemars::schema_for!(PersistentVolumeSpec);
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let mut names: Vec<String> = properties.keys().cloned().collect();
    names.sort();
    assert_eq!(classified, names);
}

#[test]
fn the_mirrored_volume_is_the_claims_under_a_name_that_both_sides_know() {
    let up = mirrored(&json!({}));
    assert_eq!(up.metadata.name.as_deref(), Some("pvc-host-uid"));
    assert_eq!(name_of(&host_claim()).as_deref(), Some("pvc-host-uid"));
    assert_eq!(
        name_of_volume(&cluster(), &volume(&json!({}))).as_deref(),
        Some("pvc-host-uid")
    );
    let elsewhere = volume(&json!({ "claimRef": { "namespace": "other" } }));
    assert_eq!(name_of_volume(&cluster(), &elsewhere), None);
    assert_eq!(name_of_volume(&cluster(), &PersistentVolume::default()), None);
    let spec = up.spec.unwrap();
    let claim = spec.claim_ref.unwrap();
    assert_eq!(
        (
            claim.namespace.as_deref(),
            claim.name.as_deref(),
            claim.uid.as_deref()
        ),
        (Some("shop"), Some("data"), Some("tenant-uid"))
    );
    assert!(is_mirrored(&up.metadata));
}

#[test]
fn the_driver_is_the_hosts_and_the_handle_is_not() {
    let host_csi = json!({ "csi": { "driver": "csi.example.com", "volumeHandle": CANARY } });
    let csi = mirrored(&host_csi).spec.unwrap().csi.unwrap();
    assert_eq!(csi.driver, "csi.example.com");
    assert_eq!(csi.volume_handle, "pvc-host-uid");
    let csi = mirrored(&json!({ "local": { "path": CANARY } }))
        .spec
        .unwrap()
        .csi
        .unwrap();
    assert_eq!(csi.driver, "volume.warren.dev");
}

#[test]
fn a_volume_that_is_not_the_claims_does_not_go_up() {
    let other = volume(&json!({ "claimRef": { "uid": "other" } }));
    assert_eq!(up(&tenant_claim(), &host_claim(), &other), None);
    let mut pending = host_claim();
    pending.status = object(json!({ "phase": "Pending" }));
    assert_eq!(up(&tenant_claim(), &pending, &volume(&json!({}))), None);
    let mut successor = tenant_claim();
    successor.metadata.uid = Some("successor".to_owned());
    assert_eq!(up(&successor, &host_claim(), &volume(&json!({}))), None);
}

#[test]
fn what_was_written_is_silent() {
    assert_eq!(changes(&stored(), &mirrored(&json!({}))), None);
    assert!(!must_replace(&stored(), &mirrored(&json!({}))));
}

#[test]
fn the_hosts_changes_go_up_and_the_tenants_are_undone() {
    for change in [
        json!({ "capacity": { "storage": "3Gi" } }),
        json!({ "persistentVolumeReclaimPolicy": "Retain" }),
        json!({ "accessModes": ["ReadWriteMany"] }),
        json!({ "storageClassName": "other" }),
    ] {
        let desired = mirrored(&change);
        let patch = changes(&stored(), &desired).unwrap();
        assert_eq!(patch["metadata"]["uid"], "mirrored-uid");
        assert_eq!(patch["spec"], change);
        assert_eq!(changes(&patched(&stored(), &patch), &desired), None, "{change}");
        let undone = changes(
            &patched(&stored(), &json!({ "spec": change })),
            &mirrored(&json!({})),
        )
        .unwrap();
        let back = patched(&patched(&stored(), &json!({ "spec": change })), &undone);
        assert_eq!(back, stored(), "{change}");
    }
}

#[test]
fn an_affinity_is_set_once() {
    let desired = mirrored(&json!({}));
    let mut without = stored();
    without.spec.as_mut().unwrap().node_affinity = None;
    let patch = changes(&without, &desired).unwrap();
    assert_eq!(changes(&patched(&without, &patch), &desired), None);
    assert_eq!(
        changes(&stored(), &mirrored(&json!({ "nodeAffinity": null }))),
        None
    );
}

#[test]
fn what_an_apiserver_does_not_let_change_is_replaced() {
    let desired = mirrored(&json!({}));
    let forged = patched(
        &stored(),
        &json!({ "spec": { "csi": { "volumeHandle": CANARY } } }),
    );
    assert!(must_replace(&forged, &desired));
    let other_source = patched(
        &stored(),
        &json!({ "spec": { "csi": null, "hostPath": { "path": CANARY } } }),
    );
    assert!(must_replace(&other_source, &desired));
    assert!(must_replace(
        &stored(),
        &mirrored(&json!({ "volumeMode": "Block" }))
    ));
}

#[test]
fn a_volume_is_released_as_soon_as_its_claim_or_the_hosts_is_gone() {
    let host = volume(&json!({}));
    assert_eq!(phase(Some(&host), true), Phase::Bound);
    assert_eq!(phase(Some(&host), false), Phase::Released);
    assert_eq!(phase(None, true), Phase::Released);
    let mut failed = host;
    failed.status = object(json!({ "phase": "Failed", "message": CANARY }));
    assert_eq!(phase(Some(&failed), false), Phase::Failed);
    assert_eq!(phase(Some(&failed), true), Phase::Bound);
}

#[test]
fn each_phase_is_told_once_in_words_of_warrens_own() {
    let mut volume = stored();
    for phase in [Phase::Bound, Phase::Failed, Phase::Released] {
        let patch = status(&volume, phase).unwrap();
        assert_eq!(patch["metadata"]["uid"], "mirrored-uid");
        volume = patched(&volume, &patch);
        assert_eq!(status(&volume, phase), None);
        let has = volume.status.clone().unwrap();
        assert_eq!(has.phase.as_deref(), Some(phase.as_str()));
        assert_eq!(has.message.is_some(), phase == Phase::Failed);
    }
}

/// Every source that a host's volume may have, with what it must not tell.
fn sources() -> Vec<(&'static str, Value)> {
    let secret = json!({ "name": CANARY, "namespace": CANARY });
    vec![
        ("hostPath", json!({ "path": CANARY })),
        ("local", json!({ "path": CANARY })),
        ("nfs", json!({ "server": CANARY, "path": CANARY })),
        ("azureFile", json!({ "secretName": CANARY, "shareName": CANARY })),
        ("cephfs", json!({ "monitors": [CANARY], "secretRef": secret })),
        ("flexVolume", json!({ "driver": CANARY, "secretRef": secret })),
        (
            "iscsi",
            json!({ "targetPortal": CANARY, "iqn": CANARY, "lun": 1, "secretRef": secret }),
        ),
        (
            "rbd",
            json!({ "monitors": [CANARY], "image": CANARY, "secretRef": secret }),
        ),
        ("glusterfs", json!({ "endpoints": CANARY, "path": CANARY })),
        ("volumeAttributesClassName", json!(CANARY)),
        (
            "csi",
            json!({
                "driver": "csi.example.com", "volumeHandle": CANARY, "volumeAttributes": { CANARY: CANARY },
                "nodePublishSecretRef": secret, "nodeStageSecretRef": secret, "controllerPublishSecretRef": secret,
                "controllerExpandSecretRef": secret, "nodeExpandSecretRef": secret,
            }),
        ),
    ]
}

proptest! {
    #[test]
    fn nothing_of_where_the_host_keeps_the_data_goes_up(
        source in proptest::sample::subsequence(sources(), 0..=sources().len()),
    ) {
        let source: Map<String, Value> = source.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let text = serde_json::to_string(&mirrored(&Value::Object(source))).unwrap();
        for hidden in [CANARY, "disk-1", "wc-ci", "volume-uid"] {
            prop_assert!(!text.contains(hidden), "{} in {}", hidden, text);
        }
    }
}
