//! The host's etcd: one member, its data thrown away with the host, so it need not wait for the disk.
use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::{
    control_plane,
    process::Process,
    state::{State, create_dir},
};

/// Client endpoint, inside the control plane's namespace.
pub const ENDPOINT: &str = "http://127.0.0.1:2379";
const PEERS: &str = "http://127.0.0.1:2380";
/// How long etcd may take to answer.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Starts etcd.
///
/// # Errors
/// If the process cannot be started.
pub fn start(state: &State, binary: &Path) -> Result<Process> {
    let data = state.path("etcd");
    create_dir(&data)?;
    let args = flags(&data, ENDPOINT, PEERS);
    control_plane::spawn(state, "etcd", binary, args)
}

/// Flags of a member alone: URLs for clients and for peers, of which there are none.
pub fn flags(data: &Path, clients: &str, peers: &str) -> Vec<String> {
    vec![
        format!("--data-dir={}", data.display()),
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        "--log-level=warn".to_owned(),
    ]
}
