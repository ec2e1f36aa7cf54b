//! A node's driver for dynamic resource allocation: upstream's test driver, which has two devices that are alike.
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Node, mounts};
use crate::{binaries::Component, state::create_dir};

/// Its usual name.
const NAME: &str = "test-driver.cdi.k8s.io";

/// Devices of the node. So few that the last one is soon taken.
const DEVICES: u8 = 2;

/// Starts the driver, with the kubelet's own rights. Its ResourceSlice is there some seconds later.
pub(super) fn start(node: &Node<'_>, mounts_of: i32) -> Result<()> {
    let binary = node.binaries.path(Component::DraTestDriver)?;
    let node_name = &node.network.name;
    let kubeconfig = node.state.pki(&format!("{node_name}.conf"));
    let kubelet = mounts::kubelet_root()?;
    // It makes the directory's parent only.
    create_dir(&node.dir().join("kubelet/plugins").join(NAME))?;
    let args = vec![
        "kubelet-plugin".to_owned(),
        format!("--drivername={NAME}"),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--node-name={node_name}"),
        format!("--num-devices={DEVICES}"),
        format!("--datadir={kubelet}/plugins"),
        format!("--plugin-registration-path={kubelet}/plugins_registry"),
        format!("--cdi-dir={}", device_descriptions(&node.dir()).display()),
    ];
    node.spawn("dra-driver", mounts_of, &binary, args)
}

/// Where a driver describes the devices that it has prepared, and containerd looks for them (CDI), below the node's own
/// directory: all nodes share the usual place.
pub(super) fn device_descriptions(dir: &Path) -> PathBuf {
    dir.join("cdi")
}
