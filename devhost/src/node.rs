//! One node: its mount namespace, containerd, kubelet, kube-proxy, NetworkPolicy agent, device plugin and resource driver.
pub(crate) mod containerd;
pub(crate) mod ctr;
pub(crate) mod devices;
mod driver;
mod kubelet;
mod mounts;
pub(crate) mod netpol;
mod proxy;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

pub(crate) use mounts::remove_mount_points;

use anyhow::Result;

use crate::{
    binaries::Binaries,
    cgroup,
    network::NodeNetwork,
    process::{Process, Spawn, spawn},
    state::{State, create_dir},
};

/// What every step of starting a node needs.
#[derive(Debug)]
pub struct Node<'a> {
    /// State directory.
    pub state: &'a State,
    /// Built programs.
    pub binaries: &'a Binaries,
    /// Place in the network.
    pub network: &'a NodeNetwork,
    /// How many nodes share the machine.
    pub count: u8,
}

/// A node whose container runtime answers.
#[derive(Debug)]
pub struct Runtime {
    /// Process that keeps the mount namespace; its id names the namespace.
    mounts: Process,
}

impl Node<'_> {
    /// Directory of this node below the state directory.
    fn dir(&self) -> PathBuf {
        self.state.node(&self.network.name)
    }

    /// Name of one of this node's processes: `kubelet-wn1`.
    fn process_name(&self, component: &str) -> String {
        process_name(component, &self.network.name)
    }

    /// Starts one of this node's processes in its network, among the mounts of the process `mounts_of`.
    fn spawn(&self, component: &str, mounts_of: i32, program: &Path, args: Vec<String>) -> Result<()> {
        let spawned = Spawn {
            name: &self.process_name(component),
            network: Some(&self.network.name),
            mounts_of: Some(mounts_of),
            program,
            args,
            path: Vec::new(),
        };
        spawn(self.state, &spawned).map(drop)
    }

    /// First half: everything that needs no apiserver.
    ///
    /// # Errors
    /// If the namespace, cgroup or containerd does not come up.
    pub async fn start_runtime(&self) -> Result<Runtime> {
        create_dir(&self.dir())?;
        cgroup::create(&self.network.name)?;
        let mounts = mounts::start(self).await?;
        containerd::start(self, mounts.pid).await?;
        Ok(Runtime { mounts })
    }

    /// Second half: kubelet and kube-proxy, once the apiserver is ready.
    ///
    /// # Errors
    /// If a process cannot be started.
    pub fn start_kubelet(&self, runtime: &Runtime) -> Result<()> {
        kubelet::start(self, runtime.mounts.pid)?;
        proxy::start(self, runtime.mounts.pid)
    }

    /// The NetworkPolicy agent, once its rights are there: `program` is the command line that has it as a subcommand.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_netpol(&self, program: &[OsString]) -> Result<()> {
        netpol::start(self, program)
    }

    /// The device plugin and the resource driver, once the kubelet listens for them.
    ///
    /// # Errors
    /// If the kubelet does not, or one of them cannot be started.
    pub async fn start_devices(&self, runtime: &Runtime) -> Result<()> {
        devices::start(self, runtime.mounts.pid).await?;
        driver::start(self, runtime.mounts.pid)
    }
}

/// Name of a process of a node: `kubelet-wn1`.
pub fn process_name(component: &str, node: &str) -> String {
    format!("{component}-{node}")
}
