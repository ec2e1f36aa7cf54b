//! A node's kube-proxy: Services by nftables.
use anyhow::Result;

use super::Node;
use crate::{binaries::Component, network::POD_CIDR};

pub(super) fn start(node: &Node<'_>, mounts_of: i32) -> Result<()> {
    let binary = node.binaries.path(Component::KubeProxy)?;
    let args = vec![
        format!("--kubeconfig={}", node.state.pki("kube-proxy.conf").display()),
        format!("--hostname-override={}", node.network.name),
        // What does not come from a Pod is masqueraded, so that answers pass the node that rewrote the request.
        format!("--cluster-cidr={POD_CIDR}"),
        "--proxy-mode=nftables".to_owned(),
        // The limit is the machine's, not a namespace's.
        "--conntrack-max-per-core=0".to_owned(),
    ];
    node.spawn("kube-proxy", mounts_of, &binary, args)
}
