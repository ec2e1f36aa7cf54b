//! The kubelet API as kubectl and the API's node proxy use it: logs, exec, cp, port-forward.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Child;
use tokio::time::timeout;
use warren_devhost::command::{output, output_with_input};
use warren_tests::{Tenant, eventually};

use super::kubelet_pages;

const MANIFEST: &str = include_str!("kubelet_api.yaml");
/// After a Pod's end its sessions have ten seconds for their last words.
const SESSION_END: Duration = Duration::from_secs(45);

async fn pods_are_ready(tenant: &Tenant) -> Result<()> {
    tenant.apply(MANIFEST).await?;
    let pods = ["pod/client", "pod/doomed", "pod/web"];
    let wait = ["wait", "--for=condition=Ready", "--timeout=60s"];
    tenant.kubectl(&[&wait[..], &pods[..]].concat()).await.map(drop)
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn logs_take_every_option_and_pages_show_the_tenants_own() -> Result<()> {
    Tenant::with("kubelet-logs", |tenant| async move {
        pods_are_ready(&tenant).await?;
        let followed = eventually(
            "counter is followed to its end",
            Duration::from_secs(60),
            || async { tenant.kubectl(&["logs", "-f", "counter"]).await },
        )
        .await?;
        ensure!(followed.lines().count() == 6, "followed to the end: {followed}");
        logs(&tenant).await?;
        kubelet_pages::refusals(&tenant).await?;
        kubelet_pages::pages(&tenant).await?;
        kubelet_pages::strangers(&tenant).await
    })
    .await
}

async fn logs(tenant: &Tenant) -> Result<()> {
    eventually("talker's second life", Duration::from_secs(60), || async {
        let logs = tenant.kubectl(&["logs", "talker"]).await?;
        ensure!(logs.contains("second 5"), "{logs}");
        Ok(())
    })
    .await?;
    let cases: [(&[&str], &str); 6] = [
        (&["--tail=2"], "second 4\nsecond 5\n"),
        (&["--limit-bytes=6"], "second"),
        (&["--previous", "--tail=1"], "first 5\n"),
        (&["--since=1h", "--tail=1"], "second 5\n"),
        (&["--since-time=2020-01-01T00:00:00Z", "--tail=1"], "second 5\n"),
        (&["--since-time=2100-01-01T00:00:00Z"], ""),
    ];
    for (options, wanted) in cases {
        let logs = tenant.kubectl(&[&["logs", "talker"], options].concat()).await?;
        ensure!(logs == wanted, "{options:?}: {logs:?}");
    }
    let stamped = tenant
        .kubectl(&["logs", "talker", "--timestamps", "--tail=1"])
        .await?;
    ensure!(
        stamped.starts_with("20") && stamped.ends_with("Z second 5\n"),
        "{stamped}"
    );

    Ok(())
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn sessions_keep_every_byte_and_end_with_their_pod() -> Result<()> {
    Tenant::with("kubelet-exec", |tenant| async move {
        pods_are_ready(&tenant).await?;
        for web_sockets in ["true", "false"] {
            exec(&tenant, web_sockets).await?;
        }
        many_forwards(&tenant).await?;
        cp_keeps_every_byte(&tenant, 100).await?;
        sessions_end_with_their_pod(&tenant).await
    })
    .await
}

/// By WebSocket and, as older clients, by SPDY.
async fn exec(tenant: &Tenant, web_sockets: &str) -> Result<()> {
    let kubectl = || -> Result<_> {
        let mut kubectl = tenant.command("kubectl")?;
        kubectl.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", web_sockets);
        Ok(kubectl)
    };
    let echoed = output_with_input(
        kubectl()?.args(["exec", "-i", "client", "--", "cat"]),
        "to the end",
    )
    .await?;
    ensure!(echoed == "to the end", "cat ends when its input does: {echoed}");
    let status = kubectl()?
        .args(["exec", "client", "--", "sh", "-c", "exit 42"])
        .stderr(Stdio::null())
        .status()
        .await?;
    ensure!(status.code() == Some(42), "exit 42 came back as {status}");
    let both = kubectl()?
        .args(["exec", "client", "--", "sh", "-c", "echo out; echo err >&2"])
        .output()
        .await?;
    ensure!(both.stdout == b"out\n" && both.stderr == b"err\n", "{both:?}");
    // `script` is a terminal for kubectl, so that kubectl asks for one, and tells its size soon after.
    let terminal = "stty rows 33 cols 77; kubectl exec -it client -- \
        sh -c 'tty; for n in 1 2 3 4 5 6 7 8 9 10; do stty size; sleep 0.2; done'";
    let mut script = tenant.command("script")?;
    script.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", web_sockets);
    let seen = output(script.args(["-qec", terminal, "/dev/null"])).await?;
    ensure!(
        seen.contains("/dev/pts/") && seen.contains("33 77"),
        "with -t there is a terminal of the caller's size: {seen:?}"
    );
    Ok(())
}

/// Twenty connections at once through one port-forward, and a port where nobody listens.
async fn many_forwards(tenant: &Tenant) -> Result<()> {
    let script = r"
        kubectl port-forward pod/web 18081:8080 >/tmp/warren-forward.$$ 2>&1 & pid=$!
        trap 'kill $pid; rm -f /tmp/warren-forward.$$' EXIT
        for n in $(seq 100); do curl -sf http://127.0.0.1:18081/healthz >/dev/null && break; sleep 0.1; done
        seq 20 | xargs -P 20 -I{} curl -sf --max-time 30 'http://127.0.0.1:18081/echo?msg=number-{}-end%0A'";
    for web_sockets in ["true", "false"] {
        let mut shell = tenant.command("sh")?;
        shell.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", web_sockets);
        let answers = output(shell.args(["-c", script])).await?;
        for number in 1..=20 {
            ensure!(
                answers.contains(&format!("number-{number}-end")),
                "{number} of 20: {answers}"
            );
        }
    }
    let closed = r#"
        kubectl port-forward pod/web 18082:9 >/tmp/warren-closed.$$ 2>&1 & pid=$!
        trap 'kill $pid 2>/dev/null; rm -f /tmp/warren-closed.$$' EXIT
        for n in $(seq 100); do grep -q Forwarding /tmp/warren-closed.$$ && break; sleep 0.1; done
        curl -s --max-time 20 http://127.0.0.1:18082/ ; echo "curl ended with $?"
        for n in $(seq 100); do grep -q refused /tmp/warren-closed.$$ && break; sleep 0.1; done
        cat /tmp/warren-closed.$$"#;
    let told = output(tenant.command("sh")?.args(["-c", closed])).await?;
    ensure!(
        told.contains("refused") && !told.contains("curl ended with 0"),
        "{told}"
    );
    Ok(())
}

/// So many bytes go to the Pod `client` and come back as they were.
pub(crate) async fn cp_keeps_every_byte(tenant: &Tenant, mebibytes: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    let bytes: Vec<u8> = (0..mebibytes << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    std::fs::write(&there, &bytes)?;
    tenant
        .kubectl(&["cp", &there.display().to_string(), "client:/tmp/file"])
        .await?;
    let inside = tenant
        .kubectl(&["exec", "client", "--", "sha256sum", "/tmp/file"])
        .await?;
    let outside = output(tenant.command("sha256sum")?.arg(&there)).await?;
    let sum = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    ensure!(sum(&inside) == sum(&outside), "{inside} is not {outside}");
    tenant
        .kubectl(&["cp", "client:/tmp/file", &back.display().to_string()])
        .await?;
    ensure!(
        std::fs::read(&back)? == bytes,
        "{mebibytes} MiB came back changed"
    );
    Ok(())
}

/// exec, `logs -f` and port-forward of a Pod that is deleted: each ends by itself.
async fn sessions_end_with_their_pod(tenant: &Tenant) -> Result<()> {
    let start = |arguments: &[&str]| -> Result<Child> {
        let mut kubectl = tenant.command("kubectl")?;
        kubectl
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        kubectl.spawn().context("failed to start kubectl")
    };
    let mut sessions = [
        (
            "exec",
            start(&["exec", "doomed", "--", "sh", "-c", "touch /tmp/here; sleep 3000"])?,
        ),
        ("logs", start(&["logs", "-f", "doomed"])?),
        ("port-forward", start(&["port-forward", "doomed", "18083:80"])?),
    ];
    eventually("the session runs", Duration::from_secs(20), || async {
        tenant
            .kubectl(&["exec", "doomed", "--", "test", "-e", "/tmp/here"])
            .await
    })
    .await?;
    for (what, session) in &mut sessions {
        ensure!(session.try_wait()?.is_none(), "{what} ended before its Pod");
    }
    tenant
        .kubectl(&["delete", "pod", "doomed", "--wait=false"])
        .await?;
    for (what, mut session) in sessions {
        let ended = timeout(SESSION_END, session.wait()).await;
        ended.with_context(|| format!("{what} goes on after its Pod's end"))??;
    }
    Ok(())
}
