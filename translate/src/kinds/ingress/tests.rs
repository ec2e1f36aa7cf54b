//! Host names are checked, everything that is named is renamed, nothing that a host controller acts on passes.

use k8s_openapi::api::networking::v1::{IngressBackend, IngressRule, IngressSpec, IngressTLS};
use serde_json::{Value, json};

use super::*;
use crate::TenantPolicy;
use crate::note::{Denied, Outcome};
use crate::testing::{cluster, object};

fn tenant(spec: &Value) -> Ingress {
    object(json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "u" },
        "spec": spec,
    }))
}

fn policy(allowed: &[&str]) -> TenantPolicy {
    TenantPolicy {
        allowed_host_names: allowed.iter().map(|&entry| entry.to_owned()).collect(),
        ..TenantPolicy::default()
    }
}

fn outcome(allowed: &[&str], spec: &Value) -> Outcome<Ingress> {
    down(&cluster(), &policy(allowed), "public", &tenant(spec)).unwrap()
}

fn host(allowed: &[&str], spec: &Value) -> Value {
    let translated = outcome(allowed, spec).translated().unwrap();
    assert_eq!(translated.notes, []);
    json!(translated.object)
}

fn denied(allowed: &[&str], spec: &Value) -> Vec<(String, String)> {
    let Denied { fields } = outcome(allowed, spec).denied().unwrap();
    fields
        .into_iter()
        .map(|denied| (denied.field, denied.why))
        .collect()
}

fn backend(service: &str) -> Value {
    json!({ "service": { "name": service, "port": { "name": "http" } } })
}

fn rule(host: &str) -> Value {
    json!({ "host": host, "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend("web") }] } })
}

fn named(kind: crate::name::Kind, name: &str) -> String {
    crate::name::host_name(&cluster(), kind, &crate::TenantKey::new("shop", name)).to_string()
}

#[test]
fn services_and_secrets_get_their_host_names_and_the_class_is_always_named() {
    let tls = json!([{ "hosts": ["a.example.com"], "secretName": "cert" }]);
    let spec = json!({ "rules": [rule("a.example.com")], "tls": tls });
    let host = host(&["*.example.com"], &spec);
    assert_eq!(
        host["metadata"]["name"],
        json!(named(crate::name::INGRESS, "web"))
    );
    assert_eq!(host["metadata"]["namespace"], "wc-ci");
    let spec = &host["spec"];
    assert_eq!(spec["ingressClassName"], "public");
    assert_eq!(spec["rules"][0]["host"], "a.example.com");
    let path = &spec["rules"][0]["http"]["paths"][0];
    assert_eq!(path["pathType"], "Prefix");
    let service = named(crate::name::SERVICE, "web");
    assert_eq!(
        path["backend"],
        json!({ "service": { "name": service, "port": { "name": "http" } } })
    );
    let secret = named(crate::name::SECRET, "cert");
    assert_eq!(
        spec["tls"],
        json!([{ "hosts": ["a.example.com"], "secretName": secret }])
    );
}

#[test]
fn without_an_allowed_name_nothing_is_and_the_tenant_hears_what_to_ask_for() {
    let found = denied(&[], &json!({ "rules": [rule("a.example.com")] }));
    assert_eq!(
        found,
        [(
            "spec.rules[0].host".to_owned(),
            "a.example.com is not offered: the platform allows this cluster no host names (`allowedHostNames` of its \
             VirtualClusterClass)"
                .to_owned()
        )]
    );
    let found = denied(
        &["*.apps.example.com", "b.com"],
        &json!({ "rules": [rule("a.example.com")] }),
    );
    assert_eq!(
        found[0].1,
        "a.example.com is not offered: the platform allows *.apps.example.com, b.com"
    );
}

#[test]
fn hostile_names_are_no_names_even_where_all_are_allowed() {
    for name in [
        "A.example.com",
        "a.example.com.",
        ".example.com",
        "a..example.com",
        "bücher.example",
        "a.*.example.com",
        "*.*.example.com",
        "a*.example.com",
        "a.example.com b.example.com",
        "a.example.com\n",
        "a.example.com;",
        "[::1]",
        "a.example.com:443",
    ] {
        let found = denied(&["*"], &json!({ "rules": [rule(name)] }));
        assert_eq!(found.len(), 1, "{name:?}: {found:?}");
        assert!(found[0].1.starts_with("is no host name"), "{found:?}");
        let tls = json!([{ "hosts": [name] }]);
        let found = denied(&["*"], &json!({ "rules": [rule("a.example.com")], "tls": tls }));
        assert_eq!(found[0].0, "spec.tls[0].hosts[0]", "{name:?}");
        assert!(hosts(&tenant(&json!({ "rules": [rule(name)] }))).is_empty());
    }
}

#[test]
fn what_takes_requests_for_every_name_needs_the_right_to_all() {
    let nameless =
        json!({ "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend("web") }] } });
    for (spec, field) in [
        (json!({ "rules": [nameless] }), "spec.rules[0].host"),
        (json!({ "rules": [rule("")] }), "spec.rules[0].host"),
        (json!({ "defaultBackend": backend("web") }), "spec.defaultBackend"),
        (
            json!({ "defaultBackend": backend("web"), "rules": [rule("a.example.com")] }),
            "spec.defaultBackend",
        ),
        (
            json!({ "rules": [rule("a.example.com")], "tls": [{ "hosts": [""] }] }),
            "spec.tls[0].hosts[0]",
        ),
    ] {
        assert_eq!(denied(&["*.example.com"], &spec)[0].0, field);
        assert!(hosts(&tenant(&spec)).contains(&ServedHost::Any), "{spec}");
        host(&["*"], &spec);
    }
}

#[test]
fn a_certificate_without_names_is_for_those_of_the_rules_only() {
    let spec = json!({ "rules": [rule("b.example.com"), rule("a.example.com"), rule("a.example.com")],
        "tls": [{ "secretName": "cert" }, { "secretName": "cert", "hosts": [] }] });
    let host = host(&["*.example.com"], &spec);
    for tls in host["spec"]["tls"].as_array().unwrap() {
        assert_eq!(tls["hosts"], json!(["a.example.com", "b.example.com"]));
    }
}

#[test]
fn a_backend_that_is_no_service_is_refused() {
    let resource =
        json!({ "resource": { "apiGroup": "k8s.example.com", "kind": "StorageBucket", "name": "static" } });
    let path = json!({ "path": "/", "pathType": "Prefix", "backend": resource });
    let found = denied(
        &["*"],
        &json!({ "defaultBackend": resource, "rules": [{ "host": "a.example.com", "http": { "paths": [path] } }] }),
    );
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "spec.defaultBackend.resource",
            "spec.rules[0].http.paths[0].backend.resource"
        ]
    );
}

#[test]
fn a_path_that_ends_a_word_of_a_configuration_is_refused() {
    for (path, good) in [
        ("/", true),
        ("/shop(/|$)(.*)", true),
        ("/a%20b", true),
        ("/ { return 200; }", false),
        ("/a;", false),
        ("/a\nlocation", false),
        ("/\"", false),
        ("/'", false),
    ] {
        let mut rule = rule("a.example.com");
        rule["http"]["paths"][0]["path"] = json!(path);
        rule["http"]["paths"][0]["pathType"] = json!("ImplementationSpecific");
        let outcome = outcome(&["*"], &json!({ "rules": [rule] }));
        assert_eq!(outcome.translated().is_some(), good, "{path:?}");
    }
}

#[test]
fn only_annotations_that_the_class_names_pass_and_no_snippet_and_no_old_class() {
    let mut tenant = tenant(&json!({ "rules": [rule("a.example.com")] }));
    let keys = [
        "nginx.ingress.kubernetes.io/proxy-body-size",
        "nginx.ingress.kubernetes.io/server-alias",
        "nginx.ingress.kubernetes.io/server-snippet",
        "nginx.ingress.kubernetes.io/configuration-snippet",
        "kubernetes.io/ingress.class",
        "cert-manager.io/cluster-issuer",
        "external-dns.alpha.kubernetes.io/hostname",
    ];
    tenant.metadata.annotations = Some(
        keys.iter()
            .map(|key| ((*key).to_owned(), "x".to_owned()))
            .collect(),
    );
    let policy = TenantPolicy {
        // Even if the class names what it may not.
        allowed_annotations: [&keys[..1], &keys[2..5]]
            .concat()
            .iter()
            .map(|key| (*key).to_owned())
            .collect(),
        ..policy(&["*"])
    };
    let host = down(&cluster(), &policy, "public", &tenant)
        .unwrap()
        .translated()
        .unwrap()
        .object;
    let annotations = host.metadata.annotations.unwrap();
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(annotations.contains_key(*key), index == 0, "{key}");
    }
}

#[test]
fn the_class_is_in_the_field_or_in_the_old_annotation() {
    let mut ingress = tenant(&json!({ "ingressClassName": "public" }));
    assert_eq!(class_of(&ingress), Some("public"));
    ingress.metadata.annotations =
        Some([("kubernetes.io/ingress.class".to_owned(), "old".to_owned())].into());
    assert_eq!(class_of(&ingress), Some("public"));
    ingress.spec = Some(IngressSpec::default());
    assert_eq!(class_of(&ingress), Some("old"));
    ingress.metadata.annotations = None;
    assert_eq!(class_of(&ingress), None);
    assert_eq!(class_of(&tenant(&json!({ "ingressClassName": "" }))), None);
}

#[test]
fn what_was_written_needs_no_update_and_every_change_does() {
    let allowed = ["*"];
    let of = |spec: &Value| outcome(&allowed, spec).translated().unwrap().object;
    let first = json!({ "rules": [rule("a.example.com")], "tls": [{ "secretName": "cert" }] });
    assert!(!needs_update(&of(&first), &of(&first)));
    for (pointer, value) in [
        ("/rules/0/host", json!("b.example.com")),
        ("/rules/0/http/paths/0/path", json!("/b")),
        ("/rules/0/http/paths/0/pathType", json!("Exact")),
        ("/rules/0/http/paths/0/backend", backend("other")),
        ("/tls/0/secretName", json!("other")),
    ] {
        let mut changed = first.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(needs_update(&of(&first), &of(&changed)), "{pointer}");
    }
}

#[test]
fn the_status_goes_up_without_the_hosts_texts_and_goes_with_the_host_object() {
    let mut own = tenant(&json!({}));
    let mut below = own.clone();
    let points = json!([{ "ip": "192.0.2.1", "hostname": "lb.example.com",
        "ports": [{ "port": 443, "protocol": "TCP", "error": "SecretOfTheHost" }] }]);
    below.status = Some(object(json!({ "loadBalancer": { "ingress": points } })));
    let patch = status(&own, Some(&below)).unwrap();
    let expected = json!([{ "ip": "192.0.2.1", "hostname": "lb.example.com", "ports": [{ "port": 443, "protocol": "TCP" }] }]);
    assert_eq!(patch["metadata"]["uid"], "u");
    assert_eq!(patch["status"]["loadBalancer"]["ingress"], expected);
    own.status = Some(object(patch["status"].clone()));
    assert_eq!(status(&own, Some(&below)), None);
    assert_eq!(
        status(&own, None).unwrap()["status"]["loadBalancer"]["ingress"],
        Value::Null
    );
    own.status = None;
    assert_eq!(status(&own, None), None);
}

#[test]
fn every_field_of_the_schema_is_classified() {
    let names = |parent: &str| -> BTreeSet<String> {
        let fields = fields::FIELDS
            .iter()
            .filter_map(|field| field.path.strip_prefix(parent));
        fields
            .filter(|name| !name.contains(['.', '[']))
            .map(str::to_owned)
            .collect()
    };
    let properties = |schema: schemars::Schema| -> BTreeSet<String> {
        schema
            .get("properties")
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(names("spec."), properties(schemars::schema_for!(IngressSpec)));
    assert_eq!(
        names("spec.defaultBackend."),
        properties(schemars::schema_for!(IngressBackend))
    );
    assert_eq!(
        names("spec.rules[]."),
        properties(schemars::schema_for!(IngressRule))
    );
    assert_eq!(
        names("spec.rules[].http.paths[].backend."),
        properties(schemars::schema_for!(IngressBackend))
    );
    assert_eq!(
        names("spec.tls[]."),
        properties(schemars::schema_for!(IngressTLS))
    );
}
