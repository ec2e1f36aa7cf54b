//! The agent's loop: whenever the world has changed, the rules are written anew.
use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{FutureExt as _, StreamExt as _};
use kube::{
    Client,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    announce::{self, Announcement},
    ruleset::{Node, ruleset},
    watch::{self, Mirror},
};

/// After `nft` failed, and nothing changed since.
const RETRY: Duration = Duration::from_secs(1);
const NFT_DEADLINE: Duration = Duration::from_secs(30);

/// What one agent is for.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its node.
    pub node: Node,
    /// With rights to list and watch Pods, namespaces and NetworkPolicies.
    pub kubeconfig: PathBuf,
    /// Where it hears of new Pods' addresses.
    pub socket: PathBuf,
}

/// Runs in the node's network namespace until it is killed. The rules stay.
///
/// # Errors
/// If the kubeconfig cannot be used, or the socket cannot be made.
pub async fn run(config: &Config) -> Result<()> {
    let mut announcements = announce::listen(&config.socket)?;
    let mut changes = watch::changes(&client(config).await?);
    let mut mirror = Mirror::default();
    let mut pending = Vec::new();
    let mut written = String::new();
    loop {
        let failed = match round(config, &mut mirror, &mut pending, &mut written).await {
            Ok(()) => false,
            Err(error) => {
                eprintln!("the rules were not written: {error:#}");
                true
            }
        };
        tokio::select! {
            change = changes.next() => mirror.apply(change.context("the watches ended")?),
            announcement = announcements.recv() => pending.push(announcement.context("the socket is gone")?),
            () = tokio::time::sleep(RETRY), if failed => {}
        }
        // One transaction for everything that has happened meanwhile.
        while let Some(change) = changes.next().now_or_never().flatten() {
            mirror.apply(change);
        }
        while let Ok(announcement) = announcements.try_recv() {
            pending.push(announcement);
        }
    }
}

/// Writes the rules if they have changed, and tells those who waited for it.
async fn round(
    config: &Config,
    mirror: &mut Mirror,
    pending: &mut Vec<Announcement>,
    written: &mut String,
) -> Result<()> {
    if !mirror.is_complete() {
        return Ok(());
    }
    let world = &mut mirror.world;
    world.forget_announced();
    pending.retain(|announcement| !announcement.programmed.is_closed());
    // The kubelet may know a Pod a moment before we do.
    let (ready, early): (Vec<_>, Vec<_>) = std::mem::take(pending).into_iter().partition(|announcement| {
        let pod = world.pods.get(&announcement.key);
        pod.is_some_and(|pod| pod.uid == announcement.announced.uid)
    });
    *pending = early;
    for Announcement { key, announced, .. } in &ready {
        world.announced.insert(key.clone(), announced.clone());
    }
    if mirror.changed || !ready.is_empty() {
        let rules = ruleset(&config.node, &mirror.world);
        if rules != *written {
            if let Err(error) = write(&rules).await {
                pending.extend(ready);
                return Err(error);
            }
            *written = rules;
        }
        mirror.changed = false;
    }
    for announcement in ready {
        // The plugin may have given up at this very moment.
        let _ = announcement.programmed.send(());
    }
    Ok(())
}

async fn client(config: &Config) -> Result<Client> {
    let path = &config.kubeconfig;
    let kubeconfig =
        Kubeconfig::read_from(path).with_context(|| format!("failed to read {}", path.display()))?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.context("failed to use the kubeconfig")?).context("failed to make a client")
}

/// One transaction.
async fn write(rules: &str) -> Result<()> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("failed to start nft")?;
    let Some(mut input) = child.stdin.take() else {
        bail!("nft has no input");
    };
    let work = async {
        let fed = input.write_all(rules.as_bytes()).await;
        drop(input);
        let output = child.wait_with_output().await.context("failed to run nft")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "nft: {}", said.trim());
        fed.context("failed to write to nft")
    };
    tokio::time::timeout(NFT_DEADLINE, work)
        .await
        .context("nft does not end")?
}
