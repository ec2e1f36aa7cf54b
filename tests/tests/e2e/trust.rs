//! ClusterTrustBundle and PodCertificate projections: Warren does for them what a kubelet does.

#[path = "trust/signer.rs"]
mod signer;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, eventually};

use signer::Authority;

const MANIFEST: &str = include_str!("trust.yaml");
/// A host's kubelet looks at mounted files once a sync period, about a minute.
const MOUNTED: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn bundles_and_certificates_of_the_tenant_are_in_the_pods_files() -> Result<()> {
    Tenant::with("trust", |tenant| async move {
        // On by default from 1.37 on.
        let served = tenant
            .kubectl(&["api-resources", "--api-group=certificates.k8s.io", "-o", "name"])
            .await?;
        if !served.contains("podcertificaterequests") {
            return Ok(());
        }
        let (corp, mesh, other) = (
            Authority::new("corp")?,
            Authority::new("mesh")?,
            Authority::new("other")?,
        );
        apply_bundle(&tenant, "corp", None, "no", &corp.pem()).await?;
        apply_bundle(
            &tenant,
            "test.example:mesh:1",
            Some("test.example/mesh"),
            "yes",
            &mesh.pem(),
        )
        .await?;
        apply_bundle(
            &tenant,
            "test.example:mesh:2",
            Some("test.example/mesh"),
            "no",
            &other.pem(),
        )
        .await?;
        tenant.apply(MANIFEST).await?;
        let ready = ["wait", "--for=condition=Ready", "--timeout=60s"];

        tenant.kubectl(&[&ready[..], &["pod/reader"]].concat()).await?;
        ensure!(
            cat(&tenant, "reader", "/trust/corp.pem").await? == corp.pem(),
            "by name"
        );
        ensure!(
            cat(&tenant, "reader", "/trust/mesh.pem").await? == mesh.pem(),
            "by signer and label"
        );
        ensure!(
            cat(&tenant, "reader", "/trust/none.pem").await?.is_empty(),
            "an optional one is an empty file"
        );

        waits_for_its_bundle(&tenant, &corp).await?;
        tenant.kubectl(&[&ready[..], &["pod/waiting"]].concat()).await?;

        eventually("the signer has signed all", Duration::from_secs(60), || async {
            signer::sign(&tenant, &mesh).await?;
            tenant
                .kubectl(&["wait", "pod/certified", "--for=condition=Ready", "--timeout=1s"])
                .await
        })
        .await?;
        certificates_are_mounted(&tenant, &mesh).await?;
        a_refusal_is_told(&tenant).await?;

        // Live: the label moves a bundle into the selection, a file that is mounted changes.
        let label = [
            "label",
            "clustertrustbundle",
            "test.example:mesh:2",
            "live=yes",
            "--overwrite",
        ];
        tenant.kubectl(&label).await?;
        eventually("both bundles of the signer are mounted", MOUNTED, || async {
            let file = cat(&tenant, "reader", "/trust/mesh.pem").await?;
            ensure!(
                file.contains(mesh.pem().trim()) && file.contains(other.pem().trim()),
                "{file}"
            );
            Ok(())
        })
        .await?;
        nothing_is_left(&tenant).await
    })
    .await
}

async fn cat(tenant: &Tenant, pod: &str, path: &str) -> Result<String> {
    tenant.kubectl(&["exec", pod, "--", "cat", path]).await
}

async fn apply_bundle(
    tenant: &Tenant,
    name: &str,
    signer: Option<&str>,
    live: &str,
    pem: &str,
) -> Result<()> {
    let bundle = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle",
        "metadata": { "name": name, "labels": { "live": live } },
        "spec": { "signerName": signer, "trustBundle": format!("text that a kubelet drops\n{pem}") },
    });
    tenant.apply(&bundle.to_string()).await
}

async fn event(tenant: &Tenant, pod: &str, reason: &str, message: &str) -> Result<()> {
    eventually(&format!("{reason} on {pod}"), Duration::from_secs(30), || async {
        let selector = format!("--field-selector=involvedObject.name={pod},reason={reason}");
        let events = tenant.items(&["events", &selector]).await?;
        let said = events
            .iter()
            .any(|event| event["message"].as_str().is_some_and(|m| m.contains(message)));
        ensure!(said, "{events:?}");
        Ok(())
    })
    .await
}

async fn waits_for_its_bundle(tenant: &Tenant, corp: &Authority) -> Result<()> {
    event(tenant, "waiting", "FailedMount", "\"later\"").await?;
    let phase = tenant
        .kubectl(&["get", "pod", "waiting", "-o", "jsonpath={.status.phase}"])
        .await?;
    ensure!(phase == "Pending", "{phase}");
    apply_bundle(tenant, "later", None, "no", &corp.pem()).await
}

async fn certificates_are_mounted(tenant: &Tenant, mesh: &Authority) -> Result<()> {
    let bundle = cat(tenant, "certified", "/tls/bundle.pem").await?;
    let (key, chain) = bundle
        .split_once("-----END PRIVATE KEY-----\n")
        .context("no key in the bundle")?;
    ensure!(
        key.starts_with("-----BEGIN PRIVATE KEY-----\n"),
        "the key is first"
    );
    ensure!(
        chain.matches("BEGIN CERTIFICATE").count() == 2 && chain.ends_with(&mesh.pem()),
        "{chain}"
    );
    let key = cat(tenant, "certified", "/tls/key.pem").await?;
    let chain = cat(tenant, "certified", "/tls/chain.pem").await?;
    ensure!(
        key.starts_with("-----BEGIN PRIVATE KEY-----\n") && !key.contains("CERTIFICATE"),
        "only a key"
    );
    ensure!(
        chain.starts_with("-----BEGIN CERTIFICATE-----\n") && !chain.contains("PRIVATE"),
        "only a chain"
    );
    let requests = tenant.items(&["podcertificaterequests"]).await?;
    let of_pod = requests
        .iter()
        .filter(|request| request["spec"]["podName"] == "certified");
    let told: Vec<&Value> = of_pod
        .map(|request| &request["spec"]["unverifiedUserAnnotations"])
        .collect();
    ensure!(told.len() == 2, "asked {} times", told.len());
    ensure!(
        told.contains(&&json!({ "test.example/team": "shop" })),
        "{told:?}"
    );
    Ok(())
}

async fn a_refusal_is_told(tenant: &Tenant) -> Result<()> {
    eventually("the strict signer was asked", Duration::from_secs(30), || async {
        signer::deny(tenant, "test.example/strict").await
    })
    .await?;
    event(tenant, "refused", "Denied", "NotToday").await
}

/// Secrets and ConfigMaps go with the Pods that asked.
async fn nothing_is_left(tenant: &Tenant) -> Result<()> {
    tenant
        .kubectl(&["delete", "pods", "--all", "--wait=true"])
        .await?;
    eventually(
        "nothing of them is on the host",
        Duration::from_secs(60),
        || async {
            let below = tenant
                .stage
                .items(&["configmaps,secrets", "-n", &tenant.workloads])
                .await?;
            let kinds = below
                .iter()
                .map(|object| &object["metadata"]["annotations"]["warren.dev/origin-kind"]);
            let left: Vec<_> = kinds
                .filter_map(Value::as_str)
                .filter(|kind| ["ClusterTrustBundleProjection", "PodCertificate"].contains(kind))
                .collect();
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        },
    )
    .await
}
