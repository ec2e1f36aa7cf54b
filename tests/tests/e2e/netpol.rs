//! The embedded host's NetworkPolicy agent: without it, no story about isolation would prove anything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use warren_tests::{Stage, eventually};

const NAMESPACE: &str = "netpol-story";
const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(30);
/// Node of the servers, and of one of the strangers.
const NODE: &str = "wn1";
const OTHER_NODE: &str = "wn2";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_policy_closes_pods_on_both_nodes_and_a_restart_of_the_agent_opens_nothing() -> Result<()> {
    let stage = Stage::attach()?;
    stage.apply(&namespace()).await?;
    let told = story(&stage).await;
    let gone = ["delete", "namespace", NAMESPACE, "--wait=false"];
    told.and(stage.kubectl(&gone).await.map(|_printed| ()))
}

async fn story(stage: &Stage) -> Result<()> {
    for (name, role, node) in [
        ("server", "server", NODE),
        ("friend", "friend", OTHER_NODE),
        ("near", "stranger", NODE),
        ("far", "stranger", OTHER_NODE),
    ] {
        stage.apply(&pod(name, role, node)).await?;
    }
    for name in ["server", "friend", "near", "far"] {
        ready(stage, name).await?;
    }
    let server = address(stage, "server").await?;
    for from in ["friend", "near", "far"] {
        eventually("nothing is closed without a policy", SOON, || async {
            open(stage, from, &server).await
        })
        .await?;
    }
    stage.apply(&policy()).await?;
    for from in ["near", "far"] {
        eventually("strangers are kept out", SOON, || closed(stage, from, &server)).await?;
    }
    open(stage, "friend", &server).await?;

    // Both strangers try all the time, from before the agent's end to after its start.
    let over = AtomicBool::new(false);
    let strangers = futures::future::try_join(
        kept_out(stage, "near", &server, &over),
        kept_out(stage, "far", &server, &over),
    );
    let restart = async {
        let told = restarted(stage, &server).await;
        over.store(true, Ordering::Relaxed);
        told
    };
    futures::future::try_join(strangers, restart)
        .await
        .map(|_both| ())
}

/// While the agent is dead, the rules stay, and a Pod that is born then starts only when the rules know it.
async fn restarted(stage: &Stage, server: &str) -> Result<()> {
    stage
        .without("netpol", NODE, async {
            open(stage, "friend", server).await?;
            stage.apply(&pod("late", "server", NODE)).await?;
            eventually("the late Pod waits for its address to be known", SOON, || async {
                let files = stage.items(&["pods", "-n", NAMESPACE, "--field-selector=metadata.name=late"]);
                let pods = files.await?;
                let scheduled = &pods.first().context("no Pod yet")?["status"]["startTime"];
                ensure!(!scheduled.is_null(), "the kubelet has not seen it");
                Ok(())
            })
            .await?;
            closed(stage, "near", server).await
        })
        .await?;
    ready(stage, "late").await?;
    let late = address(stage, "late").await?;
    closed(stage, "near", &late).await?;
    closed(stage, "far", &late).await?;
    open(stage, "friend", &late).await
}

/// Each try must fail; at least one is made.
async fn kept_out(stage: &Stage, from: &str, to: &str, over: &AtomicBool) -> Result<()> {
    loop {
        closed(stage, from, to).await?;
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}

async fn open(stage: &Stage, from: &str, to: &str) -> Result<()> {
    connect(stage, from, to).await.map(|_printed| ())
}

/// Only a time-out counts: it is what dropped packets end in.
async fn closed(stage: &Stage, from: &str, to: &str) -> Result<()> {
    match connect(stage, from, to).await {
        Ok(_) => bail!("{from} reached {to}"),
        Err(error) if error.to_string().contains("TIMEOUT") => Ok(()),
        Err(error) => Err(error),
    }
}

async fn connect(stage: &Stage, from: &str, to: &str) -> Result<String> {
    let connect = ["--", "/agnhost", "connect", to, "--timeout=1s"];
    stage
        .kubectl(&[&["exec", "-n", NAMESPACE, from], connect.as_slice()].concat())
        .await
}

async fn ready(stage: &Stage, name: &str) -> Result<()> {
    let wait = [
        "wait",
        "-n",
        NAMESPACE,
        "--for=condition=Ready",
        "--timeout=60s",
        "pod",
        name,
    ];
    stage.kubectl(&wait).await.map(|_printed| ())
}

async fn address(stage: &Stage, name: &str) -> Result<String> {
    let get = [
        "get",
        "pod",
        "-n",
        NAMESPACE,
        name,
        "-o",
        "jsonpath={.status.podIP}",
    ];
    Ok(format!("{}:8080", stage.kubectl(&get).await?))
}

fn namespace() -> String {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }).to_string()
}

fn pod(name: &str, role: &str, node: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": { "role": role } },
        "spec": {
            "terminationGracePeriodSeconds": 0, "nodeName": node,
            "containers": [{ "name": "main", "image": IMAGE, "args": ["netexec", "--http-port=8080"] }],
        },
    })
    .to_string()
}

fn policy() -> String {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "friends-only", "namespace": NAMESPACE },
        "spec": {
            "podSelector": { "matchLabels": { "role": "server" } },
            "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "role": "friend" } } }] }],
        },
    })
    .to_string()
}
