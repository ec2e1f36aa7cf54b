//! The host's kube-apiserver.
use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use kube::Client;

use crate::{
    control_plane, etcd,
    network::{CONTROL_PLANE_ADDRESS, SERVICE_CIDR},
    process::Process,
    state::State,
    wait::{Look, until},
};

/// Port in the control plane's namespace.
pub const PORT: u16 = 6443;
const DEADLINE: Duration = Duration::from_secs(90);
/// One look at `/readyz` may not take longer than this.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the apiserver. It waits for etcd by itself.
///
/// # Errors
/// If the process cannot be started.
pub fn start(state: &State, binary: &Path) -> Result<Process> {
    let args = flags(state, "0.0.0.0", PORT, etcd::ENDPOINT);
    control_plane::spawn(state, "kube-apiserver", binary, args)
}

/// Flags of an apiserver on this address and port, with the certificates of `state`.
pub fn flags(state: &State, bind: &str, port: u16, etcd: &str) -> Vec<String> {
    let pki = |name: &str| state.pki(name).display().to_string();
    vec![
        format!("--advertise-address={CONTROL_PLANE_ADDRESS}"),
        format!("--bind-address={bind}"),
        format!("--secure-port={port}"),
        format!("--etcd-servers={etcd}"),
        format!("--service-cluster-ip-range={SERVICE_CIDR}"),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--kubelet-certificate-authority={}", pki("ca.crt")),
        format!("--kubelet-client-certificate={}", pki("kubelet-client.crt")),
        format!("--kubelet-client-key={}", pki("kubelet-client.key")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--service-account-key-file={}", pki("sa.pub")),
        format!("--service-account-signing-key-file={}", pki("sa.key")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        format!("--requestheader-client-ca-file={}", pki("front.crt")),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        format!("--proxy-client-cert-file={}", pki("front-client.crt")),
        format!("--proxy-client-key-file={}", pki("front-client.key")),
        "--allow-privileged=true".to_owned(),
    ]
}

/// Waits until `/readyz` says so.
///
/// # Errors
/// If it does not in time, or if `process` (or etcd, without which it never will) ends.
pub async fn wait_ready(state: &State, client: &Client, needs: &[&Process]) -> Result<()> {
    let log = state.log("kube-apiserver");
    until(
        "the host's kube-apiserver to be ready",
        Some(&log),
        DEADLINE,
        || async {
            if let Some(dead) = needs.iter().find(|process| !process.is_alive()) {
                let log = state.log(&dead.name);
                return Look::Never(format!("{} ended: see {}", dead.name, log.display()));
            }
            match tokio::time::timeout(LOOK_TIMEOUT, readyz(client)).await {
                Ok(Ok(())) => Look::Ready(()),
                Ok(Err(error)) => Look::NotYet(format!("{error:#}")),
                Err(_) => Look::NotYet(format!("no answer within {LOOK_TIMEOUT:?}")),
            }
        },
    )
    .await
}

/// Asks `/readyz` once.
///
/// # Errors
/// If there is no answer or it is not 200.
pub async fn readyz(client: &Client) -> Result<()> {
    let request = kube_http_get("/readyz")?;
    client.request_text(request).await.context("/readyz").map(drop)
}

fn kube_http_get(path: &str) -> Result<http::Request<Vec<u8>>> {
    http::Request::get(path)
        .body(Vec::new())
        .context("failed to build a request")
}
