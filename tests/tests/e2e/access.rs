//! kubectl logs, exec, cp, port-forward and the `warren` command line, as a tenant's user calls them.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use warren_devhost::command::{output, output_with_input};
use warren_tests::Tenant;
use warren_tests::tenant::NAMESPACE;

use super::kubelet_api::cp_keeps_every_byte;

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn logs_exec_cp_and_port_forward_work_with_the_tenants_kubeconfig() -> Result<()> {
    Tenant::with("access", |tenant| async move {
        tenant.apply(include_str!("path.yaml")).await?;
        tenant.rolled_out("deployment/web").await?;
        tenant
            .kubectl(&["wait", "pod/client", "--for=condition=Ready", "--timeout=60s"])
            .await?;

        let logs = tenant
            .kubectl(&["logs", "deployment/web", "--timestamps", "--tail=1"])
            .await?;
        ensure!(
            logs.lines().count() == 1 && logs.starts_with("20"),
            "logs: {logs}"
        );

        let mut exec = tenant.command("kubectl")?;
        let echoed =
            output_with_input(exec.args(["exec", "-i", "client", "--", "cat"]), "up and down").await?;
        ensure!(echoed == "up and down", "exec -i cat gave back '{echoed}'");
        let mut exec = tenant.command("kubectl")?;
        let status = exec
            .args(["exec", "client", "--", "sh", "-c", "exit 42"])
            .stderr(Stdio::null())
            .status()
            .await?;
        ensure!(status.code() == Some(42), "exit 42 came back as {status}");
        let missing = tenant.kubectl(&["logs", "client", "-c", "nobody"]).await;
        ensure!(
            missing.is_err_and(|e| format!("{e:#}").contains("nobody")),
            "an unknown container must be named"
        );

        cp_keeps_every_byte(&tenant, 8).await?;
        port_forward(&tenant).await
    })
    .await
}

async fn port_forward(tenant: &Tenant) -> Result<()> {
    // Inside the namespace where kubectl listens, since its loopback is not ours.
    let script = r"kubectl port-forward service/web 18080:80 >/tmp/forward.log 2>&1 & pid=$!
        for n in $(seq 100); do curl -sf http://127.0.0.1:18080/hostname && break; sleep 0.1; done; kill $pid";
    let answer = output(tenant.command("sh")?.args(["-c", script])).await?;
    ensure!(
        answer.starts_with("web-"),
        "the forwarded port answered '{answer}'"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn warren_creates_connects_and_deletes_from_outside_the_network() -> Result<()> {
    let stage = warren_tests::Stage::attach()?;
    stage
        .apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{NAMESPACE}"}}}}"#
        ))
        .await?;
    let told = commands(&stage).await;
    let deleted = warren_tests::tenant::delete(&stage, "by-hand").await;
    told?;
    deleted
}

async fn commands(stage: &warren_tests::Stage) -> Result<()> {
    let created =
        output(&mut stage.warren(&["create", "by-hand", "-n", NAMESPACE, "--ephemeral", "--wait"])?).await?;
    ensure!(
        created.contains("virtualcluster.warren.dev/by-hand"),
        "create printed {created}"
    );
    let listed = output(&mut stage.warren(&["list", "-n", NAMESPACE, "-o", "name"])?).await?;
    ensure!(
        listed.lines().any(|l| l.ends_with("/by-hand")),
        "list printed {listed}"
    );

    let connect = ["connect", "by-hand", "-n", NAMESPACE, "--"];
    let nodes =
        output(&mut stage.warren(&[&connect[..], &["kubectl", "get", "nodes", "-o", "name"]].concat())?)
            .await?;
    ensure!(
        nodes.lines().count() == stage.nodes().len(),
        "nodes through the tunnel: {nodes}"
    );
    let mut exit = stage.warren(&[&connect[..], &["sh", "-c", "exit 7"]].concat())?;
    ensure!(
        exit.status().await?.code() == Some(7),
        "the command's exit status must come back"
    );

    let mut watch = stage.warren(
        &[
            &connect[..],
            &["kubectl", "get", "namespaces", "-w", "-o", "name"],
        ]
        .concat(),
    )?;
    let mut child = watch.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let first = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await??;
    ensure!(
        first.is_some_and(|l| l.starts_with("namespace/")),
        "a watch streams through the tunnel"
    );
    child.kill().await?;

    let mut unknown = stage.warren(&["get", "nobody", "-n", NAMESPACE])?;
    let refused = unknown.output().await?;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        refused.status.code() == Some(1) && message.contains("by-hand"),
        "it names those that exist: {message}"
    );
    let deleted = output(&mut stage.warren(&["delete", "by-hand", "-n", NAMESPACE, "--wait"])?).await?;
    ensure!(deleted.contains("by-hand"), "delete printed {deleted}");
    Ok(())
}
