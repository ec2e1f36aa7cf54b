//! A node's kubelet: its configuration and its start.
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{Node, containerd, mounts};
use crate::{
    binaries::Component,
    cgroup, machine,
    network::{DNS_ADDRESS, NodeNetwork},
    state::{State, write_private},
};

pub(super) fn start(node: &Node<'_>, mounts_of: i32) -> Result<()> {
    let dir = node.dir();
    let memory = machine::memory_kib()?;
    let configuration = configuration(node.state, node.network, &dir, memory, node.count);
    let path = dir.join("kubelet.json");
    write_private(
        &path,
        &serde_json::to_string_pretty(&configuration)
            .context("failed to encode the kubelet's configuration")?,
    )?;
    let binary = node.binaries.path(Component::Kubelet)?;
    let args = vec![
        format!("--config={}", path.display()),
        format!(
            "--kubeconfig={}",
            node.state.pki(&format!("{}.conf", node.network.name)).display()
        ),
        format!("--root-dir={}", mounts::kubelet_root()?),
        format!("--hostname-override={}", node.network.name),
        format!("--node-ip={}", node.network.address),
        "--v=1".to_owned(),
    ];
    node.spawn("kubelet", mounts_of, &binary, args)
}

/// The kubelet's configuration file. JSON, because YAML has it as a subset.
fn configuration(
    state: &State,
    network: &NodeNetwork,
    dir: &Path,
    machine_memory_kib: u64,
    nodes: u8,
) -> serde_json::Value {
    let NodeNetwork { name, address, .. } = network;
    let share = machine_memory_kib / u64::from(nodes.max(1));
    let pki = |name: String| state.pki(&name).display().to_string();
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": pki("ca.crt".to_owned())},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": pki(format!("kubelet-{name}.crt")),
        "tlsPrivateKeyFile": pki(format!("kubelet-{name}.key")),
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_ADDRESS],
        // No uplink, so no outside name server either.
        "resolvConf": "",
        "containerRuntimeEndpoint": format!("unix://{}", containerd::socket(state, name).display()),
        "podLogsDir": dir.join("pod-logs"),
        "volumePluginDir": dir.join("volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", cgroup::name(name)),
        "cgroupsPerQOS": true,
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        "localStorageCapacityIsolation": false,
        // All nodes see the machine's whole memory; each offers its share of it. CPU is offered in full by each,
        // because too little of it makes Pods slow, not dead, and small machines would fit next to nothing.
        "systemReserved": {"memory": format!("{}Ki", machine_memory_kib - share)},
        "evictionHard": {"memory.available": "100Mi"},
        // Images come from archives, not from a registry: what the kubelet deletes would be gone for good.
        "imageGCHighThresholdPercent": 100,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "maxPods": 200,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "10s",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_nodes_together_offer_the_memory_once() {
        let state = State::locate().unwrap();
        let network = NodeNetwork::numbered(2);
        let value = configuration(&state, &network, Path::new("/n"), 24_000, 2);
        assert_eq!(value["systemReserved"]["memory"], "12000Ki");
        let alone = configuration(&state, &network, Path::new("/n"), 24_000, 1);
        assert_eq!(alone["systemReserved"]["memory"], "0Ki");
    }

    #[test]
    fn the_kubelet_listens_on_its_own_address_and_cgroup() {
        let state = State::locate().unwrap();
        let value = configuration(&state, &NodeNetwork::numbered(2), Path::new("/n"), 1, 1);
        assert_eq!(value["address"], "10.88.0.12");
        assert_eq!(value["cgroupRoot"], "/warren-wn2");
        assert_eq!(value["authentication"]["anonymous"]["enabled"], false);
    }
}
