//! A node's device plugin: upstream's sample, which has two devices of the resource `example.com/resource`.
use std::{fs, path::Path, time::Duration};

use anyhow::Result;

use super::Node;
use crate::{
    binaries::Component,
    wait::{Look, until},
};

/// The kubelet listens soon after its start, and this is waited for when the node is Ready.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where the kubelet takes registrations, below the node's own directory. The plugin has the kubelet's path of it built
/// in: it must run among the node's mounts.
const SOCKET: &str = "kubelet/device-plugins/kubelet.sock";

/// What stands for the devices in containers. The plugin makes these files, empty, and leaves them.
const FILES: [&str; 2] = ["/tmp/Dev-1", "/tmp/Dev-2"];

/// Starts the plugin. That the node has the devices shows with the kubelet's next report, some seconds later.
pub(super) async fn start(node: &Node<'_>, mounts_of: i32) -> Result<()> {
    let socket = node.dir().join(SOCKET);
    let log = node.state.log(&node.process_name("kubelet"));
    // Without it the plugin would end at once.
    until(
        &format!("the kubelet of node {} to take device plugins", node.network.name),
        Some(&log),
        DEADLINE,
        || async {
            if socket.exists() {
                Look::Ready(())
            } else {
                Look::NotYet("it has made no socket".to_owned())
            }
        },
    )
    .await?;
    let binary = node.binaries.path(Component::SampleDevicePlugin)?;
    node.spawn("device-plugin", mounts_of, &binary, Vec::new())
}

/// Removes what stood for the devices.
pub(crate) fn remove_files() {
    for path in FILES {
        remove_empty(Path::new(path));
    }
}

/// A file with content, or something else of that name, is somebody else's.
fn remove_empty(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0) {
        // One that stays is in nobody's way.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (empty, full) = (dir.path().join("empty"), dir.path().join("full"));
        fs::write(&empty, "").unwrap();
        fs::write(&full, "mine").unwrap();
        for path in [&empty, &full, &dir.path().join("none")] {
            remove_empty(path);
        }
        assert!(!empty.exists() && full.exists());
    }
}
