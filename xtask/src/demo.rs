//! `cargo xtask demo`: from nothing to a Deployment that answers in a tenant's cluster.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use warren_devhost::Host;
use warren_devhost::command::{output, output_with_input};

use crate::stage::Stage;
use crate::step::{run, step};

/// Namespace and name of the virtual cluster.
const NAMESPACE: &str = "demo";
const NAME: &str = "demo";
/// Served in the tenant: two replicas of upstream's test image behind a Service.
const WORKLOAD: &str = include_str!("demo/web.yaml");

/// Arguments of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Leave everything running at the end; `cargo xtask host down` ends it. This is the default.
    #[arg(long, overrides_with = "no_keep")]
    keep: bool,
    /// End the embedded host afterwards.
    #[arg(long)]
    no_keep: bool,
}

/// Runs the demo.
///
/// # Errors
/// Names the step that failed; what runs by then is left for looking at.
pub(crate) async fn run_demo(root: &Path, arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let stage = Stage::build(root).await?;
    step("warren create demo", create(&stage)).await?;
    step("a Deployment and a Service in the tenant", deploy(&stage)).await?;
    let answer = step(
        "the Deployment answers through its Service's DNS name",
        ask(&stage),
    )
    .await?;
    println!(
        "    http://web.default.svc.cluster.local/hostname → {}",
        answer.trim()
    );
    step("kubectl logs, exec, cp, port-forward", debug(&stage)).await?;
    println!(
        "\ndemo: everything works, {:.0} s in all\n",
        begun.elapsed().as_secs_f64()
    );
    if arguments.no_keep && !arguments.keep {
        return step("host down", Host::down(false)).await;
    }
    println!("Try next:");
    println!(
        "  export KUBECONFIG={} PATH={}:$PATH",
        stage.kubeconfig.display(),
        bin_paths(&stage)
    );
    println!("  warren connect {NAME} -n {NAMESPACE} -- kubectl get nodes,pods,services -A -o wide");
    println!("  kubectl get pods -A            # the host's view of the same Pods");
    println!("End it with: cargo xtask host down");
    Ok(())
}

fn bin_paths(stage: &Stage) -> String {
    let folders =
        [&stage.warren, &stage.kubectl].map(|p| p.parent().unwrap_or(Path::new(".")).display().to_string());
    folders.join(":")
}

async fn create(stage: &Stage) -> Result<()> {
    let create = ["create", "namespace", NAMESPACE, "--dry-run=client", "-o", "yaml"];
    let namespace = output(&mut stage.host_kubectl(&create)).await?;
    let apply = ["apply", "--server-side", "-f", "-"];
    output_with_input(&mut stage.host_kubectl(&apply), &namespace).await?;
    let existing = [
        "get",
        "virtualcluster",
        NAME,
        "-n",
        NAMESPACE,
        "--ignore-not-found",
        "-o",
        "name",
    ];
    if output(&mut stage.host_kubectl(&existing)).await?.is_empty() {
        return run(&mut stage.warren(&["create", NAME, "-n", NAMESPACE, "--wait", "--timeout", "3m"])).await;
    }
    let wait = [
        "wait",
        "virtualcluster",
        NAME,
        "-n",
        NAMESPACE,
        "--for=condition=Ready",
        "--timeout=180s",
    ];
    output(&mut stage.host_kubectl(&wait)).await.map(|_ready| ())
}

/// `kubectl ARGUMENTS` in the tenant, as a user of it would.
async fn tenant(stage: &Stage, arguments: &[&str]) -> Result<String> {
    let connect = ["connect", NAME, "-n", NAMESPACE, "--", "kubectl"];
    output(&mut stage.warren(&[&connect, arguments].concat())).await
}

async fn deploy(stage: &Stage) -> Result<()> {
    let apply = [
        "connect", NAME, "-n", NAMESPACE, "--", "kubectl", "apply", "-f", "-",
    ];
    output_with_input(&mut stage.warren(&apply), WORKLOAD).await?;
    tenant(stage, &["rollout", "status", "deployment/web", "--timeout=60s"]).await?;
    tenant(
        stage,
        &["wait", "pod/client", "--for=condition=Ready", "--timeout=60s"],
    )
    .await
    .map(|_ready| ())
}

async fn ask(stage: &Stage) -> Result<String> {
    let url = "http://web.default.svc.cluster.local/hostname";
    let wget = ["exec", "client", "--", "wget", "-qO-", url];
    // kube-proxy learns of endpoints a moment after the Pods are Ready.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match tenant(stage, &wget).await {
            Ok(answer) => {
                ensure!(
                    answer.starts_with("web-"),
                    "a Pod of the Deployment should have answered, got '{answer}'"
                );
                return Ok(answer);
            }
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_not_yet) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn debug(stage: &Stage) -> Result<()> {
    let logs = tenant(stage, &["logs", "deployment/web"]).await?;
    ensure!(
        logs.contains("Started HTTP server"),
        "kubectl logs printed '{logs}'"
    );
    let folder = tempfile::tempdir().context("failed to make a folder")?;
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    std::fs::write(&there, "carried by kubectl cp\n").context("failed to write a file")?;
    tenant(stage, &["cp", &there.display().to_string(), "client:/tmp/file"]).await?;
    tenant(stage, &["cp", "client:/tmp/file", &back.display().to_string()]).await?;
    let carried = std::fs::read_to_string(&back).context("failed to read the file that came back")?;
    ensure!(
        carried == "carried by kubectl cp\n",
        "kubectl cp brought back '{carried}'"
    );
    forward(stage).await
}

/// `kubectl port-forward`, asked once through its local port, then ended.
async fn forward(stage: &Stage) -> Result<()> {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    let arguments = [
        "connect",
        NAME,
        "-n",
        NAMESPACE,
        "--",
        "kubectl",
        "port-forward",
        "service/web",
        ":80",
    ];
    let mut command = stage.warren(&arguments);
    command.stdout(std::process::Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("failed to start kubectl port-forward")?;
    let mut lines = BufReader::new(child.stdout.take().context("no output of kubectl port-forward")?).lines();
    let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line())
        .await
        .context("no port in 20 s")??;
    let line = line.context("kubectl port-forward ended without a port")?;
    // "Forwarding from 127.0.0.1:40001 -> 8080"
    let address = line
        .split_whitespace()
        .nth(2)
        .with_context(|| format!("no address in '{line}'"))?;
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .context("failed to reach the forwarded port")?;
    stream
        .write_all(b"GET /hostname HTTP/1.0\r\n\r\n")
        .await
        .context("failed to ask")?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .context("failed to read the answer")?;
    ensure!(answer.contains("web-"), "the forwarded port answered '{answer}'");
    // The warren process ends its child with it.
    if let Some(id) = child.id() {
        terminate(id)?;
    }
    child
        .wait()
        .await
        .context("failed to wait for kubectl port-forward")
        .map(|_status| ())
}

fn terminate(id: u32) -> Result<()> {
    let status = std::process::Command::new("kill")
        .arg(id.to_string())
        .status()
        .context("failed to run kill")?;
    ensure!(status.success(), "kill ended with {status}");
    Ok(())
}
