//! The chart is not uninstalled under a tenant's feet: its hook refuses, and says whose cluster is left.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use warren_devhost::command::output;
use warren_tests::{Tenant, eventually};

/// Namespace and name of the hook's Job.
const JOB: [&str; 3] = ["warren-uninstall-check", "-n", "warren-system"];

/// The hook alone, as the installed release has it: were it broken, `helm uninstall` would end the other stories.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn uninstalling_the_chart_is_refused_while_there_is_a_tenant() -> Result<()> {
    Tenant::with("uninstall", |tenant| async move {
        let stage = &tenant.stage;
        let hooks = output(
            &mut stage
                .helm(&["get", "hooks", "warren", "-n", "warren-system"])
                .await?,
        )
        .await?;
        ensure!(
            hooks.contains("helm.sh/hook: pre-delete"),
            "the release has no hook: {hooks}"
        );
        stage.apply(&hooks).await?;
        let told = async {
            eventually("the hook ends", Duration::from_secs(60), || async {
                let path = "-ojsonpath={.status.failed},{.status.succeeded}";
                let ended = stage
                    .kubectl(&[&["get", "job"], JOB.as_slice(), &[path]].concat())
                    .await?;
                ensure!(ended == "1,", "failed, succeeded: {ended}");
                Ok(())
            })
            .await?;
            stage
                .kubectl(&["logs", "job/warren-uninstall-check", "-n", "warren-system"])
                .await
        };
        let told = told.await;
        stage
            .kubectl(&[&["delete", "job"], JOB.as_slice()].concat())
            .await?;
        let told = told.context("the hook did not refuse")?;
        let named = told.contains("VirtualClusters are left: ") && told.contains("e2e/uninstall");
        ensure!(named, "it says: {told}");
        Ok(())
    })
    .await
}
