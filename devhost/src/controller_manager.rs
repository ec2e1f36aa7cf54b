//! The host's kube-controller-manager.
use std::path::Path;

use anyhow::Result;

use crate::{control_plane, process::Process, state::State};

/// Starts it. The apiserver must be ready, or it gives up after ten seconds.
///
/// # Errors
/// If the process cannot be started.
pub fn start(state: &State, binary: &Path) -> Result<Process> {
    let pki = |name: &str| state.pki(name).display().to_string();
    let kubeconfig = pki("kube-controller-manager.conf");
    let args = vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--cluster-signing-cert-file={}", pki("ca.crt")),
        format!("--cluster-signing-key-file={}", pki("ca.key")),
        format!("--root-ca-file={}", pki("ca.crt")),
        format!("--service-account-private-key-file={}", pki("sa.key")),
        "--use-service-account-credentials".to_owned(),
        // Pod ranges belong to the network's set-up (network.rs), not to a controller.
        "--controllers=*,-node-ipam-controller".to_owned(),
        "--leader-elect=false".to_owned(),
        // It makes a token for each of its controllers before any starts; the default of 20 a second takes 5 s.
        "--kube-api-qps=300".to_owned(),
        "--kube-api-burst=600".to_owned(),
    ];
    control_plane::spawn(state, "kube-controller-manager", binary, args)
}
