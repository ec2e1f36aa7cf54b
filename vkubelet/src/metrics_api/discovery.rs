//! What `metrics.k8s.io` says about itself. Pure.

use serde_json::{Value, json};

use super::route::Kind;
use super::{GROUP, VERSION};

/// `APIGroupList`.
pub fn groups() -> Value {
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group_entry()] })
}

/// `APIGroup`.
pub fn group() -> Value {
    let mut group = group_entry();
    if let Value::Object(fields) = &mut group {
        fields.insert("kind".to_owned(), json!("APIGroup"));
        fields.insert("apiVersion".to_owned(), json!("v1"));
    }
    group
}

/// `/openapi/v2` without any schema. An aggregator that finds none here complains in its log, again and again.
pub fn open_api_2() -> Value {
    json!({ "swagger": "2.0", "info": { "title": GROUP, "version": VERSION }, "paths": {} })
}

/// `/openapi/v3` without any schema.
pub fn open_api_3() -> Value {
    json!({ "paths": {} })
}

fn group_entry() -> Value {
    let version = json!({ "groupVersion": format!("{GROUP}/{VERSION}"), "version": VERSION });
    json!({ "name": GROUP, "versions": [version], "preferredVersion": version })
}

/// `APIResourceList`.
pub fn resources() -> Value {
    let resource = |kind: Kind| {
        json!({
            "name": kind.plural(),
            "singularName": "",
            "namespaced": kind == Kind::Pods,
            "kind": kind.kind(),
            "verbs": ["get", "list"],
        })
    };
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{GROUP}/{VERSION}"),
        "resources": [resource(Kind::Nodes), resource(Kind::Pods)],
    })
}
