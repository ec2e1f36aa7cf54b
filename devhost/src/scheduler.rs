//! The host's kube-scheduler.
use std::path::Path;

use anyhow::Result;

use crate::{
    network::CONTROL_PLANE,
    process::{Process, Spawn, spawn},
    state::State,
};

/// Starts it.
///
/// # Errors
/// If the process cannot be started.
pub fn start(state: &State, binary: &Path) -> Result<Process> {
    let kubeconfig = state.pki("kube-scheduler.conf").display().to_string();
    let args = vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--leader-elect=false".to_owned(),
    ];
    let network = Some(CONTROL_PLANE);
    let name = "kube-scheduler";
    spawn(
        state,
        &Spawn {
            name,
            network,
            mounts_of: None,
            program: binary,
            args,
            path: Vec::new(),
        },
    )
}
