//! What a tenant sees of a Gateway, and what routes depend on of it.

use serde_json::json;

use super::*;
use crate::mirrored::is_mirrored;
use crate::testing::object;

fn offer(listeners: &[&str]) -> OfferedGateway {
    OfferedGateway {
        namespace: "infra".to_owned(),
        name: "public".to_owned(),
        listeners: listeners.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// With everything that a tenant must not see called `secret-…`.
fn host() -> Value {
    json!({
        "spec": {
            "gatewayClassName": "secret-class",
            "addresses": [{ "value": "secret-address" }],
            "infrastructure": { "labels": { "a": "secret-label" } },
            "listeners": [
                { "name": "http", "port": 80, "protocol": "HTTP",
                    "allowedRoutes": { "namespaces": { "from": "Selector",
                        "selector": { "matchLabels": { "secret": "secret-selector" } } } } },
                { "name": "https", "port": 443, "protocol": "HTTPS", "hostname": "*.apps.example.com",
                    "tls": { "mode": "Terminate", "certificateRefs": [{ "name": "secret-certificate" }],
                        "options": { "a": "secret-option" } },
                    "allowedRoutes": { "namespaces": { "from": "All" }, "kinds": [{ "kind": "HTTPRoute" }] } },
                { "name": "tls", "port": 8443, "protocol": "TLS", "tls": { "mode": "Passthrough" } },
            ],
        },
        "status": {
            "addresses": [{ "value": "secret-address" }],
            "listeners": [{ "name": "http", "attachedRoutes": 17 }],
            "conditions": [
                { "type": "Programmed", "status": "True", "reason": "Programmed", "observedGeneration": 4,
                    "lastTransitionTime": "2026-11-30T00:00:00Z", "message": "at secret-address" },
                { "type": "Custom", "status": "True", "reason": "secret-reason", "message": "" },
            ],
        },
    })
}

#[test]
fn a_tenant_sees_listeners_and_whether_it_works_and_nothing_of_the_host() {
    let picture = up(&offer(&[]), &host()).unwrap();
    assert!(is_mirrored(&picture.metadata));
    let shown = serde_json::to_string(&(&picture.metadata, &picture.spec, &picture.conditions)).unwrap();
    assert!(!shown.contains("secret"), "{shown}");
    insta::assert_yaml_snapshot!((picture.metadata, picture.spec, picture.conditions));
}

#[test]
fn listeners_that_are_not_offered_are_not_there() {
    let picture = up(&offer(&["https"]), &host()).unwrap();
    let listeners = picture.spec["listeners"].as_array().unwrap();
    assert_eq!(listeners.len(), 1);
    assert_eq!(listeners[0]["name"], "https");
    assert_eq!(up(&offer(&["gone"]), &host()), None);
    let offered = Offered::new(&offer(&["https"]), Some(&host()));
    assert_eq!(
        offered.listeners,
        [Listener {
            name: "https".to_owned(),
            port: Some(443),
            hostname: Some("*.apps.example.com".to_owned()),
        }]
    );
    assert!(Offered::new(&offer(&[]), None).listeners.is_empty());
}

#[test]
fn an_offer_is_for_one_gateway_of_one_namespace() {
    let offers = [offer(&[])];
    let named = |namespace: &str, name: &str| {
        let metadata = object(json!({ "namespace": namespace, "name": name }));
        super::offer(&offers, &metadata).is_some()
    };
    assert!(named("infra", "public"));
    assert!(!named("other", "public") && !named("infra", "other"));
}

#[test]
fn the_best_version_that_is_served_is_taken() {
    let definition = |name: &str, versions: &[(&str, bool)]| -> CustomResourceDefinition {
        let versions: Vec<Value> = versions
            .iter()
            .map(|(name, served)| json!({ "name": name, "served": served, "storage": false }))
            .collect();
        object(
            json!({ "metadata": { "name": name }, "spec": { "group": "gateway.networking.k8s.io",
            "names": { "kind": "K", "plural": "k" }, "scope": "Namespaced", "versions": versions } }),
        )
    };
    for (name, versions, expected) in [
        (TLS_ROUTES, &[("v1", true), ("v1alpha2", true)][..], Some("v1")),
        (
            TLS_ROUTES,
            &[("v1alpha2", true), ("v1alpha3", true)],
            Some("v1alpha3"),
        ),
        (TLS_ROUTES, &[("v1", false), ("v1alpha2", true)], Some("v1alpha2")),
        (HTTP_ROUTES, &[("v1beta1", true), ("v1", true)], Some("v1")),
        (HTTP_ROUTES, &[("v1beta1", true)], None),
        ("others.gateway.networking.k8s.io", &[("v1", true)], None),
    ] {
        assert_eq!(
            version(&definition(name, versions)),
            expected,
            "{name} {versions:?}"
        );
    }
}
