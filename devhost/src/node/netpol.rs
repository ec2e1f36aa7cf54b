//! A node's NetworkPolicy agent, and the CNI plugin that tells it which Pod gets which address.
use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::Node;
use crate::{
    pki::NETPOL_USER,
    process::{Spawn, spawn, split},
    state::{create_dir, write_private},
};

/// The agent's rights.
pub(crate) const MANIFEST: &str = include_str!("../../assets/netpol.yaml");
/// Name of the plugin, as CNI configurations call it.
pub(super) const PLUGIN: &str = "warren-ptp";
const PLUGIN_SCRIPT: &str = include_str!("../../assets/warren-ptp.sh");
/// Below the node's directory; the script looks for it one directory above its own.
const SOCKET: &str = "netpol.sock";

/// Directory of the node's own CNI plugins.
pub(super) fn plugins(dir: &Path) -> PathBuf {
    dir.join("cni-plugins")
}

/// Writes the plugin.
pub(super) fn write_plugin(dir: &Path) -> Result<()> {
    let plugins = plugins(dir);
    create_dir(&plugins)?;
    let path = plugins.join(PLUGIN);
    write_private(&path, PLUGIN_SCRIPT)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("failed to make {} executable", path.display()))
}

/// Starts the agent: `program` with the subcommand `netpol-agent`.
pub(super) fn start(node: &Node<'_>, program: &[OsString]) -> Result<()> {
    let (program, mut args) = split(program)?;
    let name = node.process_name("netpol");
    args.push("netpol-agent".to_owned());
    args.push(format!("--node={}", node.network.name));
    args.push(format!("--pods={}", node.network.pod_cidr));
    let kubeconfig = node.state.pki(&format!("{NETPOL_USER}.conf"));
    args.push(format!("--kubeconfig-file={}", kubeconfig.display()));
    args.push(format!("--socket={}", node.dir().join(SOCKET).display()));
    spawn(
        node.state,
        &Spawn {
            name: &name,
            network: Some(&node.network.name),
            mounts_of: None,
            program: &program,
            args,
            path: Vec::new(),
        },
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::CNI_PLUGINS;

    #[test]
    fn the_plugin_calls_what_is_installed_and_finds_the_agents_socket() {
        assert!(PLUGIN_SCRIPT.contains(&format!("{CNI_PLUGINS}/ptp")));
        assert!(PLUGIN_SCRIPT.contains(&format!("/../{SOCKET}\n")));
    }

    #[test]
    fn the_rights_are_the_users_of_the_kubeconfig() {
        assert!(MANIFEST.contains(&format!("kind: User, name: {NETPOL_USER}}}")));
    }
}
