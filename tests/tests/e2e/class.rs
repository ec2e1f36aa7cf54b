//! A class that would open what it must not is refused when it is applied, in words that name the entry.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::Stage;

/// The field, its value, and what the refusal must contain.
fn refused() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "allowedRegistries",
            json!(["registry.example.com"]),
            "not 'registry.example.com'",
        ),
        (
            "allowedRegistries",
            json!(["https://registry.example.com/"]),
            "not 'https://",
        ),
        (
            "allowedRegistries",
            json!([""]),
            "must hold entries that begin with",
        ),
        (
            "allowedLabels",
            json!(["team", "warren.dev/cluster"]),
            "not 'warren.dev/cluster'",
        ),
        ("allowedLabels", json!(["example.com/*"]), "not 'example.com/*'"),
        (
            "allowedAnnotations",
            json!(["kubernetes.io/config.mirror"]),
            "not 'kubernetes.io/config.mirror'",
        ),
        (
            "allowedAnnotations",
            json!(["nginx.ingress.kubernetes.io/server-snippet"]),
            "-snippet'",
        ),
        ("unknownFields", json!("Ignore"), "unknownFields"),
        ("podSecurity", json!("none"), "podSecurity"),
    ]
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_class_that_opens_too_much_is_refused_and_the_entry_is_named() -> Result<()> {
    let stage = Stage::attach()?;
    let class = |field: &str, value: &Value| {
        let image = "registry.example.com/x:1";
        let mut spec = json!({ "versions": [{ "name": "1.37", "release": "v1.37.0", "images": {
            "kubeApiserver": image, "kubeControllerManager": image, "kubeScheduler": image, "etcd": image,
            "coredns": image,
        }}]});
        spec[field] = value.clone();
        let meta = json!({ "name": "too-open" });
        json!({ "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualClusterClass", "metadata": meta, "spec": spec })
            .to_string()
    };
    for (field, value, words) in refused() {
        let error = stage.apply(&class(field, &value)).await.err();
        let error = error.with_context(|| format!("{field} {value} was accepted"))?;
        let said = format!("{error:#}");
        ensure!(said.contains(words), "{field} {value}: {said}");
    }
    let good = json!(["app.kubernetes.io/name", "team", "example.com/cost-center"]);
    stage.apply(&class("allowedLabels", &good)).await?;
    stage
        .kubectl(&["delete", "virtualclusterclass", "too-open"])
        .await
        .map(drop)
}
