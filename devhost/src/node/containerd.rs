//! A node's containerd: its configuration, its start, and what an earlier run may have left in its store.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;

use super::{Node, ctr::Ctr, driver, netpol, process_name};
use crate::{
    binaries::Component,
    images::{PAUSE_IMAGE, registry::ADDRESS as REGISTRY},
    network::NodeNetwork,
    process::{Process, Spawn, spawn},
    state::{State, create_dir, write_private},
    wait::{Look, until},
};

const DEADLINE: Duration = Duration::from_secs(30);
pub(super) async fn start(node: &Node<'_>, mounts_of: i32) -> Result<()> {
    let dir = node.dir();
    create_dir(&dir.join("cni"))?;
    write_private(
        &dir.join("cni/10-warren.conflist"),
        &network_configuration(node.network, &dir),
    )?;
    netpol::write_plugin(&dir)?;
    let store = store(&node.network.name)?;
    create_dir(&store)?;
    let mirror = dir.join("registries/_default");
    create_dir(&mirror)?;
    write_private(&mirror.join("hosts.toml"), &mirror_configuration())?;
    let configuration = dir.join("containerd.toml");
    write_private(&configuration, &containerd_configuration(&dir, &store))?;

    let process = launch(node, mounts_of, &configuration).await?;
    let ctr = Ctr::new(node.state, node.binaries, &node.network.name)?;
    if ctr.remove_containers().await? {
        // The CRI plugin has read them at its start and would report them to the kubelet: read again.
        process.signal(nix::sys::signal::Signal::SIGTERM)?;
        let log = node.state.log(&process.name);
        until("containerd to stop", Some(&log), DEADLINE, || async {
            if process.is_alive() {
                Look::NotYet("running".to_owned())
            } else {
                Look::Ready(())
            }
        })
        .await?;
        launch(node, mounts_of, &configuration).await?;
    }
    Ok(())
}

async fn launch(node: &Node<'_>, mounts_of: i32, configuration: &Path) -> Result<Process> {
    let name = node.process_name("containerd");
    let binary = node.binaries.path(Component::Containerd)?;
    let shims = node.binaries.dir(Component::Shim)?;
    let args = vec![
        format!("--config={}", configuration.display()),
        "--log-level=info".to_owned(),
    ];
    let process = spawn(
        node.state,
        &Spawn {
            name: &name,
            network: Some(&node.network.name),
            mounts_of: Some(mounts_of),
            program: &binary,
            args,
            path: vec![&shims],
        },
    )?;
    let log = node.state.log(&name);
    let socket = socket(node.state, &node.network.name);
    until(
        &format!("containerd of node {}", node.network.name),
        Some(&log),
        DEADLINE,
        || async {
            if tokio::net::UnixStream::connect(&socket).await.is_ok() {
                Look::Ready(())
            } else if process.is_alive() {
                Look::NotYet("its socket does not answer".to_owned())
            } else {
                Look::Never("containerd ended".to_owned())
            }
        },
    )
    .await?;
    Ok(process)
}

/// Socket of a node's containerd.
pub(super) fn socket(state: &State, node: &str) -> PathBuf {
    state.node(node).join("containerd.sock")
}

/// Where a node's images are kept, also while no host runs: importing gigabytes again would take minutes.
fn store(node: &str) -> Result<PathBuf> {
    Ok(crate::binaries::cache_dir()?.join("images-store").join(node))
}

/// `ptp` rather than `bridge`: each packet between Pods is routed, so that the NetworkPolicy agent's rules see all of
/// them.
fn network_configuration(network: &NodeNetwork, dir: &Path) -> String {
    let (addresses, plugin) = (dir.join("addresses"), netpol::PLUGIN);
    format!(
        r#"{{"cniVersion":"1.0.0","name":"warren","plugins":[
  {{"type":"{plugin}","ipMasq":false,"mtu":1500,
    "ipam":{{"type":"host-local","dataDir":"{}","ranges":[[{{"subnet":"{}"}}]],"routes":[{{"dst":"0.0.0.0/0"}}]}}}},
  {{"type":"portmap","capabilities":{{"portMappings":true}}}}
]}}
"#,
        addresses.display(),
        network.pod_cidr
    )
}

/// Every registry is looked for on this machine first. Mostly nobody listens there, and the answer comes at once.
fn mirror_configuration() -> String {
    format!("[host.\"http://{REGISTRY}\"]\n  capabilities = [\"pull\", \"resolve\"]\n")
}

fn containerd_configuration(dir: &Path, store: &Path) -> String {
    let (own_plugins, plugins) = (netpol::plugins(dir), crate::packages::CNI_PLUGINS);
    let cdi = driver::device_descriptions(dir);
    let (store, dir, own_plugins, cdi) = (
        store.display(),
        dir.display(),
        own_plugins.display(),
        cdi.display(),
    );
    format!(
        r#"version = 3
root = "{store}"
state = "{dir}/containerd"
oom_score = 0
imports = []
# Not used, and they write to fixed paths or look for kernel modules.
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.differ.v1.erofs",
  "io.containerd.mount-handler.v1.erofs", "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri",
]
[grpc]
  address = "{dir}/containerd.sock"
[plugins."io.containerd.metadata.v1.bolt"]
  no_sync = true
[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE (containers, small virtual machines) every sandbox would fail.
  restrict_oom_score_adj = true
  disable_apparmor = true
  # Network namespaces of Pods lie below the state directory, so that nothing of them stays in /run/netns.
  netns_mounts_under_state_dir = true
  cdi_spec_dirs = ["{cdi}"]
  # For UsageNanoCores, which nobody here asks for: every second each container's shim would read all of its cgroup's files.
  stats_collect_period = "1m"
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{own_plugins}", "{plugins}"]
    conf_dir = "{dir}/cni"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "{dir}/registries"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"
"#
    )
}

/// Name of a node's containerd process.
pub(crate) fn process(node: &str) -> String {
    process_name("containerd", node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_containerd_writes_lies_in_directories_of_the_node() {
        let text = containerd_configuration(Path::new("/state/wn1"), Path::new("/store/wn1"));
        assert!(
            text.contains(r#"root = "/store/wn1""#) && text.contains(r#"state = "/state/wn1/containerd""#)
        );
        assert!(text.contains("netns_mounts_under_state_dir = true"));
    }

    #[test]
    fn the_network_configuration_is_json() {
        let text = network_configuration(&NodeNetwork::numbered(2), Path::new("/state/wn2"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value["plugins"][0]["ipam"]["ranges"][0][0]["subnet"],
            "10.244.2.0/24"
        );
    }
}
