//! The host's kube-scheduler.
use std::path::Path;

use anyhow::Result;

use crate::{control_plane, process::Process, state::State};

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
    control_plane::spawn(state, "kube-scheduler", binary, args)
}
