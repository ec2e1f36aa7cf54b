//! A custom resource in the shape of a certificate manager's: its definition, its objects, their status and the Secret that
//! a controller of the host makes. The story plays the controller.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, eventually};

const SOON: Duration = Duration::from_secs(60);
const DEFINITION: &str = "certificates.pki.example.com";
const MANIFEST: &str = include_str!("custom.yaml");

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_certificate_of_the_tenant_is_issued_by_a_controller_of_the_host() -> Result<()> {
    let stage = Stage::attach()?;
    stage.apply(MANIFEST).await?;
    let wait = format!("crd/{DEFINITION}");
    stage
        .kubectl(&["wait", &wait, "--for=condition=Established", "--timeout=30s"])
        .await?;
    let differs = json!({ "sync": { "custom": [DEFINITION] } });
    stage.apply_class("with-certificates", &differs).await?;
    let spec = json!({ "class": "with-certificates", "sync": { "custom": [{
        "definition": DEFINITION, "version": "v1",
        "references": [
            { "path": "spec.secretName", "direction": "Up" },
            { "path": "spec.keystore.passwordSecretRef.name" },
        ],
        "status": ["conditions", "notAfter"],
    }] } });
    Tenant::with_spec("custom", spec, |tenant| async move { issued(&tenant).await }).await?;
    stage
        .kubectl(&["delete", "virtualclusterclass", "with-certificates"])
        .await?;
    stage.kubectl(&["delete", "crd", DEFINITION]).await.map(drop)
}

/// The one object of a plural in the workload namespace, once it is there.
async fn below(tenant: &Tenant) -> Result<Value> {
    eventually("the certificate is on the host", SOON, || async {
        let mut below = tenant.stage.items(&[DEFINITION, "-n", &tenant.workloads]).await?;
        ensure!(below.len() == 1, "{} are", below.len());
        below.pop().context("none is")
    })
    .await
}

async fn issued(tenant: &Tenant) -> Result<()> {
    eventually("the tenant has the kind", SOON, || async {
        tenant.kubectl(&["get", DEFINITION]).await
    })
    .await?;
    let objects = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keystore" }, "stringData": { "p": "x" } },
        { "apiVersion": "pki.example.com/v1", "kind": "Certificate", "metadata": { "name": "web" },
            "spec": { "secretName": "web-tls", "dnsNames": ["web.example.com"],
                "keystore": { "passwordSecretRef": { "name": "keystore", "key": "p" } } } },
    ] });
    tenant.apply(&objects.to_string()).await?;
    let host = below(tenant).await?;
    let text = |pointer: &str| {
        host.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (name, secret) = (text("/metadata/name"), text("/spec/secretName"));
    let password = text("/spec/keystore/passwordSecretRef/name");
    ensure!(secret != "web-tls" && password != "keystore", "{host}");
    let stage = &tenant.stage;
    eventually("what it names is on the host", SOON, || async {
        stage
            .kubectl(&["get", "secret", &password, "-n", &tenant.workloads])
            .await
    })
    .await?;

    // The controller: the Secret that the certificate asks for, and a status that speaks of it.
    let made = json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": secret, "namespace": tenant.workloads },
        "stringData": { "tls.crt": "certificate", "tls.key": "key" } });
    stage.apply(&made.to_string()).await?;
    let status = json!({ "status": { "notAfter": "2030-01-01T00:00:00Z", "revision": 1, "conditions": [{
        "type": "Ready", "status": "True", "reason": "Issued", "message": format!("stored in {secret}"),
        "lastTransitionTime": "2026-01-01T00:00:00Z" }] } })
    .to_string();
    let patch = [
        "patch",
        DEFINITION,
        &name,
        "-n",
        &tenant.workloads,
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    stage.kubectl(&[&patch[..], &[status.as_str()]].concat()).await?;

    tenant
        .kubectl(&[
            "wait",
            "certificate/web",
            "--for=condition=Ready",
            "--timeout=60s",
        ])
        .await?;
    let certificate = tenant
        .kubectl(&["get", "certificate", "web", "-o", "json"])
        .await?;
    let certificate: Value = serde_json::from_str(&certificate)?;
    let status = &certificate["status"];
    ensure!(
        status["conditions"][0]["message"] == "stored in web-tls",
        "{status}"
    );
    ensure!(status["revision"].is_null(), "{status}");
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" }, "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{ "name": "main", "image": "registry.k8s.io/e2e-test-images/agnhost:2.59", "args": ["pause"],
            "volumeMounts": [{ "name": "tls", "mountPath": "/tls" }] }],
        "volumes": [{ "name": "tls", "secret": { "secretName": "web-tls" } }] } });
    tenant.apply(&pod.to_string()).await?;
    tenant
        .kubectl(&["wait", "pod/web", "--for=condition=Ready", "--timeout=60s"])
        .await?;
    let mounted = tenant
        .kubectl(&["exec", "web", "--", "cat", "/tls/tls.crt"])
        .await?;
    ensure!(mounted == "certificate", "'{mounted}'");

    tenant.kubectl(&["delete", "certificate", "web"]).await?;
    eventually(
        "it is gone on the host, and its Secret in the tenant",
        SOON,
        || async {
            let host = stage.items(&[DEFINITION, "-n", &tenant.workloads]).await?;
            ensure!(host.is_empty(), "{} on the host", host.len());
            let left = tenant
                .kubectl(&["get", "secret", "web-tls", "--ignore-not-found", "-o", "name"])
                .await?;
            ensure!(left.is_empty(), "{left}");
            Ok(())
        },
    )
    .await
}
