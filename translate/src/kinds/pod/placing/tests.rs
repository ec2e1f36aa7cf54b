//! Pods that the host's scheduler places: what of their constraints reaches it, and what must not.

use k8s_openapi::api::core::v1::{Pod, PodSpec, Service};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_crds::scheduling::HostScheduling;

use super::*;
use crate::kinds::pod::{PodContext, down};
use crate::note::{Outcome, Translated};
use crate::testing::{cluster, object};
use crate::{Error, TenantPolicy};

fn scheduling() -> HostScheduling {
    HostScheduling {
        node_selector: [("pool".to_owned(), "shared".to_owned())].into(),
        scheduler_name: Some("batch".to_owned()),
    }
}

fn tenant(spec: Value) -> Pod {
    let mut pod = json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "u",
            "labels": { "app": "web", "pod-template-hash": "abc" } },
        "spec": { "containers": [{ "name": "main", "image": "web:1" }] },
    });
    let extra = Value::Object([("spec".to_owned(), spec)].into_iter().collect());
    json_patch::merge(&mut pod, &extra);
    object(pod)
}

fn outcome(pod: &Pod, closed: &[&str]) -> Outcome<Pod> {
    let policy = TenantPolicy {
        host_scheduling: Some(scheduling()),
        ..TenantPolicy::default()
    };
    let kubernetes: Service = object(json!({
        "metadata": { "name": "kubernetes", "namespace": "default" },
        "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443 }] },
    }));
    let namespaces = [("shop", "retail"), ("bank", "retail"), ("lab", "science")].map(|(name, team)| {
        let labels = [("team".to_owned(), team.to_owned())].into();
        (name.to_owned(), labels)
    });
    let (cluster, namespaces) = (cluster(), namespaces.into());
    let closed = closed.iter().map(|node| (*node).to_owned()).collect();
    let context = PodContext {
        cluster: &cluster,
        policy: &policy,
        dns_service_ip: "10.96.0.53",
        cluster_domain: "cluster.local",
        services: &[&kubernetes],
        node_allocatable: None,
        own_resources: &std::collections::BTreeSet::new(),
        anchor_uid: None,
        isolation: None,
        placing: Some(Placing {
            namespaces: &namespaces,
            closed: &closed,
        }),
    };
    down(&context, pod).unwrap()
}

fn spec(extra: Value, closed: &[&str]) -> PodSpec {
    let Translated { object, notes } = outcome(&tenant(extra), closed).translated().unwrap();
    assert_eq!(notes, []);
    object.spec.unwrap()
}

fn denied(extra: Value) -> Vec<String> {
    let denied = outcome(&tenant(extra), &[]).denied().unwrap();
    denied.fields.into_iter().map(|denied| denied.field).collect()
}

fn tree(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn a_pod_without_constraints_may_go_to_the_clusters_nodes_and_no_others() {
    let spec = spec(json!({}), &[]);
    assert_eq!(spec.node_name, None);
    assert_eq!(spec.affinity, None);
    assert_eq!(tree(spec.node_selector), json!({ "pool": "shared" }));
    assert_eq!(spec.scheduler_name.as_deref(), Some("batch"));
}

#[test]
fn a_pod_that_the_tenant_has_bound_is_pinned_as_ever() {
    let spec = spec(
        json!({ "nodeName": "n1", "nodeSelector": { "own": "x" } }),
        &["n2"],
    );
    assert_eq!((spec.node_selector, spec.scheduler_name), (None, None));
    let terms = &tree(spec.affinity)["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let pin = json!({ "key": "metadata.name", "operator": "In", "values": ["n1"] });
    assert_eq!(*terms, json!({ "nodeSelectorTerms": [{ "matchFields": [pin] }] }));
}

#[test]
fn the_tenants_node_selector_cannot_replace_the_clusters_and_closed_nodes_are_left_out_of_every_term() {
    let zone = json!({ "key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a", "b"] });
    let name = json!({ "key": "metadata.name", "operator": "In", "values": ["n2"] });
    let spec = spec(
        json!({
            "nodeSelector": { "kubernetes.io/arch": "arm64" },
            "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                { "matchExpressions": [zone] }, { "matchFields": [name] }, {},
            ] } } },
        }),
        &["n1"],
    );
    assert_eq!(tree(&spec.node_selector), json!({ "pool": "shared" }));
    let arch = json!({ "key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"] });
    let open = json!({ "key": "metadata.name", "operator": "NotIn", "values": ["n1"] });
    let required = &tree(spec.affinity)["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(
        *required,
        json!({ "nodeSelectorTerms": [
            { "matchExpressions": [zone, arch], "matchFields": [open] },
            { "matchExpressions": [arch], "matchFields": [name, open] },
        ] })
    );
}

#[test]
fn a_term_that_fits_no_node_goes_on_fitting_none() {
    let required = json!({ "nodeSelectorTerms": [{}] });
    let affinity = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": required } });
    let spec = spec(json!({ "affinity": affinity }), &["n1"]);
    assert_eq!(tree(spec.affinity), affinity);
}

#[test]
fn labels_of_nodes_that_are_not_shown_are_denied_where_they_must_hold() {
    let hidden = json!({ "key": "example.com/rack", "operator": "Exists" });
    let pods = json!({ "topologyKey": "example.com/rack", "labelSelector": {} });
    let node = json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
        { "matchExpressions": [hidden] } ] } });
    let spread = json!([{ "maxSkew": 1, "topologyKey": "pool", "whenUnsatisfiable": "DoNotSchedule" }]);
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let field = |kind: &str, rest: &str| format!("spec.affinity.{kind}.{required}{rest}[example.com/rack]");
    for (extra, expected) in [
        (
            json!({ "nodeSelector": { "pool": "private" } }),
            "spec.nodeSelector[pool]".to_owned(),
        ),
        (
            json!({ "affinity": { "nodeAffinity": node } }),
            field("nodeAffinity", ""),
        ),
        (
            json!({ "affinity": { "podAffinity": { required: [pods] } } }),
            field("podAffinity", "[].topologyKey"),
        ),
        (
            json!({ "affinity": { "podAntiAffinity": { required: [pods] } } }),
            field("podAntiAffinity", "[].topologyKey"),
        ),
        (
            json!({ "topologySpreadConstraints": spread }),
            "spec.topologySpreadConstraints[].topologyKey[pool]".to_owned(),
        ),
    ] {
        assert_eq!(denied(extra), [expected]);
    }
}

#[test]
fn what_would_only_be_preferred_is_left_out_with_a_note() {
    let hidden = json!({ "key": "example.com/rack", "operator": "Exists" });
    let pods = json!({ "topologyKey": "example.com/rack", "labelSelector": {} });
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    let pod = tenant(json!({
        "affinity": {
            "nodeAffinity": { preferred: [{ "weight": 1, "preference": { "matchExpressions": [hidden] } }] },
            "podAffinity": { preferred: [{ "weight": 1, "podAffinityTerm": pods }] },
        },
        "topologySpreadConstraints": [
            { "maxSkew": 1, "topologyKey": "pool", "whenUnsatisfiable": "ScheduleAnyway" } ],
        "schedulingGroup": { "podGroupName": "gang" },
    }));
    let translated = outcome(&pod, &[]).translated().unwrap();
    let notes: Vec<_> = translated
        .notes
        .iter()
        .map(|note| (note.reason, note.field.as_str()))
        .collect();
    assert_eq!(
        notes,
        [
            (NOT_CARRIED, "spec.schedulingGroup"),
            (
                NOT_CARRIED,
                "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[example.com/rack]"
            ),
            (
                NOT_CARRIED,
                "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].topologyKey[example.com/rack]"
            ),
            (NOT_CARRIED, "spec.topologySpreadConstraints[].topologyKey[pool]"),
        ]
    );
    let spec = translated.object.spec.unwrap();
    assert_eq!(spec.scheduling_group, None);
    assert_eq!(spec.topology_spread_constraints, Some(Vec::new()));
    let text = tree(spec.affinity).to_string();
    assert!(!text.contains("rack"), "{text}");
}

/// What of a required anti-affinity with these fields selects Pods on the host.
fn selected(term: &Value) -> Value {
    let mut whole = json!({ "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "db" } } });
    json_patch::merge(&mut whole, term);
    let affinity =
        json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [whole] } });
    let spec = spec(json!({ "affinity": affinity }), &[]);
    let terms = &tree(spec.affinity)["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let term = terms[0].as_object().unwrap().clone();
    let keys: Vec<_> = term.keys().map(String::as_str).collect();
    assert!(
        keys.iter()
            .all(|key| ["labelSelector", "topologyKey"].contains(key)),
        "{keys:?}"
    );
    term.get("labelSelector").cloned().unwrap_or_default()
}

#[test]
fn other_pods_are_the_tenants_own_in_the_namespaces_that_it_means() {
    let cluster = cluster().id.to_string();
    let own = |more: &Value| {
        let mut selector =
            json!({ "matchLabels": { "tenant.warren.dev/app": "db", "warren.dev/cluster": cluster } });
        json_patch::merge(&mut selector, more);
        selector
    };
    let one = |namespace: &str| own(&json!({ "matchLabels": { keys::TENANT_NAMESPACE: namespace } }));
    let these = |names: &[&str]| {
        let expression = json!({ "key": keys::TENANT_NAMESPACE, "operator": "In", "values": names });
        own(&json!({ "matchExpressions": [expression] }))
    };
    for (term, expected) in [
        (json!({}), one("shop")),
        (json!({ "namespaces": ["lab"] }), one("lab")),
        (json!({ "namespaceSelector": {} }), own(&json!({}))),
        (
            json!({ "namespaceSelector": { "matchLabels": { "team": "retail" } } }),
            these(&["bank", "shop"]),
        ),
        (
            json!({ "namespaceSelector": { "matchLabels": { "team": "science" } }, "namespaces": ["bank"] }),
            these(&["bank", "lab"]),
        ),
        // Nobody is meant: not everybody is.
        (
            json!({ "namespaceSelector": { "matchLabels": { "team": "nobody" } } }),
            Value::Null,
        ),
        (json!({ "labelSelector": null }), Value::Null),
    ] {
        assert_eq!(selected(&term), expected, "{term}");
    }
}

#[test]
fn lists_of_keys_become_the_pods_own_values_once() {
    let spread = |merged: bool| {
        let own = json!([{ "key": "pod-template-hash", "operator": "In", "values": ["abc"] }]);
        let spec = spec(
            json!({ "topologySpreadConstraints": [{
                "maxSkew": 1, "minDomains": 2, "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor",
                "matchLabelKeys": ["pod-template-hash", "absent"],
                "labelSelector": { "matchLabels": { "app": "web" }, "matchExpressions": if merged { own } else { json!([]) } },
            }] }),
            &[],
        );
        tree(spec.topology_spread_constraints)
    };
    let expected = json!([{
        "maxSkew": 1, "minDomains": 2, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": { "matchLabels": {
            "tenant.warren.dev/app": "web", "tenant.warren.dev/pod-template-hash": "abc",
            keys::TENANT_NAMESPACE: "shop", keys::CLUSTER: cluster().id.to_string(),
        } },
    }]);
    assert_eq!(spread(false), expected);
    assert_eq!(spread(true), expected);
    let apart = selected(&json!({ "mismatchLabelKeys": ["pod-template-hash"] }));
    let other =
        json!([{ "key": "tenant.warren.dev/pod-template-hash", "operator": "NotIn", "values": ["abc"] }]);
    assert_eq!(apart["matchExpressions"], other);
}

#[test]
fn what_depends_on_the_node_is_denied_before_there_is_one() {
    let memory = json!({ "resourceFieldRef": { "resource": "limits.memory" } });
    let containers = json!([{ "name": "main", "image": "x", "env": [{ "name": "M", "valueFrom": memory }] }]);
    assert_eq!(
        denied(json!({ "containers": containers })),
        ["spec.containers[].resourceFieldRef"]
    );
    let certificate = json!({ "podCertificate": { "signerName": "a.example/b", "keyType": "ED25519" } });
    let volumes = json!([{ "name": "v", "projected": { "sources": [certificate] } }]);
    assert_eq!(
        denied(json!({ "volumes": volumes })),
        ["spec.volumes[v].projected.sources[0].podCertificate"]
    );
}

#[test]
fn only_pods_for_the_missing_scheduler_are_the_hosts_to_place() {
    let is = |extra: Value| is_for_host(&scheduling(), &tenant(extra));
    assert!(is(json!({})));
    assert!(is(json!({ "schedulerName": "default-scheduler" })));
    assert!(is(json!({ "schedulerName": "batch" })));
    assert!(!is(json!({ "schedulerName": "of-the-tenant" })));
    assert!(!is(
        json!({ "schedulingGates": [{ "name": "example.com/later" }] })
    ));
    assert!(!is(json!({ "nodeName": "n1" })));
}

#[test]
fn a_place_is_another_one_when_nodes_close_or_the_clusters_change() {
    let hash = |scheduling: &HostScheduling, closed: &[&str]| {
        placing_hash(
            scheduling,
            &closed.iter().map(|node| (*node).to_owned()).collect(),
        )
    };
    let mut other = scheduling();
    other.node_selector.insert("zone".to_owned(), "a".to_owned());
    let all = [
        hash(&scheduling(), &[]),
        hash(&scheduling(), &["n1"]),
        hash(&scheduling(), &["n1", "n2"]),
        hash(&other, &[]),
        hash(&HostScheduling::default(), &[]),
    ];
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    let pod = outcome(&tenant(json!({})), &["n1"]).translated().unwrap().object;
    assert_eq!(pod.metadata.annotations.unwrap()[PLACING], all[1]);
}

#[test]
fn an_unbound_pod_of_a_cluster_that_has_a_scheduler_is_an_error() {
    let (cluster, policy) = (cluster(), TenantPolicy::default());
    let (namespaces, closed) = (BTreeMap::new(), BTreeSet::new());
    let context = PodContext {
        cluster: &cluster,
        policy: &policy,
        dns_service_ip: "",
        cluster_domain: "",
        services: &[],
        node_allocatable: None,
        own_resources: &std::collections::BTreeSet::new(),
        anchor_uid: None,
        isolation: None,
        placing: Some(Placing {
            namespaces: &namespaces,
            closed: &closed,
        }),
    };
    let result = down(&context, &tenant(json!({})));
    assert!(matches!(result, Err(Error::NotBound { .. })), "{result:?}");
}
