//! What a bound claim is told.

use super::*;

#[test]
fn a_claim_is_bound_once_the_hosts_is_and_then_silent() {
    let claim = tenant(&json!({ "metadata": { "annotations": { "a": "b" } } }));
    assert_eq!(bind(&claim, &stored(&claim), &volume()), None);
    let host = bound(&claim);
    assert_eq!(
        bind(&claim, &host, &volume()).unwrap(),
        json!({
            "metadata": { "uid": "tenant-uid", "annotations": {
                "pv.kubernetes.io/bind-completed": "yes",
                "pv.kubernetes.io/bound-by-controller": "yes",
                "volume.kubernetes.io/storage-provisioner": "csi.example.com",
            } },
            "spec": { "volumeName": "pvc-host-uid" },
        })
    );
    let up = brought_up(&claim, &host);
    assert_eq!(up.status, host.status);
    assert_eq!(bind(&up, &host, &volume()), None);
    assert_eq!(status(&cluster(), &up, &host, &volume()), None);
}

#[test]
fn the_volume_must_be_the_host_claims_very_own() {
    let claim = tenant(&json!({}));
    let host = bound(&claim);
    let mut of_another = volume();
    of_another.spec.as_mut().unwrap().claim_ref.as_mut().unwrap().uid = Some("other".to_owned());
    assert_eq!(bind(&claim, &host, &of_another), None);
    let mut without_uid = host.clone();
    without_uid.metadata.uid = None;
    of_another.spec.as_mut().unwrap().claim_ref.as_mut().unwrap().uid = None;
    assert_eq!(bind(&claim, &without_uid, &of_another), None);
    let mut other_name = volume();
    other_name.metadata.name = Some("other".to_owned());
    assert_eq!(bind(&claim, &host, &other_name), None);
}

#[test]
fn the_status_waits_for_the_binding() {
    let claim = tenant(&json!({}));
    assert_eq!(status(&cluster(), &claim, &bound(&claim), &volume()), None);
}

#[test]
fn a_resize_goes_up_with_its_conditions_and_ends() {
    let claim = tenant(&json!({}));
    let mut host = bound(&claim);
    let host_name = host.metadata.name.clone().unwrap();
    let mut up = brought_up(&claim, &host);
    let resizing = json!({ "status": {
        "allocatedResources": { "storage": "3Gi" },
        "allocatedResourceStatuses": { "storage": "ControllerResizeInProgress" },
        "conditions": [
            { "type": "Unused", "status": "True", "message": "the host's own" },
            { "type": "Resizing", "status": "True", "lastTransitionTime": "2026-11-21T12:00:00Z",
              "message": format!("expanding handle-7 of wc-ci/{host_name}, pvc-host-uid") },
        ],
    } });
    host = patched(&host, &resizing);
    let patch = status(&cluster(), &up, &host, &volume()).unwrap();
    assert_eq!(
        patch["metadata"],
        json!({ "uid": "tenant-uid", "resourceVersion": "5" })
    );
    assert_eq!(
        patch["status"],
        json!({
            "allocatedResources": { "storage": "3Gi" },
            "allocatedResourceStatuses": { "storage": "ControllerResizeInProgress" },
            "conditions": [{ "type": "Resizing", "status": "True", "lastTransitionTime": "2026-11-21T12:00:00Z",
                "message": "expanding pvc-host-uid of shop/data, pvc-host-uid" }],
        })
    );
    up = patched(&up, &patch);
    assert_eq!(brought_up(&up, &host), up);
    let done = json!({ "status": {
        "capacity": { "storage": "3Gi" }, "allocatedResources": null, "allocatedResourceStatuses": null,
        "conditions": null,
    } });
    host = patched(&host, &done);
    up = brought_up(&up, &host);
    let status = up.status.clone().unwrap();
    assert_eq!(status.capacity.unwrap()["storage"].0, "3Gi");
    assert_eq!(
        (status.allocated_resource_statuses, status.conditions),
        (None, None)
    );
    assert_eq!(brought_up(&up, &host), up);
}

#[test]
fn conditions_of_the_tenants_own_controllers_stay_in_whatever_order() {
    let claim = tenant(&json!({}));
    let host = patched(
        &bound(&claim),
        &json!({ "status": { "conditions": [{ "type": "FileSystemResizePending", "status": "True" }] } }),
    );
    let unused = json!({ "type": "Unused", "status": "True" });
    let up = brought_up(
        &patched(&claim, &json!({ "status": { "conditions": [unused] } })),
        &host,
    );
    let types = |claim: &PersistentVolumeClaim| -> Vec<String> {
        let conditions = claim.status.clone().unwrap().conditions.unwrap();
        conditions.into_iter().map(|condition| condition.type_).collect()
    };
    assert_eq!(types(&up), ["FileSystemResizePending", "Unused"]);
    let mut turned = up.clone();
    turned
        .status
        .as_mut()
        .unwrap()
        .conditions
        .as_mut()
        .unwrap()
        .reverse();
    assert_eq!(status(&cluster(), &turned, &host, &volume()), None);
}

#[test]
fn what_a_class_does_not_offer_does_not_go_up() {
    let claim = tenant(&json!({}));
    let host = patched(
        &bound(&claim),
        &json!({ "status": { "currentVolumeAttributesClassName": "canary",
            "modifyVolumeStatus": { "status": "Pending", "targetVolumeAttributesClassName": "canary" } } }),
    );
    let up = serde_json::to_string(&brought_up(&claim, &host)).unwrap();
    assert!(!up.contains("canary"), "{up}");
}

#[test]
fn texts_have_the_tenants_names() {
    let claim = tenant(&json!({}));
    let host = bound(&claim);
    let mut static_volume = volume();
    static_volume.metadata.name = Some("disk-of-the-host".to_owned());
    let name = host.metadata.name.clone().unwrap();
    let text = format!("volume disk-of-the-host (handle-7) of claim \"wc-ci/{name}\"");
    assert_eq!(
        scrub(&cluster(), &claim, &host, Some(&static_volume), &text),
        "volume pvc-host-uid (pvc-host-uid) of claim \"shop/data\""
    );
}
