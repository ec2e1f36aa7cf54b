//! Whatever a Pod refers to, in whatever combination: no name of the tenant's would resolve on the host.

use proptest::prelude::*;
use serde_json::Map;

use super::*;

/// Name of everything that the Pods below refer to.
const CANARY: &str = "canary";

/// Entries of `env`.
fn env_entries() -> Vec<Value> {
    vec![
        json!({ "name": "A", "valueFrom": { "configMapKeyRef": { "name": CANARY, "key": "k", "optional": true } } }),
        json!({ "name": "B", "valueFrom": { "secretKeyRef": { "name": CANARY, "key": "k" } } }),
        json!({ "name": "C", "valueFrom": { "fieldRef": { "fieldPath": "metadata.labels['app']" } } }),
        json!({ "name": "D", "valueFrom": { "fieldRef": { "fieldPath": "spec.serviceAccountName" } } }),
        json!({ "name": "E", "valueFrom": { "resourceFieldRef": { "resource": "limits.memory", "divisor": "1Mi" } } }),
        json!({ "name": "F", "value": "$(A)" }),
    ]
}

/// Entries of `envFrom`.
fn env_sources() -> Vec<Value> {
    vec![
        json!({ "configMapRef": { "name": CANARY } }),
        json!({ "secretRef": { "name": CANARY, "optional": true }, "prefix": "P_" }),
    ]
}

/// Sources of a projected volume.
fn projections() -> Vec<Value> {
    vec![
        json!({ "configMap": { "name": CANARY } }),
        json!({ "secret": { "name": CANARY } }),
        json!({ "serviceAccountToken": { "path": "token", "audience": CANARY, "expirationSeconds": 600 } }),
        json!({ "clusterTrustBundle": { "name": CANARY, "path": "a.pem" } }),
        json!({ "clusterTrustBundle": {
            "signerName": CANARY, "labelSelector": { "matchLabels": { "a": CANARY } }, "path": "b.pem" } }),
        json!({ "podCertificate": { "signerName": CANARY, "keyType": "ED25519", "keyPath": "key" } }),
        json!({ "downwardAPI": { "items": [
            { "path": "labels", "fieldRef": { "fieldPath": "metadata.labels" } },
            { "path": "cpu", "resourceFieldRef": { "containerName": "main", "resource": "limits.cpu" } } ] } }),
    ]
}

/// Volumes; the projected one is made of [`projections`].
fn volumes() -> Vec<Value> {
    vec![
        json!({ "name": "a", "configMap": { "name": CANARY } }),
        json!({ "name": "b", "secret": { "secretName": CANARY, "defaultMode": 256 } }),
        json!({ "name": "c", "emptyDir": { "medium": "Memory", "sizeLimit": "1Mi" } }),
        json!({ "name": "d", "persistentVolumeClaim": { "claimName": CANARY, "readOnly": true } }),
        json!({ "name": "e", "ephemeral": { "volumeClaimTemplate": {
            "metadata": { "labels": { CANARY: CANARY } },
            "spec": {
                "storageClassName": CANARY, "accessModes": [CANARY], "volumeName": CANARY,
                "dataSourceRef": { "kind": CANARY, "name": CANARY, "namespace": CANARY },
            } } } }),
    ]
}

/// Other fields of the spec.
fn fields() -> Vec<(&'static str, Value)> {
    vec![
        ("imagePullSecrets", json!([{ "name": CANARY }])),
        ("serviceAccountName", json!(CANARY)),
        ("serviceAccount", json!(CANARY)),
        ("priorityClassName", json!(CANARY)),
        ("schedulerName", json!(CANARY)),
        ("nodeSelector", json!({ CANARY: CANARY })),
        ("schedulingGroup", json!({ "podGroupName": CANARY })),
        ("evictionResponders", json!([{ "name": CANARY, "priority": 1 }])),
        ("readinessGates", json!([{ "conditionType": CANARY }])),
        (
            "topologySpreadConstraints",
            json!([{
            "maxSkew": 1, "topologyKey": CANARY, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": { "matchLabels": { CANARY: CANARY } } }]),
        ),
        ("tolerations", json!([{ "key": CANARY, "operator": "Exists" }])),
    ]
}

fn some(all: Vec<Value>) -> impl Strategy<Value = Vec<Value>> {
    let count = all.len();
    proptest::sample::subsequence(all, 0..=count).prop_shuffle()
}

fn pods() -> impl Strategy<Value = Pod> {
    let lists = (
        some(env_entries()),
        some(env_sources()),
        some(volumes()),
        some(projections()),
        any::<bool>(),
    );
    (lists, proptest::sample::subsequence(fields(), 0..=fields().len())).prop_map(
        |((env, env_from, mut volumes, sources, as_init), fields)| {
            volumes.push(json!({ "name": "p", "projected": { "sources": sources } }));
            let container = json!({ "name": "main", "image": "x", "env": env, "envFrom": env_from });
            let mut spec = Map::new();
            spec.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
            spec.insert("volumes".to_owned(), json!(volumes));
            spec.insert("containers".to_owned(), json!([container]));
            if as_init {
                let mut init = container;
                init["name"] = json!("init");
                spec.insert("initContainers".to_owned(), json!([init]));
            }
            tenant(&json!({
                "metadata": {
                    "resourceVersion": "7", "generation": 3, "generateName": CANARY, "finalizers": [CANARY],
                    "ownerReferences": [{ "apiVersion": "v1", "kind": CANARY, "name": CANARY, "uid": CANARY }],
                    "annotations": { "a": "b", "kubectl.kubernetes.io/last-applied-configuration": CANARY },
                },
                "spec": spec,
                "status": { "phase": "Running", "message": CANARY },
            }))
        },
    )
}

/// Every text in a tree, keys too.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(map) => {
            for (key, value) in map {
                found.push(key.clone());
                texts(value, found);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_name_of_the_tenants_reaches_the_host_as_it_is(pod in pods()) {
        let host = translated(&pod).object;
        let mut found = Vec::new();
        texts(&serde_json::to_value(&host).unwrap(), &mut found);
        // A variable may hold the account's name: that is what the container asked for.
        let asked = found.iter().filter(|text| *text == CANARY).count();
        let allowed = host.spec.iter()
            .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()))
            .flat_map(|container| container.env.iter().flatten())
            .filter(|variable| variable.name == "D" && variable.value.as_deref() == Some(CANARY))
            .count();
        prop_assert_eq!(asked, allowed, "{:?}", host);
    }

    #[test]
    fn the_same_pod_gives_the_same_host_pod_and_nothing_of_its_life_goes_along(pod in pods()) {
        let host = translated(&pod);
        prop_assert_eq!(&host, &translated(&pod));
        prop_assert_eq!(host.object.status, None);
        let meta = host.object.metadata;
        prop_assert_eq!((meta.uid, meta.resource_version, meta.generation), (None, None, None));
        prop_assert_eq!((meta.finalizers, meta.generate_name, meta.managed_fields), (None, None, None));
        let owners: Vec<_> = meta.owner_references.iter().flatten().map(|owner| owner.uid.as_str()).collect();
        prop_assert_eq!(owners, ["anchor-uid"]);
    }

    #[test]
    fn everything_that_the_host_pod_refers_to_is_a_need(pod in pods()) {
        let needs = needs(&pod);
        let spec = serde_json::to_string(&translated(&pod).object.spec).unwrap();
        let tenant = serde_json::to_string(&pod.spec).unwrap();
        for (asked, is_need) in [
            ("clusterTrustBundle", needs.iter().any(|need| matches!(need, Need::TrustBundle(_)))),
            ("podCertificate", needs.iter().any(|need| matches!(need, Need::PodCertificate(_)))),
            ("serviceAccountToken", needs.iter().any(|need| matches!(need, Need::Token(_)))),
            ("configMapRef", needs.iter().any(|need| matches!(need, Need::ConfigMap { .. }))),
            ("persistentVolumeClaim", needs.iter().any(|need| matches!(need, Need::Claim { .. }))),
            ("ephemeral", needs.iter().any(|need| matches!(need, Need::Claim { ephemeral: true, .. }))),
            ("secretName", needs.iter().any(|need| matches!(need, Need::Secret { .. }))),
        ] {
            let has = tenant.contains(&format!("\"{asked}\""));
            prop_assert!(is_need || !has, "{}", asked);
        }
        for replaced in ["clusterTrustBundle", "podCertificate", "serviceAccountToken", "ephemeral"] {
            let is_left = spec.contains(&format!("\"{replaced}\""));
            prop_assert!(!is_left, "{}", replaced);
        }
    }
}

#[test]
fn a_claim_that_an_ephemeral_volume_has_too_must_be_the_pods_own() {
    let by_name = json!({ "name": "a", "persistentVolumeClaim": { "claimName": "web-b" } });
    let ephemeral = json!({ "name": "b", "ephemeral": { "volumeClaimTemplate": { "spec": {} } } });
    for volumes in [json!([by_name, ephemeral]), json!([ephemeral, by_name])] {
        let pod = tenant(&json!({ "spec": { "volumes": volumes } }));
        let need = Need::Claim {
            name: crate::TenantName::new("web-b"),
            ephemeral: true,
        };
        assert_eq!(needs(&pod), [need]);
        let spec = serde_json::to_string(&translated(&pod).object.spec).unwrap();
        let host = crate::name::host_name(
            &cluster(),
            crate::name::PERSISTENT_VOLUME_CLAIM,
            &crate::TenantKey::new("shop", "web-b"),
        );
        assert_eq!(spec.matches(host.as_str()).count(), 2);
    }
}
