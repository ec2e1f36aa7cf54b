//! The Kubernetes of a running tenant goes forward by one minor version at a time: any other step is refused in the
//! condition `Ready`, and the control plane runs on as it is.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, eventually};

/// Class with versions that nobody runs.
const CLASS: &str = "steps";
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_step_back_or_over_a_minor_version_is_refused_and_nothing_is_touched() -> Result<()> {
    let stage = Stage::attach()?;
    let offer = Offer::of(&stage).await?;
    offer.apply(&stage, &offer.release).await?;
    let spec = json!({ "class": CLASS, "version": offer.minor });
    Tenant::with_spec("steps", spec, |tenant| async move {
        let before = running(&tenant).await?;
        for (asked, reason) in [("1.30", "DowngradeRefused"), ("1.99", "UpgradeSkipsMinor")] {
            set_version(&tenant, asked).await?;
            let only = format!("`version` must be one of '{}' in class", offer.minor);
            refused(&tenant, reason, &only).await?;
        }
        set_version(&tenant, &offer.minor).await?;
        ready(&tenant).await?;

        // The same by the class alone: its release of what runs becomes an older one.
        let older = format!("{}-rc.1", offer.release);
        offer.apply(&tenant.stage, &older).await?;
        let field = format!(
            "`versions['{}'].release` must be '{}' or newer",
            offer.minor, offer.release
        );
        refused(&tenant, "DowngradeRefused", &field).await?;
        // Refused is the step, not the cluster: it serves.
        tenant.kubectl(&["get", "--raw", "/readyz"]).await?;
        offer.apply(&tenant.stage, &offer.release).await?;
        ready(&tenant).await?;

        let after = running(&tenant).await?;
        ensure!(before == after, "before {before}, after {after}");
        Ok(())
    })
    .await?;
    stage
        .kubectl(&["delete", "virtualclusterclass", CLASS])
        .await
        .map(drop)
}

/// What the default class offers first.
struct Offer {
    version: Value,
    minor: String,
    release: String,
}

impl Offer {
    async fn of(stage: &Stage) -> Result<Self> {
        let version = stage.default_class().await?["versions"][0].clone();
        let text = |field: &str| {
            let text = version[field].as_str();
            text.map(str::to_owned)
                .with_context(|| format!("no {field} in {version}"))
        };
        Ok(Self {
            minor: text("name")?,
            release: text("release")?,
            version,
        })
    }

    /// The class with `release` for the version that runs, and with an older and a newer version whose images are never
    /// asked for.
    async fn apply(&self, stage: &Stage, release: &str) -> Result<()> {
        let mut version = self.version.clone();
        version["release"] = json!(release);
        let other = |name: &str| {
            let mut other = version.clone();
            other["name"] = json!(name);
            other["release"] = json!(format!("v{name}.0"));
            other
        };
        let differs = json!({ "versions": [version, other("1.30"), other("1.99")] });
        stage.apply_class(CLASS, &differs).await
    }
}

async fn set_version(tenant: &Tenant, version: &str) -> Result<()> {
    tenant.patch_spec(&json!({ "version": version })).await
}

async fn refused(tenant: &Tenant, reason: &str, words: &str) -> Result<()> {
    eventually(&format!("{reason} is told"), SOON, || async {
        let ready = tenant.condition("Ready").await?;
        let message = ready["message"].as_str().unwrap_or_default();
        let told = ready["status"] == "False" && ready["reason"] == reason && message.contains(words);
        ensure!(told, "{ready}");
        Ok(())
    })
    .await
}

async fn ready(tenant: &Tenant) -> Result<()> {
    eventually("it is Ready again", SOON, || async {
        let ready = tenant.condition("Ready").await?;
        ensure!(ready["status"] == "True", "{ready}");
        Ok(())
    })
    .await
}

/// The Pods of the control plane and what their Deployment asks for.
async fn running(tenant: &Tenant) -> Result<String> {
    let get = [
        "get",
        "pods,deployments",
        "-n",
        &tenant.system,
        "-l",
        "app.kubernetes.io/component=control-plane",
        "-o",
        "jsonpath={range .items[*]}{.kind} {.metadata.uid} {.metadata.generation}{\"\\n\"}{end}",
    ];
    tenant.stage.kubectl(&get).await
}
