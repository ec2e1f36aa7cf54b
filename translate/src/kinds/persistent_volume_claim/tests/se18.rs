//! The tricks of SE-18: whatever a claim names, the host's claim reaches no volume of another's.

use proptest::prelude::*;

use super::*;
use crate::kinds::persistent_volume;

/// Name of everything that is another's.
const CANARY: &str = "canary";

fn refused(spec: &Value, field: &str) {
    let denied = denied(&tenant(&json!({ "spec": spec })));
    let fields: Vec<_> = denied.fields.iter().map(|denied| denied.field.as_str()).collect();
    assert_eq!(fields, [field], "{spec}");
}

#[test]
fn a_claim_that_names_anothers_volume_is_refused() {
    refused(&json!({ "volumeName": CANARY }), "spec.volumeName");
    // Also after the claim has its own: it stays bound to that, and the host is not asked.
    let host = bound(&tenant(&json!({})));
    let named = tenant(&json!({ "spec": { "volumeName": CANARY } }));
    let translated = translated(&named, Some(&host));
    assert_eq!(translated.notes[0].reason, "VolumeNameIgnored");
    assert_eq!(changes(&translated.object, &host), None);
    assert_eq!(bind(&named, &host, &volume()), None);
    assert_eq!(status(&cluster(), &named, &host, &volume()), None);
}

#[test]
fn a_volume_that_the_tenant_makes_itself_is_reached_by_nothing_on_the_host() {
    // With another's handle in it: there is no way down for volumes, so only a claim could name it.
    refused(
        &json!({ "selector": { "matchLabels": { "a": CANARY } } }),
        "spec.selector",
    );
    let by_name = tenant(&json!({ "spec": { "storageClassName": "", "volumeName": CANARY } }));
    assert_eq!(denied(&by_name).fields[0].field, "spec.volumeName");
    // And one that took the name of a mirrored volume is not taken for it.
    let own: PersistentVolume = object(json!({
        "metadata": { "name": "pvc-host-uid", "uid": "own" },
        "spec": { "csi": { "driver": "csi.example.com", "volumeHandle": CANARY } },
    }));
    let host = bound(&tenant(&json!({})));
    let mirrored = persistent_volume::up(&tenant(&json!({})), &host, &volume()).unwrap();
    assert!(!persistent_volume::is_mirrored(&own.metadata));
    assert_eq!(persistent_volume::changes(&own, &mirrored), None);
}

#[test]
fn a_released_volume_is_not_handed_on_when_its_reference_is_cleared() {
    let first = tenant(&json!({}));
    let host = bound(&first);
    let mirrored = persistent_volume::up(&first, &host, &volume()).unwrap();
    let mut cleared = mirrored.clone();
    cleared.metadata.uid = Some("mirrored-uid".to_owned());
    cleared.spec.as_mut().unwrap().claim_ref = None;
    // While its claim lives, the reference comes back.
    let patch = persistent_volume::changes(&cleared, &mirrored).unwrap();
    assert_eq!(patch["spec"]["claimRef"]["uid"], "tenant-uid");
    // After, another claim that names it is refused, also under the name of the first.
    let name = persistent_volume::name_of(&host).unwrap();
    refused(&json!({ "volumeName": name }), "spec.volumeName");
    let successor = tenant(&json!({ "metadata": { "uid": "successor" }, "spec": { "volumeName": name } }));
    assert!(matches!(outcome(&successor, Some(&host)), Down::Denied(_)));
    assert_eq!(persistent_volume::up(&successor, &host, &volume()), None);
    assert_eq!(bind(&successor, &host, &volume()), None);
}

#[test]
fn content_comes_from_a_claim_of_the_same_namespace_only() {
    let claim = "PersistentVolumeClaim";
    let field = "spec.dataSourceRef";
    refused(
        &json!({ "dataSourceRef": { "kind": claim, "name": CANARY, "namespace": "other" } }),
        field,
    );
    let snapshot = json!({ "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": CANARY });
    refused(&json!({ "dataSourceRef": snapshot }), field);
    refused(&json!({ "dataSource": snapshot }), "spec.dataSource");
    let populator = json!({ "apiGroup": "example.com", "kind": claim, "name": CANARY });
    refused(&json!({ "dataSourceRef": populator }), field);

    let source = json!({ "kind": claim, "name": CANARY });
    let copy = tenant(&json!({ "spec": { "dataSource": source, "dataSourceRef": source } }));
    let spec = translated(&copy, None).object.spec.unwrap();
    let own = host_name(&cluster(), &TenantKey::new("shop", CANARY));
    assert_eq!(spec.data_source.unwrap().name, own.as_str());
    let reference = spec.data_source_ref.unwrap();
    assert_eq!(
        (reference.name.as_str(), reference.namespace),
        (own.as_str(), None)
    );
}

/// Fields of a spec that could name what is another's.
fn tricks() -> Vec<(&'static str, Value)> {
    let source = json!({ "kind": "PersistentVolumeClaim", "name": CANARY, "namespace": "shop" });
    vec![
        ("volumeName", json!(CANARY)),
        ("selector", json!({ "matchLabels": { CANARY: CANARY } })),
        (
            "dataSource",
            json!({ "kind": "PersistentVolumeClaim", "name": CANARY }),
        ),
        ("dataSourceRef", source),
        ("volumeAttributesClassName", json!(CANARY)),
        ("volumeMode", json!("Block")),
    ]
}

proptest! {
    #[test]
    fn no_name_that_a_claim_holds_is_a_name_on_the_host(
        fields in proptest::sample::subsequence(tricks(), 0..=tricks().len()), has_host in any::<bool>(),
    ) {
        let spec: serde_json::Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let claim = tenant(&json!({ "spec": spec }));
        let host = has_host.then(|| stored(&tenant(&json!({}))));
        if let Down::Host(translated) = outcome(&claim, host.as_ref()) {
            let spec = translated.object.spec.unwrap();
            prop_assert_eq!(spec.volume_name.as_ref(), None);
            let text = serde_json::to_string(&spec).unwrap();
            prop_assert!(!text.contains(&format!("\"{CANARY}\"")), "{}", text);
        }
    }
}
