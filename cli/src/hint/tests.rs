//! Each kind of refusal ends with what to do.

use serde_json::{Value, json};

use super::*;
use crate::exit;

fn host() -> Host {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = kube::Config::new("https://127.0.0.1:6443".parse().unwrap());
    Host {
        client: kube::Client::try_from(config).unwrap(),
        namespace: "demo".to_owned(),
        context: Some("kind-a".to_owned()),
        url: "https://127.0.0.1:6443".to_owned(),
        program: "warren",
    }
}

fn explained(status: Value) -> String {
    let status: Status = serde_json::from_value(status).unwrap();
    let attempt = Attempt {
        verb: "create",
        resource: VIRTUAL_CLUSTERS,
        namespace: Some("demo"),
    };
    exit::render(&anyhow::Error::new(explain(
        &host(),
        attempt,
        &kube::Error::Api(Box::new(status)),
    )))
}

#[tokio::test]
async fn a_missing_crd_leads_to_helm() {
    let text = explained(
        json!({"message": "404 page not found\n", "reason": "Failed to parse error data", "code": 404}),
    );
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn forbidden_names_the_permission() {
    let text = explained(json!({
        "message": "virtualclusters.warren.dev is forbidden: User \"eve\" cannot create resource \"virtualclusters\" in API group \"warren.dev\" in the namespace \"demo\"",
        "reason": "Forbidden", "code": 403, "details": {"group": "warren.dev", "kind": "virtualclusters"},
    }));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_missing_namespace_leads_to_its_creation() {
    let text = explained(json!({
        "message": "namespaces \"demo\" not found", "reason": "NotFound", "code": 404,
        "details": {"name": "demo", "kind": "namespaces"},
    }));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn invalid_lists_each_cause() {
    let text = explained(json!({
        "message": "VirtualCluster.warren.dev \"x\" is invalid: [...]", "reason": "Invalid", "code": 422,
        "details": {"name": "x", "kind": "VirtualCluster", "causes": [
            {"reason": "FieldValueInvalid", "field": "spec.version", "message": "`version` must be a minor version such as '1.37'"},
            {"reason": "FieldValueInvalid", "field": "<nil>", "message": "Invalid value: `metadata.name` must be no more than 40 characters"},
        ]},
    }));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn expired_credentials_lead_to_a_login() {
    insta::assert_snapshot!(explained(
        json!({"message": "Unauthorized", "reason": "Unauthorized", "code": 401})
    ));
}

#[tokio::test]
async fn a_host_that_is_down_is_named() {
    let config = kube::Config::new("https://127.0.0.1:1".parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let error = client.apiserver_version().await.unwrap_err();
    let attempt = Attempt {
        verb: "list",
        resource: VIRTUAL_CLUSTERS,
        namespace: None,
    };
    let text = exit::render(&anyhow::Error::new(explain(&host(), attempt, &error)));
    assert!(
        text.starts_with("error: cannot reach the host's API: context 'kind-a' (https://127.0.0.1:6443): "),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
    assert!(text.contains("hint: is it running"), "{text}");
}
