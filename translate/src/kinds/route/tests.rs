//! Routes go to Gateways on offer with names that are allowed and Services that are renamed, and nothing else goes.

mod status;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use proptest::prelude::*;
use serde_json::json;
use warren_crds::gateways::{HTTP_ROUTES, OfferedGateway};
use warren_crds::virtual_cluster_class::UnknownFields;

use super::*;
use crate::TenantPolicy;
use crate::kinds::custom;
use crate::name::{SERVICE, host_name};
use crate::note::Translated;
use crate::testing::{cluster, object};

fn offered(name: &str, listeners: &[&str], hosts: &[(&str, Option<&str>)]) -> Offered {
    let offer = OfferedGateway {
        namespace: "infra".to_owned(),
        name: name.to_owned(),
        listeners: listeners.iter().map(|&name| name.to_owned()).collect(),
    };
    let listener =
        |(name, host): &(&str, Option<&str>)| json!({ "name": name, "port": 80, "hostname": host });
    let listeners: Vec<Value> = hosts.iter().map(listener).collect();
    Offered::new(&offer, Some(&json!({ "spec": { "listeners": listeners } })))
}

/// `infra/public` takes all names, `infra/apps` those below `apps.example.com`; of `infra/some` two listeners are offered
/// and of `infra/one` one. `shop/own` is the tenant's.
fn gateways() -> Gateways {
    Gateways {
        offered: vec![
            offered("public", &[], &[("http", None)]),
            offered("apps", &[], &[("http", Some("*.apps.example.com"))]),
            offered("some", &["a", "b"], &[("a", None), ("b", None), ("c", None)]),
            offered("one", &["a"], &[("a", None), ("c", None)]),
            offered("mixed", &[], &[("a", None), ("b", Some("b.apps.example.com"))]),
            offered("gone", &[], &[]),
        ],
        own: [TenantKey::new("shop", "own")].into(),
    }
}

fn policy() -> TenantPolicy {
    TenantPolicy {
        allowed_host_names: vec!["*".to_owned()],
        ..TenantPolicy::default()
    }
}

fn metadata() -> ObjectMeta {
    object(
        json!({ "name": "web", "namespace": "shop", "uid": "u", "generation": 3, "resourceVersion": "9",
        "annotations": { "team": "a", "nginx.ingress.kubernetes.io/rewrite-target": "/" } }),
    )
}

fn verdict(policy: &TenantPolicy, spec: &Value) -> Verdict {
    let custom = registration(HTTP_ROUTES, "v1");
    let data = json!({ "spec": spec });
    down(&cluster(), policy, &custom, &gateways(), (&metadata(), &data)).unwrap()
}

fn goes_down(policy: &TenantPolicy, spec: &Value) -> Translated<Route> {
    match verdict(policy, spec) {
        Verdict::Down(translated) => *translated,
        other => panic!("{spec}: {other:?}"),
    }
}

fn on_host(spec: &Value) -> Value {
    let translated = goes_down(&policy(), spec);
    assert_eq!(translated.notes, []);
    translated.object.object.data["spec"].clone()
}

fn denied_by(policy: &TenantPolicy, spec: &Value) -> Vec<(String, String)> {
    let Verdict::Denied(denied) = verdict(policy, spec) else {
        panic!("{spec} is not denied");
    };
    let fields = denied.fields.into_iter();
    fields.map(|denied| (denied.field, denied.why)).collect()
}

/// To `infra/public` with one host name; `extra` is put over it.
fn spec(extra: &Value) -> Value {
    let mut spec = json!({
        "parentRefs": [{ "namespace": "infra", "name": "public" }],
        "hostnames": ["a.example.com"],
        "rules": [{ "backendRefs": [{ "name": "web", "port": 80 }] }],
    });
    for (field, value) in extra.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

fn service(name: &str) -> String {
    host_name(&cluster(), SERVICE, &TenantKey::new("shop", name)).to_string()
}

#[test]
fn a_route_with_everything_that_is_offered() {
    let header = json!({ "add": [{ "name": "x", "value": "y" }], "set": [{ "name": "x", "value": "y" }], "remove": ["z"] });
    let mirror = json!({ "type": "RequestMirror", "requestMirror": {
        "backendRef": { "group": "", "kind": "Service", "namespace": "shop", "name": "shadow", "port": 81 }, "percent": 5 } });
    let filters = json!([
        { "type": "RequestHeaderModifier", "requestHeaderModifier": header },
        { "type": "ResponseHeaderModifier", "responseHeaderModifier": header },
        { "type": "URLRewrite", "urlRewrite": { "hostname": "inner", "path": { "type": "ReplaceFullPath", "replaceFullPath": "/" } } },
        { "type": "CORS", "cors": { "allowOrigins": ["*"], "maxAge": 5 } },
        mirror,
    ]);
    let spec = spec(
        &json!({ "hostnames": ["a.example.com", "*.b.example.com"], "rules": [{
        "name": "all",
        "matches": [{ "path": { "type": "PathPrefix", "value": "/" }, "method": "GET",
            "headers": [{ "name": "h", "type": "Exact", "value": "v" }],
            "queryParams": [{ "name": "q", "type": "Exact", "value": "v" }] }],
        "timeouts": { "request": "10s", "backendRequest": "5s" },
        "retry": { "attempts": 2, "backoff": "1s", "codes": [503] },
        "filters": filters,
        "backendRefs": [{ "group": "", "kind": "Service", "namespace": "shop", "name": "web", "port": 80,
            "weight": 3, "filters": [mirror] }],
    }] }),
    );
    let translated = goes_down(&policy(), &spec);
    let hosts: Vec<String> = translated.object.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["a.example.com", "*.b.example.com"]);
    let custom::Down { metadata, data } = translated.object.object;
    insta::assert_yaml_snapshot!((metadata, data));
}

#[test]
fn a_parent_is_a_gateway_on_offer_or_the_tenants_own_or_refused() {
    let parents = |parents: Value| spec(&json!({ "parentRefs": parents }));
    for (parent, field, words) in [
        (
            json!({ "name": "public" }),
            "name",
            "names shop/public, which is not offered: the platform offers infra/public, infra/apps",
        ),
        (
            json!({ "namespace": "infra", "name": "other" }),
            "name",
            "infra/other",
        ),
        (
            json!({ "group": "", "kind": "Service", "name": "web" }),
            "kind",
            "must be a Gateway",
        ),
        (
            json!({ "kind": "ListenerSet", "namespace": "infra", "name": "public" }),
            "kind",
            "must be a Gateway",
        ),
        (
            json!({ "namespace": "infra", "name": "some" }),
            "sectionName",
            "must be one of a, b",
        ),
        (
            json!({ "namespace": "infra", "name": "some", "sectionName": "c" }),
            "sectionName",
            "must be one of a, b",
        ),
        (
            json!({ "namespace": "infra", "name": "one", "sectionName": "c" }),
            "sectionName",
            "must be one of a",
        ),
    ] {
        let denied = denied_by(&policy(), &parents(json!([parent])));
        assert_eq!(denied.len(), 1, "{denied:?}");
        assert_eq!(denied[0].0, format!("spec.parentRefs[0].{field}"));
        assert!(denied[0].1.contains(words), "{denied:?}");
    }
    for none in [json!([]), json!([{ "name": "own" }])] {
        assert_eq!(verdict(&policy(), &parents(none)), Verdict::Tenants);
    }
    let both = parents(json!([{ "name": "own" }, { "namespace": "infra", "name": "one", "port": 80 }]));
    assert_eq!(
        on_host(&both)["parentRefs"],
        json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra", "name": "one",
            "sectionName": "a", "port": 80 }])
    );
}

#[test]
fn host_names_are_those_of_the_class_and_without_any_those_of_the_listeners() {
    let to =
        |gateway: &str| json!({ "parentRefs": [{ "namespace": "infra", "name": gateway }], "hostnames": [] });
    let allow = |names: &[&str]| TenantPolicy {
        allowed_host_names: names.iter().map(|&name| name.to_owned()).collect(),
        ..TenantPolicy::default()
    };
    let apps = goes_down(&allow(&["*.apps.example.com"]), &spec(&to("apps"))).object;
    assert_eq!(
        apps.object.data["spec"]["hostnames"],
        json!(["*.apps.example.com"]),
        "said on the host"
    );
    assert_eq!(
        apps.hosts,
        [ServedHost::Below("apps.example.com".to_owned())].into()
    );
    let all = goes_down(&allow(&["*"]), &spec(&to("public"))).object;
    assert_eq!(all.object.data["spec"].get("hostnames"), None);
    assert_eq!(all.hosts, [ServedHost::Any].into());
    for (allowed, spec, field, words) in [
        (
            &[][..],
            spec(&json!({})),
            "spec.hostnames[0]",
            "`allowedHostNames`",
        ),
        (
            &["b.example.com"],
            spec(&json!({})),
            "spec.hostnames[0]",
            "a.example.com is not offered: the platform allows b.example.com",
        ),
        (
            &["*.apps.example.com"],
            spec(&to("public")),
            "spec.hostnames",
            "takes requests for every host name",
        ),
        (&["*"], spec(&to("mixed")), "spec.hostnames", "must be set: some"),
        (&["*"], spec(&to("gone")), "spec.hostnames", "no such listener"),
    ] {
        let denied = denied_by(&allow(allowed), &spec);
        assert_eq!(denied[0].0, field, "{denied:?}");
        assert!(denied[0].1.contains(words), "{denied:?}");
    }
}

#[test]
fn a_backend_is_a_service_of_the_same_namespace() {
    let rules = |backend: &Value| {
        let mirror = json!({ "type": "RequestMirror", "requestMirror": { "backendRef": backend } });
        json!([{ "backendRefs": [backend] }, { "filters": [mirror] },
            { "backendRefs": [{ "name": "web", "filters": [mirror] }] }])
    };
    for (backend, field, words) in [
        (
            json!({ "name": "web", "namespace": "other" }),
            "namespace",
            "ReferenceGrant",
        ),
        (
            json!({ "name": "web", "kind": "Bucket", "group": "x.io" }),
            "kind",
            "is a Service",
        ),
        (
            json!({ "name": "web", "group": "multicluster.x-k8s.io" }),
            "kind",
            "is a Service",
        ),
    ] {
        let denied = denied_by(&policy(), &spec(&json!({ "rules": rules(&backend) })));
        let fields: Vec<&str> = denied.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                format!("spec.rules[0].backendRefs[0].{field}"),
                format!("spec.rules[1].filters[0].requestMirror.backendRef.{field}"),
                format!("spec.rules[2].backendRefs[0].filters[0].requestMirror.backendRef.{field}"),
            ]
        );
        assert!(denied.iter().all(|(_, why)| why.contains(words)), "{denied:?}");
    }
    let host = on_host(&spec(
        &json!({ "rules": rules(&json!({ "name": "web", "namespace": "shop" })) }),
    ));
    let text = host.to_string();
    assert_eq!(text.matches(&service("web")).count(), 4, "{text}");
    assert!(!text.contains("\"web\"") && !text.contains("shop"), "{text}");
}

#[test]
fn filters_that_lead_to_objects_of_the_host_or_are_not_known_are_refused() {
    let rule = |filter: &Value| spec(&json!({ "rules": [{ "filters": [filter] }] }));
    let extension =
        json!({ "type": "ExtensionRef", "extensionRef": { "group": "x.io", "kind": "K", "name": "k" } });
    let denied = denied_by(&policy(), &rule(&extension));
    let fields: Vec<&str> = denied.iter().map(|(field, _)| field.as_str()).collect();
    assert!(
        fields.contains(&"spec.rules[0].filters[0].extensionRef"),
        "{fields:?}"
    );
    assert!(fields.contains(&"spec.rules[0].filters[0].type"), "{fields:?}");

    // Also where the class drops what is not known: a route without its authentication is another.
    let drops = TenantPolicy {
        unknown_fields: UnknownFields::Drop,
        ..policy()
    };
    let auth = json!({ "type": "ExternalAuth", "externalAuth": { "backendRef": { "name": "auth" } } });
    let denied = denied_by(&drops, &rule(&auth));
    assert_eq!(denied[0].0, "spec.rules[0].filters[0].type");
    assert!(
        denied[0].1.contains("must be one of RequestHeaderModifier"),
        "{denied:?}"
    );
}

#[test]
fn what_is_not_known_is_denied_or_dropped_as_the_class_says() {
    let unknown = spec(&json!({
        "rules": [{ "sessionPersistence": { "type": "Cookie" },
            "matches": [{ "path": { "value": "/", "later": 1 } }] }],
    }));
    let fields = [
        "spec.rules[0].matches[0].path.later",
        "spec.rules[0].sessionPersistence",
    ];
    let mut denied: Vec<String> = denied_by(&policy(), &unknown)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    denied.sort();
    assert_eq!(denied, fields);
    let drops = TenantPolicy {
        unknown_fields: UnknownFields::Drop,
        ..policy()
    };
    let translated = goes_down(&drops, &unknown);
    let mut noted: Vec<&str> = translated.notes.iter().map(|note| note.field.as_str()).collect();
    noted.sort_unstable();
    assert_eq!(noted, fields);
    assert_eq!(
        translated.object.object.data["spec"]["rules"],
        json!([{ "matches": [{ "path": { "value": "/" } }] }])
    );
    // Never dropped: it would attach the route to Gateways that nobody named.
    let defaults = spec(&json!({ "useDefaultGateways": "All" }));
    assert_eq!(denied_by(&drops, &defaults)[0].0, "spec.useDefaultGateways");
}

#[test]
fn every_field_of_the_table_is_there_once() {
    let mut paths: Vec<&str> = fields::FIELDS.iter().map(|field| field.path).collect();
    paths.sort_unstable();
    let all = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), all);
    assert!(paths.iter().all(|path| fields::listed(path) == *path));
}

#[test]
fn a_claim_concerns_routes_whose_names_it_meets_and_those_without() {
    let serves = |hostnames: Value, claimed: &str| {
        may_serve(
            &json!({ "spec": { "hostnames": hostnames } }),
            &ServedHost::parse(claimed).unwrap(),
        )
    };
    assert!(serves(json!(["a.example.com"]), "*.example.com"));
    assert!(!serves(json!(["a.example.com"]), "b.example.com"));
    assert!(serves(json!(null), "b.example.com"));
}

proptest! {
    /// Whatever names a tenant uses: none of its own namespaces, Services or Gateways are named on the host, and what is
    /// served there is what was judged.
    #[test]
    fn nothing_goes_down_but_what_is_offered(
        namespace in "[a-z]{1,8}", service in "[a-z]{1,8}", gateway in "(public|apps|some|one|mixed|gone|own|x)",
        section in proptest::option::of("[abc]"), hosts in proptest::collection::vec("([a-c]\\.)?(apps\\.)?example\\.com", 0..3),
    ) {
        let spec = json!({
            "parentRefs": [{ "namespace": "infra", "name": gateway, "sectionName": section }],
            "hostnames": hosts,
            "rules": [{ "backendRefs": [{ "namespace": namespace, "name": service }] }],
        });
        let narrow = TenantPolicy { allowed_host_names: vec!["*.apps.example.com".to_owned()], ..TenantPolicy::default() };
        if let Verdict::Down(translated) = verdict(&narrow, &spec) {
            let Route { object, hosts } = translated.object;
            prop_assert_eq!(namespace.as_str(), "shop");
            prop_assert_eq!(&hosts_on_host(&object.data), &hosts);
            let zone = ServedHost::Below("apps.example.com".to_owned());
            prop_assert!(hosts.iter().all(|host| zone.allows(host)));
            let backend = &object.data["spec"]["rules"][0]["backendRefs"][0];
            let renamed = super::tests::service(&service);
            prop_assert_eq!(backend, &json!({ "name": renamed }));
            let parent = &object.data["spec"]["parentRefs"][0];
            prop_assert!(["public", "apps", "some", "one"].iter().any(|name| parent["name"] == *name));
            prop_assert!(parent["sectionName"] != "c");
        }
    }
}
