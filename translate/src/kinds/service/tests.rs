//! Services converge, keep what the host chose, and report it.

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use serde_json::{Value, json};

use super::*;
use crate::TenantPolicy;
use crate::kinds::pod::fields::Field;
use crate::testing::{cluster, object};

fn tenant(extra: &Value) -> Service {
    let mut json = json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "u" },
        "spec": {
            "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "type": "NodePort",
            "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30080 }],
            "selector": { "app": "web" }, "sessionAffinity": "None",
        },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn host(extra: &Value) -> Service {
    down(&cluster(), &TenantPolicy::default(), &tenant(extra))
        .unwrap()
        .translated()
        .unwrap()
        .object
}

#[test]
fn services_of_warrens_own_never_go_down() {
    assert!(excluded(&TenantKey::new("default", "kubernetes")));
    assert!(excluded(&TenantKey::new("kube-system", "kube-dns")));
    assert!(!excluded(&TenantKey::new("default", "kube-dns")));
}

#[test]
fn an_external_name_is_only_a_name() {
    assert!(dns_only(&object(json!({ "spec": { "type": "ExternalName" } }))));
    assert!(!dns_only(&tenant(&json!({}))));
}

#[test]
fn what_was_written_needs_no_update_with_the_apiservers_defaults() {
    let mut existing = host(&json!({}));
    let spec = existing.spec.as_mut().unwrap();
    spec.ip_families = Some(vec!["IPv4".to_owned()]);
    spec.internal_traffic_policy = Some("Cluster".to_owned());
    spec.ports.as_mut().unwrap()[0].target_port = Some(object(json!(80)));
    assert!(!needs_update(&existing, &host(&json!({}))));
}

#[test]
fn each_changed_field_needs_an_update() {
    for change in [
        json!({ "selector": { "app": "other" } }),
        json!({ "ports": [{ "port": 81, "protocol": "TCP" }] }),
        json!({ "ports": [{ "port": 80, "protocol": "TCP", "targetPort": "http" }] }),
        json!({ "sessionAffinity": "ClientIP" }),
        json!({ "publishNotReadyAddresses": true }),
        json!({ "type": "ClusterIP" }),
        json!({ "trafficDistribution": "PreferSameZone" }),
        json!({ "externalTrafficPolicy": "Local" }),
    ] {
        assert!(
            needs_update(&host(&json!({})), &host(&json!({ "spec": change }))),
            "{change}"
        );
    }
    let limited =
        host(&json!({ "spec": { "type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"] } }));
    assert!(needs_update(
        &limited,
        &host(&json!({ "spec": { "type": "LoadBalancer" } }))
    ));
}

#[test]
fn another_address_is_a_mismatch_and_not_an_update() {
    let change = json!({ "spec": { "clusterIP": "10.96.0.8", "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30081 }] } });
    let existing = host(&change);
    let desired = host(&json!({}));
    assert!(!needs_update(&existing, &desired));
    assert!(!must_replace(&existing, &desired));
    let found = up(&tenant(&json!({})), &existing).mismatch;
    let fields: Vec<_> = found
        .iter()
        .map(|mismatch| (mismatch.field.as_str(), mismatch.host.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("spec.clusterIP", "10.96.0.8"),
            ("spec.ports[80/TCP].nodePort", "30081")
        ]
    );
    assert_eq!(up(&tenant(&json!({})), &desired), Up::default());
}

#[test]
fn an_update_keeps_the_address_that_the_host_has() {
    let existing = host(
        &json!({ "spec": { "clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8"],
        "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30081 }] } }),
    );
    let mut desired = host(&json!({ "spec": { "selector": { "app": "new" } } }));
    keep_address(&mut desired, &existing);
    let spec = desired.spec.unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("10.96.0.8"));
    assert_eq!(spec.ports.unwrap()[0].node_port, Some(30081));
    assert!(spec.selector.unwrap().values().any(|value| value == "new"));
}

#[test]
fn without_address_the_host_chooses_but_headless_stays_headless() {
    let spec = without_address(host(&json!({}))).spec.unwrap();
    assert_eq!(
        (
            spec.cluster_ip,
            spec.cluster_ips,
            spec.ports.unwrap()[0].node_port
        ),
        (None, None, None)
    );
    let headless =
        host(&json!({ "spec": { "type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"] } }));
    assert_eq!(
        without_address(headless).spec.unwrap().cluster_ip.as_deref(),
        Some("None")
    );
}

#[test]
fn headless_and_a_successor_of_the_same_name_are_replaced() {
    let headless = host(&json!({ "spec": { "type": "ClusterIP", "clusterIP": "None" } }));
    assert!(must_replace(&headless, &host(&json!({}))));
    assert!(must_replace(
        &host(&json!({ "metadata": { "uid": "old" } })),
        &host(&json!({}))
    ));
    assert!(!must_replace(&host(&json!({})), &host(&json!({}))));
}

#[test]
fn a_service_that_loses_its_selector_is_replaced_and_one_that_gets_one_is_not() {
    let without = host(&json!({ "spec": { "selector": null } }));
    assert_eq!(without.spec.as_ref().unwrap().selector, None);
    assert!(must_replace(&host(&json!({})), &without));
    assert!(!must_replace(&without, &host(&json!({}))));
    assert!(needs_update(&without, &host(&json!({}))));
}

#[test]
fn only_services_with_an_address_and_without_selector_have_endpoints_of_their_own() {
    for (spec, own) in [
        (json!({ "selector": null }), true),
        (json!({ "selector": null, "type": "LoadBalancer" }), true),
        (json!({}), false),
        (
            json!({ "selector": null, "type": "ClusterIP", "clusterIP": "None" }),
            false,
        ),
        (
            json!({ "selector": null, "type": "ExternalName", "clusterIP": null }),
            false,
        ),
    ] {
        assert_eq!(
            has_own_endpoints(&tenant(&json!({ "spec": spec }))),
            own,
            "{spec}"
        );
    }
}

#[test]
fn a_port_for_health_checks_that_the_host_chose_goes_up() {
    let balanced = |port: i32| json!({ "spec": { "type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": port } });
    let existing = host(&balanced(31999));
    let found = up(&tenant(&balanced(31000)), &existing).mismatch;
    let [mismatch] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (
            mismatch.field.as_str(),
            mismatch.tenant.as_str(),
            mismatch.host.as_str()
        ),
        ("spec.healthCheckNodePort", "31000", "31999")
    );
    assert!(mismatch.is_fixed());
    assert_eq!(up(&tenant(&balanced(31999)), &existing), Up::default());
    // The tenant no longer asks for one, and the host's Service is about to follow.
    let cluster_wide = json!({ "spec": { "type": "LoadBalancer", "externalTrafficPolicy": "Cluster" } });
    assert_eq!(up(&tenant(&cluster_wide), &existing).mismatch, []);
    let mut desired = host(&balanced(31000));
    keep_address(&mut desired, &existing);
    assert_eq!(desired.spec.unwrap().health_check_node_port, Some(31999));
}

#[test]
fn a_second_family_is_asked_for_and_what_the_host_chose_goes_up() {
    let dual = |second: &str| {
        json!({ "spec": { "clusterIPs": ["10.96.0.7", second], "ipFamilies": ["IPv4", "IPv6"],
            "ipFamilyPolicy": "PreferDualStack" } })
    };
    let single = host(&json!({ "spec": { "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack" } }));
    let mut desired = host(&dual("fd00::7"));
    assert!(needs_update(&single, &desired));
    keep_address(&mut desired, &single);
    let spec = desired.spec.as_ref().unwrap();
    assert_eq!(spec.cluster_ips.as_deref().unwrap(), ["10.96.0.7", "fd00::7"]);
    assert_eq!(spec.ip_families.as_deref().unwrap(), ["IPv4", "IPv6"]);
    let found = up(&tenant(&dual("fd00::7")), &host(&dual("fd00::99"))).mismatch;
    let [mismatch] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (mismatch.field.as_str(), mismatch.host.as_str()),
        ("spec.clusterIPs", "fd00::99")
    );
    assert!(mismatch.is_fixed());
    // A host of two families may give one more than the tenant has room for.
    assert_eq!(up(&tenant(&json!({})), &host(&dual("fd00::99"))).mismatch, []);
}

#[test]
fn a_class_that_the_hosts_admission_gave_stays_with_the_load_balancer() {
    let mut existing = host(&json!({ "spec": { "type": "LoadBalancer" } }));
    existing.spec.as_mut().unwrap().load_balancer_class = Some("example.com/default".to_owned());
    let mut desired = host(&json!({ "spec": { "type": "LoadBalancer", "publishNotReadyAddresses": true } }));
    keep_address(&mut desired, &existing);
    let class = desired.spec.unwrap().load_balancer_class;
    assert_eq!(class.as_deref(), Some("example.com/default"));
    let mut exposed = host(&json!({}));
    keep_address(&mut exposed, &existing);
    assert_eq!(exposed.spec.unwrap().load_balancer_class, None);
}

#[test]
fn each_change_of_type_is_an_update_without_what_the_new_type_must_not_have() {
    let types = [
        json!({ "spec": { "type": "ClusterIP", "ports": [{ "port": 80, "protocol": "TCP" }] } }),
        json!({}),
        json!({ "spec": { "type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000,
            "loadBalancerSourceRanges": ["10.0.0.0/8"] } }),
    ];
    for (from, to) in types
        .iter()
        .flat_map(|from| types.iter().map(move |to| (from, to)))
    {
        let (existing, mut desired) = (host(from), host(to));
        assert_eq!(needs_update(&existing, &desired), from != to, "{from} {to}");
        assert!(!must_replace(&existing, &desired), "{from} {to}");
        keep_address(&mut desired, &existing);
        assert_eq!(desired.spec, host(to).spec, "{from} {to}");
        // The node ports that go with the type are no reason to change the tenant.
        assert_eq!(up(&tenant(to), &desired).mismatch, [], "{from} {to}");
    }
}

#[test]
fn the_load_balancers_address_goes_up_once_and_goes_away_again() {
    let balanced = json!({ "spec": { "type": "LoadBalancer" } });
    let with = |service: &Service, status: Value| {
        let mut service = service.clone();
        service.status = object(json!({ "loadBalancer": status }));
        service
    };
    let ingress = json!({ "ingress": [{ "ip": "203.0.113.1", "ipMode": "VIP" }] });
    let serving = with(&host(&balanced), ingress.clone());
    let patch = up(&tenant(&balanced), &serving).status.unwrap();
    assert_eq!(patch["status"]["loadBalancer"], ingress);
    assert_eq!(patch["metadata"]["uid"], "u");
    let informed = with(&tenant(&balanced), ingress);
    assert_eq!(up(&informed, &serving).status, None);
    assert_eq!(
        up(&informed, &host(&balanced)).status.unwrap()["status"]["loadBalancer"]["ingress"],
        Value::Null
    );
    let own = json!({ "spec": { "type": "LoadBalancer", "loadBalancerClass": "example.com/own" } });
    assert_eq!(up(&tenant(&own), &serving).status, None);
}

#[test]
fn every_field_of_the_schema_is_classified() {
    let names = |parent: &str| -> Vec<String> {
        let mut names: Vec<String> = fields::FIELDS
            .iter()
            .filter_map(|field: &Field| field.path.strip_prefix(parent))
            .filter(|name| !name.contains(['.', '[']))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    let properties = |schema: schemars::Schema| -> Vec<String> {
        let mut names: Vec<String> = schema
            .get("properties")
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("spec."), properties(schemars::schema_for!(ServiceSpec)));
    assert_eq!(
        names("spec.ports[]."),
        properties(schemars::schema_for!(ServicePort))
    );
}
