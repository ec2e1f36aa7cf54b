//! What comes back of a route, and what does not.

use super::*;
use crate::kinds::custom::Sides;

const CONTROLLER: &str = "example.com/controller";

fn entry(parent: &Value, message: &str, observed: i64) -> Value {
    json!({ "parentRef": parent, "controllerName": CONTROLLER, "conditions": [{
        "type": "Accepted", "status": "True", "reason": "Accepted", "message": message,
        "observedGeneration": observed, "lastTransitionTime": "2026-11-30T00:00:00Z" }] })
}

fn host_parent(name: &str) -> Value {
    json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra", "name": name })
}

/// The patch for a tenant's route in `namespace` with these parents and status, while the host's says `host`.
fn patch(namespace: &str, parents: &Value, status: &Value, host: Option<&Value>) -> Option<Value> {
    let custom = registration(HTTP_ROUTES, "v1");
    let mut metadata = metadata();
    metadata.namespace = Some(namespace.to_owned());
    let spec = json!({ "parentRefs": parents, "rules": [{ "backendRefs": [{ "name": "web" }] }] });
    let tenant = json!({ "spec": spec, "status": status });
    let host_metadata: ObjectMeta =
        object(json!({ "name": "web-host", "namespace": "wc-ci", "generation": 7 }));
    let host = host.map(|parents| json!({ "status": { "parents": parents } }));
    let sides = host.as_ref().map(|host| Sides {
        tenant: (&metadata, &tenant),
        host: (&host_metadata, host),
        is_current: true,
    });
    status_changes(
        &cluster(),
        &custom,
        &gateways(),
        (&metadata, &tenant),
        sides.as_ref(),
    )
    .unwrap()
}

#[test]
fn what_is_said_of_a_gateway_comes_back_under_the_name_that_the_tenant_used() {
    let parents = json!([{ "name": "public" }, { "name": "one" }]);
    let mut section = host_parent("one");
    section["sectionName"] = json!("a");
    let message = format!("Service wc-ci/{} of web-host is there", service("web"));
    let host = json!([entry(&host_parent("public"), &message, 7), entry(&section, "", 6)]);
    // Its Service is of another namespace: the text does not say so.
    let patch = patch("infra", &parents, &json!(null), Some(&host)).unwrap();
    assert_eq!(patch["metadata"], json!({ "uid": "u", "resourceVersion": "9" }));
    let said = &patch["status"]["parents"];
    assert_eq!(said[0]["parentRef"], json!({ "name": "public" }));
    assert_eq!(said[0]["controllerName"], CONTROLLER);
    assert_eq!(said[0]["conditions"][0]["observedGeneration"], 3);
    assert_eq!(said[1]["parentRef"], json!({ "name": "one" }));
    assert_eq!(
        said[1]["conditions"][0]["observedGeneration"], 2,
        "of an older state"
    );
}

#[test]
fn texts_are_in_tenant_terms() {
    let parent = json!([{ "namespace": "infra", "name": "public" }]);
    let message = format!("Service wc-ci/{} of web-host is there", service("web"));
    let host = json!([entry(&host_parent("public"), &message, 7)]);
    let patch = patch("shop", &parent, &json!(null), Some(&host)).unwrap();
    assert_eq!(
        patch["status"]["parents"][0]["conditions"][0]["message"],
        "Service shop/web of web is there"
    );
}

#[test]
fn what_is_said_already_is_not_said_again() {
    let parents = json!([{ "namespace": "infra", "name": "public" }]);
    let host = json!([entry(&host_parent("public"), "", 7)]);
    let said = patch("shop", &parents, &json!(null), Some(&host)).unwrap()["status"].clone();
    assert_eq!(patch("shop", &parents, &said, Some(&host)), None);
    assert_eq!(patch("shop", &parents, &json!(null), None), None);
    assert_eq!(patch("shop", &parents, &json!(null), Some(&json!([]))), None);
}

#[test]
fn what_the_host_says_of_others_stays_there_and_what_the_tenant_says_of_its_own_stays_here() {
    let parents = json!([{ "name": "own" }, { "namespace": "infra", "name": "public" }]);
    let own = entry(&json!({ "name": "own" }), "served in the tenant", 2);
    let mesh = entry(&json!({ "group": "", "kind": "Service", "name": "web" }), "", 2);
    let stale = entry(&json!({ "namespace": "infra", "name": "apps" }), "", 1);
    let there = json!({ "parents": [own, mesh, stale] });
    let host = json!([
        entry(&host_parent("public"), "", 7),
        entry(&host_parent("somebody-elses"), "secret", 7),
    ]);
    let patch_up = patch("shop", &parents, &there, Some(&host)).unwrap();
    let said = patch_up["status"]["parents"].as_array().unwrap();
    assert!(!patch_up.to_string().contains("secret"), "{patch_up}");
    assert_eq!(said.len(), 3);
    assert_eq!(said[0]["parentRef"]["name"], "public");
    assert_eq!([&said[1], &said[2]], [&own, &mesh]);
    let other_order: Vec<&Value> = said.iter().rev().collect();
    let there = json!({ "parents": other_order });
    assert_eq!(patch("shop", &parents, &there, Some(&host)), None);
    // It is served by nobody any more.
    let gone = patch("shop", &parents, &patch_up["status"], None).unwrap();
    assert_eq!(gone["status"]["parents"], json!([own, mesh]));
}
