//! The running host as its users see it: kubeconfig, client, commands, images.
use std::{ffi::OsString, path::PathBuf};

use anyhow::{Context as _, Result};
use kube::{
    Client,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{
    binaries::{Binaries, Component},
    down,
    images::{self, Archive},
    network::{CONTROL_PLANE, NodeNetwork},
    node::ctr::Ctr,
    process::{Process, SYSTEM_PATH},
    release::Release,
    state::{Phase, State, Summary},
    up,
};

/// How to start a host.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of nodes, 1 to [`MAX_NODES`](crate::network::MAX_NODES).
    pub nodes: u8,
    /// Kubernetes of the control plane and the nodes.
    pub release: Release,
    /// Command line of a program that can also be processes of the host, by subcommands that are added to it:
    /// `forwarder PORT` calls [`forward::serve`](crate::forward::serve), `netpol-agent` runs `warren-devhost-netpol`.
    pub program: Vec<OsString>,
}

impl Options {
    /// Options for a program that has these subcommands below `host`, as `cargo xtask` has.
    ///
    /// # Errors
    /// If the path of the running program is unknown.
    pub fn for_xtask(nodes: u8) -> Result<Self> {
        let program = std::env::current_exe().context("failed to find the running program")?;
        Ok(Self {
            nodes,
            release: Release::default(),
            program: vec![program.into(), "host".into()],
        })
    }

    /// The same with another Kubernetes.
    #[must_use]
    pub fn of(self, release: Release) -> Self {
        Self { release, ..self }
    }
}

/// A running embedded host.
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) state: State,
    pub(crate) summary: Summary,
}

/// Whether there is a host, and in what shape.
#[derive(Debug)]
pub enum Condition {
    /// Nothing was started, or the machine was restarted since.
    Down,
    /// `up` has not finished: it runs now, or it died.
    Starting,
    /// All processes run.
    Running(Host),
    /// `up` finished, but these processes have ended since.
    Broken(Vec<Process>),
}

impl Host {
    /// Starts a host, or returns the one that runs.
    ///
    /// # Errors
    /// If something needed is missing or a component does not come up; the message says which and what to read.
    pub async fn up(options: &Options) -> Result<Self> {
        up::up(options).await
    }

    /// The host that runs, or `None`. Starts nothing.
    ///
    /// # Errors
    /// If the records cannot be read.
    pub fn attach() -> Result<Option<Self>> {
        Ok(match Self::condition()? {
            Condition::Running(host) => Some(host),
            _ => None,
        })
    }

    /// What there is, from the records and the process table.
    ///
    /// # Errors
    /// If the records cannot be read.
    pub fn condition() -> Result<Condition> {
        let state = State::locate()?;
        let Some(summary) = state.summary()? else {
            return Ok(Condition::Down);
        };
        let (alive, dead): (Vec<_>, Vec<_>) = state.processes().into_iter().partition(Process::is_alive);
        Ok(if alive.is_empty() {
            Condition::Down
        } else if summary.phase == Phase::Starting {
            Condition::Starting
        } else if dead.is_empty() {
            Condition::Running(Self { state, summary })
        } else {
            Condition::Broken(dead)
        })
    }

    /// Ends the host and removes all of it but the nodes' image stores; with `purge`, those too.
    ///
    /// # Errors
    /// If something cannot be ended or removed; running it again continues.
    pub async fn down(purge: bool) -> Result<()> {
        down::down(purge).await
    }

    /// Kubeconfig of an administrator that works from outside the host's namespaces.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.state.kubeconfig()
    }

    /// Kubeconfig that works inside the control plane's namespace.
    pub fn inner_kubeconfig_path(&self) -> PathBuf {
        self.state.pki("admin.conf")
    }

    /// State directory with logs.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its Kubernetes.
    pub fn release(&self) -> Release {
        self.summary.release
    }

    /// Names of the nodes.
    pub fn nodes(&self) -> Vec<NodeNetwork> {
        NodeNetwork::all(self.summary.nodes)
    }

    /// A client of the host's API, from outside.
    ///
    /// # Errors
    /// If the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client> {
        client(&self.state).await
    }

    /// The built kubectl; builds it where it is missing.
    ///
    /// # Errors
    /// If the build fails.
    pub async fn kubectl(&self) -> Result<PathBuf> {
        program(Component::Kubectl).await
    }

    /// The built Helm; builds it where it is missing.
    ///
    /// # Errors
    /// If the build fails.
    pub async fn helm(&self) -> Result<PathBuf> {
        program(Component::Helm).await
    }

    /// A command that runs inside the control plane's network namespace, with `KUBECONFIG` set and kubectl in
    /// `PATH`.
    ///
    /// # Errors
    /// If kubectl's place cannot be found.
    pub fn exec(&self, program: impl Into<OsString>) -> Result<tokio::process::Command> {
        let kubectl = Binaries::built(&[Component::Kubectl])?.dir(Component::Kubectl)?;
        let path = std::env::var("PATH").unwrap_or_else(|_| SYSTEM_PATH.to_owned());
        let mut command = tokio::process::Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{CONTROL_PLANE}"))
            .arg("--")
            .arg(program.into())
            .env("PATH", format!("{}:{path}", kubectl.display()))
            .env("KUBECONFIG", self.inner_kubeconfig_path());
        Ok(command)
    }

    /// Loads archives into all nodes; those that a node has are skipped. Returns how many imports were needed.
    ///
    /// # Errors
    /// If a node refuses one.
    pub async fn load_images(&self, archives: &[Archive]) -> Result<usize> {
        images::load(&self.containerds().await?, archives).await
    }

    /// Removes images of a repository (a name without a tag) from all nodes, but for those of `keep` and those that
    /// a container uses: for images whose tag changes with their content. Does nothing where `keep` has none of it.
    ///
    /// # Errors
    /// If a node's containerd does not answer.
    pub async fn prune_images(&self, repository: &str, keep: &[Archive]) -> Result<()> {
        let keep: Vec<String> = keep
            .iter()
            .filter_map(|archive| archive.image.as_ref())
            .map(|(name, _)| name.clone())
            .collect();
        if !keep.iter().any(|name| {
            name.strip_prefix(repository)
                .is_some_and(|rest| rest.starts_with(':'))
        }) {
            return Ok(());
        }
        for (node, ctr) in self.containerds().await? {
            let pruned = ctr.prune(repository, &keep).await;
            pruned.with_context(|| format!("failed to remove old images from node {node}"))?;
        }
        Ok(())
    }

    /// Node names and clients of their containerds.
    async fn containerds(&self) -> Result<Vec<(String, Ctr)>> {
        let binaries = Binaries::ensure(&[Component::Ctr]).await?;
        self.nodes()
            .into_iter()
            .map(|node| Ok((node.name.clone(), Ctr::new(&self.state, &binaries, &node.name)?)))
            .collect()
    }
}

/// A client through the forwarder.
pub(crate) async fn client(state: &State) -> Result<Client> {
    // Another part of the program may have installed it; either is the same ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let path = state.kubeconfig();
    let kubeconfig =
        Kubeconfig::read_from(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.context("failed to use the host's kubeconfig")?)
        .context("failed to make a client")
}

async fn program(component: Component) -> Result<PathBuf> {
    Binaries::ensure(&[component]).await?.path(component)
}
