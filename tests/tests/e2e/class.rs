//! Classes: one that would open what it must not is refused when it is applied; one that is stricter holds its tenants.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant};

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
        (
            "classes",
            json!({ "storage": { "names": ["fast-*"] } }),
            "complete names of classes of the host (no `*`); not 'fast-*'",
        ),
        (
            "classes",
            json!({ "priority": { "names": ["batch", "system-node-critical"] } }),
            "must not hold Kubernetes' own PriorityClasses",
        ),
        (
            "containerDefaults",
            json!({ "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } }),
            "`containerDefaults.requests.memory` must be no greater than `containerDefaults.limits.memory`",
        ),
        (
            "containerDefaults",
            json!({ "limits": { "cpu": "-1" } }),
            "spec.containerDefaults.limits.cpu",
        ),
        (
            "allowedEndpointRanges",
            json!(["10.20.0.0/16", "10.20.0.1"]),
            "ranges of addresses such as '10.20.0.0/16' or 'fd00:20::/64'; not '10.20.0.1'",
        ),
        (
            "allowedHostNames",
            json!(["*.{name}.example.com", "Shop.example.com"]),
            "must be a host name in lowercase ('shop.example.com'), all below one ('*.apps.example.com'), or '*'",
        ),
        (
            "gateways",
            json!([{ "namespace": "infra.example.com", "name": "public" }]),
            "gateways[0].namespace",
        ),
        (
            "gateways",
            json!([{ "namespace": "infra", "name": "public" }, { "namespace": "infra", "name": "public" }]),
            "duplicate entries for key",
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

/// At level `restricted`: refused with upstream's words, warned of in a Deployment; and what meets the standard runs,
/// past Warren's check and the host's.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn in_a_restricted_class_only_pods_that_meet_the_standard_run() -> Result<()> {
    let stage = Stage::attach()?;
    let differs = json!({ "podSecurity": "restricted" });
    stage.apply_class("restricted", &differs).await?;
    Tenant::with_spec("restricted", json!({ "class": "restricted" }), |tenant| async move {
        let image = "registry.k8s.io/e2e-test-images/agnhost:2.59";
        let lax = json!({
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "c", "image": image, "args": ["pause"] }],
        });
        let mut strict = lax.clone();
        strict["securityContext"] =
            json!({ "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } });
        strict["containers"][0]["securityContext"] =
            json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
        let pod = |name: &str, spec: &Value| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec }).to_string()
        };

        let refused = tenant.apply(&pod("lax", &lax)).await.err();
        let words = refused.map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(words.contains("violates PodSecurity \"restricted:latest\""), "'{words}'");
        let mut command = tenant.command("kubectl")?;
        command.args(["create", "deployment", "lax", "--image", image]);
        let created = command.output().await.context("failed to run kubectl")?;
        let warned = String::from_utf8_lossy(&created.stderr).into_owned();
        ensure!(warned.contains("Warning: would violate PodSecurity"), "'{warned}'");

        tenant.apply(&pod("strict", &strict)).await?;
        tenant.kubectl(&["wait", "pod/strict", "--for=condition=Ready", "--timeout=60s"]).await?;
        let level = "jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
        let host = tenant.stage.kubectl(&["get", "namespace", &tenant.workloads, "-o", level]).await?;
        ensure!(host == "restricted", "the host's namespace has '{host}'");
        Ok(())
    })
    .await?;
    stage
        .kubectl(&["delete", "virtualclusterclass", "restricted"])
        .await
        .map(drop)
}
