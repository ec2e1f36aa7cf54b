//! One real control plane without nodes: etcd and kube-apiserver on loopback, in a directory of their own.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tempfile::TempDir;
use warren_devhost::binaries::{Binaries, Component};
use warren_devhost::network::SERVICE_CIDR;
use warren_devhost::state::State;
use warren_devhost::wait::{Look, until};
use warren_devhost::{apiserver, etcd, pki};

/// Beside the host's own range of IPv4.
const IPV6_SERVICES: &str = "fd00:96::/108";
/// How long it may take to start.
const DEADLINE: Duration = Duration::from_mins(2);

/// A running control plane; it ends when this is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    processes: [Process; 2],
    state: State,
    url: String,
    /// Last, so that it goes when nobody writes there any more.
    directory: TempDir,
}

/// A process that ends when this is dropped. It stays in the caller's process group, so that whoever interrupts the
/// tests interrupts it as well.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl ControlPlane {
    /// Starts one.
    ///
    /// # Errors
    /// When a program is missing and cannot be built, or a process cannot be started.
    pub async fn start() -> Result<Self> {
        let binaries = Binaries::ensure(&[Component::Etcd, Component::KubeApiserver]).await?;
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let state = State::at(directory.path().to_owned())?;
        state.create()?;
        let [clients, peers, port] = free_ports()?;
        pki::create(&state, &[], port)?;
        let clients = format!("http://127.0.0.1:{clients}");
        let peers = format!("http://127.0.0.1:{peers}");
        let data = state.path("etcd");
        let etcd = spawn(
            &state,
            &binaries.path(Component::Etcd)?,
            etcd::flags(&data, &clients, &peers),
        )?;
        let mut flags = apiserver::flags(&state, "127.0.0.1", port, &clients);
        // No controller takes its finalizer off again.
        flags.push("--disable-admission-plugins=StorageObjectInUseProtection".to_owned());
        // Of two families, other than the embedded host; the last one counts.
        flags.push(format!(
            "--service-cluster-ip-range={SERVICE_CIDR},{IPV6_SERVICES}"
        ));
        let apiserver = spawn(&state, &binaries.path(Component::KubeApiserver)?, flags)?;
        Ok(Self {
            processes: [etcd, apiserver],
            state,
            url: format!("https://127.0.0.1:{port}"),
            directory,
        })
    }

    /// Waits until it is ready; a client of its administrator.
    ///
    /// # Errors
    /// When it is not in time, or a process ends.
    pub async fn ready(&mut self) -> Result<Client> {
        let kubeconfig =
            Kubeconfig::read_from(self.state.kubeconfig()).context("failed to read a kubeconfig")?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .context("failed to understand a kubeconfig")?;
        // What an apiserver refuses is what the client behind the proxy shall see.
        config.default_retry = false;
        let client = Client::try_from(config).context("failed to make a client")?;
        let what = format!("the kube-apiserver at {}", self.url);
        let log = self.state.log("kube-apiserver");
        let processes = &mut self.processes;
        until(&what, Some(&log), DEADLINE, || {
            let ended = processes
                .iter_mut()
                .any(|process| !matches!(process.0.try_wait(), Ok(None)));
            let client = &client;
            async move {
                match apiserver::readyz(client).await {
                    _ if ended => Look::Never("a process ended".to_owned()),
                    Ok(()) => Look::Ready(()),
                    Err(error) => Look::NotYet(format!("{error:#}")),
                }
            }
        })
        .await?;
        Ok(client)
    }

    /// Its directory, for files of those who use it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Ports that were free a moment ago.
///
/// # Errors
/// When there is none.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All at once, so that they differ.
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .context("no free port")?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr().context("no free port")?.port();
    }
    Ok(ports)
}

fn spawn(state: &State, program: &Path, flags: Vec<String>) -> Result<Process> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let log = File::create(state.log(&name)).with_context(|| format!("failed to make the log of {name}"))?;
    let child = Command::new(program)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("failed to start {name}"))?;
    Ok(Process(child))
}
