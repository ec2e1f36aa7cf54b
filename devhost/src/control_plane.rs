//! How a process of the host's control plane starts: in the network namespace that all of them share.
use std::path::Path;

use anyhow::Result;

use crate::{
    network::CONTROL_PLANE,
    process::{self, Process, Spawn},
    state::State,
};

/// Starts `program` as the component `name`.
///
/// # Errors
/// If the process cannot be started.
pub(crate) fn spawn(state: &State, name: &str, program: &Path, args: Vec<String>) -> Result<Process> {
    let spawned = Spawn {
        name,
        network: Some(CONTROL_PLANE),
        mounts_of: None,
        program,
        args,
        path: Vec::new(),
    };
    process::spawn(state, &spawned)
}
