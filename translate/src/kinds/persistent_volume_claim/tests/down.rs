//! What the host claim is, and what of it changes.

use super::*;

#[test]
fn a_claim_without_uid_or_spec_is_an_error() {
    let error = |extra: &Value| {
        super::super::down(
            &cluster(),
            &TenantPolicy::default(),
            &offered(),
            &tenant(extra),
            None,
        )
        .unwrap_err()
        .to_string()
    };
    assert_eq!(
        error(&json!({ "metadata": { "uid": null } })),
        "object shop/data has no uid"
    );
    assert_eq!(error(&json!({ "spec": null })), "object shop/data has no spec");
}

#[test]
fn a_class_that_is_not_offered_is_denied_with_those_that_are() {
    let other = tenant(&json!({ "spec": { "storageClassName": "gold" } }));
    assert_eq!(
        denied(&other).to_string(),
        "`spec.storageClassName` is `gold`, which is not offered; offered: `fast`, `standard`"
    );
    let none = super::super::down(&cluster(), &TenantPolicy::default(), &[], &other, None).unwrap();
    assert!(
        matches!(&none, Down::Denied(denied) if denied.to_string().ends_with("no class is offered")),
        "{none:?}"
    );
}

#[test]
fn without_a_class_it_waits() {
    for class in [json!(null), json!("")] {
        let claim = tenant(&json!({ "spec": { "storageClassName": class } }));
        assert_eq!(outcome(&claim, None), Down::Waits, "{class}");
        assert_eq!(takes_default(&claim), class.is_null());
    }
    assert!(!takes_default(&tenant(&json!({}))));
    let annotated = tenant(&json!({
        "metadata": { "annotations": { "volume.beta.kubernetes.io/storage-class": "standard" } },
        "spec": { "storageClassName": null },
    }));
    assert!(!takes_default(&annotated));
    let host = translated(&annotated, None).object;
    assert_eq!(host.spec.unwrap().storage_class_name.as_deref(), Some("standard"));
}

#[test]
fn a_claim_that_was_bound_is_never_made_again() {
    let was_bound = brought_up(&tenant(&json!({})), &bound(&tenant(&json!({}))));
    assert_eq!(outcome(&was_bound, None), Down::Lost);
    // Neither is one whose host claim stands for a predecessor.
    let predecessor = stored(&tenant(&json!({ "metadata": { "uid": "predecessor" } })));
    assert_eq!(outcome(&was_bound, Some(&predecessor)), Down::Lost);
    let patch = lost(&was_bound).unwrap();
    assert_eq!(patch["metadata"]["uid"], "tenant-uid");
    let is_told = patched(&was_bound, &patch);
    assert_eq!(lost(&is_told), None);
    assert!(is_lost(&is_told) && !is_lost(&was_bound));
}

#[test]
fn what_has_its_host_claim_keeps_it_whatever_the_class_offers_now() {
    let claim = tenant(&json!({ "spec": { "volumeAttributesClassName": "gold" } }));
    let host = stored(&tenant(&json!({})));
    let now = super::super::down(&cluster(), &TenantPolicy::default(), &[], &claim, Some(&host)).unwrap();
    let Down::Host(now) = now else {
        panic!("{now:?}");
    };
    let reasons: Vec<_> = now.notes.iter().map(|note| note.reason).collect();
    assert_eq!(reasons, ["VolumeAttributesIgnored"]);
    assert_eq!(changes(&now.object, &host), None);
    assert_eq!(resize(&now.object, &host), None);
}

#[test]
fn a_claim_is_silent_with_what_the_hosts_controllers_wrote() {
    let claim = tenant(&json!({ "metadata": { "labels": { "app": "db" }, "annotations": { "a": "b" } } }));
    let mut host = bound(&claim);
    host.metadata.finalizers = Some(vec!["kubernetes.io/pvc-protection".to_owned()]);
    // Admission of the host's rounded up.
    let requests = json!({ "requests": { "storage": "2Gi" } });
    host.spec.as_mut().unwrap().resources = object(requests);
    let up = brought_up(&claim, &host);
    let desired = translated(&up, Some(&host));
    assert_eq!(desired.notes, []);
    assert_eq!(changes(&desired.object, &host), None);
    assert_eq!(resize(&desired.object, &host), None);
    assert_eq!(brought_up(&up, &host), up);
}

#[test]
fn nothing_about_the_tenants_binding_goes_down() {
    let before = translated(&tenant(&json!({})), None).object;
    let host = bound(&tenant(&json!({})));
    let up = brought_up(&tenant(&json!({})), &host);
    let after = translated(&up, Some(&host)).object;
    assert_eq!(before, after);
    assert_eq!(after.spec.unwrap().volume_name, None);
}

#[test]
fn labels_and_annotations_follow_under_their_host_keys() {
    let host = stored(&tenant(&json!({ "metadata": { "labels": { "app": "db" } } })));
    let claim = tenant(&json!({ "metadata": { "labels": { "tier": "x" }, "annotations": { "a": "b" } } }));
    let desired = translated(&claim, Some(&host)).object;
    let patch = changes(&desired, &host).unwrap();
    assert_eq!(
        patch,
        json!({ "metadata": {
            "uid": "host-uid",
            "labels": { "tenant.warren.dev/tier": "x", "tenant.warren.dev/app": null },
            "annotations": { "tenant.warren.dev/a": "b" },
        } })
    );
    assert_eq!(changes(&desired, &patched(&host, &patch)), None);
}

#[test]
fn a_growing_claim_grows_the_hosts_once() {
    let host = bound(&tenant(&json!({})));
    let grown = tenant(&json!({ "spec": { "resources": { "requests": { "storage": "3Gi" } } } }));
    let desired = translated(&grown, Some(&host)).object;
    assert_eq!(changes(&desired, &host), None);
    let patch = resize(&desired, &host).unwrap();
    assert_eq!(
        patch,
        json!({
            "metadata": { "uid": "host-uid", "annotations": { REQUESTED: "3Gi" } },
            "spec": { "resources": { "requests": { "storage": "3Gi" } } },
        })
    );
    let host = patched(&host, &patch);
    assert_eq!(
        host.spec.as_ref().unwrap().volume_name.as_deref(),
        Some("pvc-host-uid")
    );
    assert_eq!(resize(&desired, &host), None);
    assert_eq!(changes(&desired, &host), None);
}

#[test]
fn what_the_host_grew_by_itself_is_only_noted_down() {
    let mut host = bound(&tenant(&json!({})));
    let requests = json!({ "requests": { "storage": "3Gi" } });
    host.spec.as_mut().unwrap().resources = object(requests);
    let grown = tenant(&json!({ "spec": { "resources": { "requests": { "storage": "3Gi" } } } }));
    let patch = resize(&translated(&grown, Some(&host)).object, &host).unwrap();
    assert_eq!(patch.get("spec"), None);
}

#[test]
fn only_storage_is_asked_for() {
    let claim = tenant(&json!({ "spec": { "resources": {
        "requests": { "storage": "1Gi", "example.com/gpu": "8" }, "limits": { "storage": "2Gi", "cpu": "1" } } } }));
    let resources = translated(&claim, None).object.spec.unwrap().resources;
    assert_eq!(
        serde_json::to_value(resources).unwrap(),
        json!({ "requests": { "storage": "1Gi" }, "limits": { "storage": "2Gi" } })
    );
}
