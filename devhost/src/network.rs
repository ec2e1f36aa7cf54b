//! The host's network: one namespace for the control plane, one per node, joined by a bridge, with no way out.
use anyhow::{Context as _, Result};

use crate::command::{command, output, output_with_input};

/// Network namespace of the control plane.
pub const CONTROL_PLANE: &str = "wcp";
/// Address of the control plane.
pub const CONTROL_PLANE_ADDRESS: &str = "10.88.0.1";
/// Where the addresses of the control plane and of all nodes are.
pub const NODES_CIDR: &str = "10.88.0.0/24";
/// All Pods of all nodes.
pub const POD_CIDR: &str = "10.244.0.0/16";
/// All Services.
pub const SERVICE_CIDR: &str = "10.96.0.0/16";
/// First address of [`SERVICE_CIDR`]: `default/kubernetes`.
pub const API_SERVICE_ADDRESS: &str = "10.96.0.1";
/// The host's own cluster DNS.
pub const DNS_ADDRESS: &str = "10.96.0.10";
/// Addresses and Pod ranges are counted by node, and one octet holds them.
pub const MAX_NODES: u8 = 9;

/// One node's place in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNetwork {
    /// Name of the node and of its network namespace: `wn1`, `wn2`, …
    pub name: String,
    /// Address of the node: `10.88.0.11`, …
    pub address: String,
    /// Range of its Pods: `10.244.1.0/24`, …
    pub pod_cidr: String,
}

impl NodeNetwork {
    /// The node with this number, counted from 1.
    pub fn numbered(number: u8) -> Self {
        Self {
            name: format!("wn{number}"),
            address: format!("10.88.0.1{number}"),
            pod_cidr: format!("10.244.{number}.0/24"),
        }
    }

    /// Nodes 1 to `count`.
    pub fn all(count: u8) -> Vec<Self> {
        (1..=count).map(Self::numbered).collect()
    }
}

/// Makes all namespaces, links and routes.
///
/// # Errors
/// If `ip` fails, for example because a namespace of that name exists.
pub async fn create(nodes: &[NodeNetwork]) -> Result<()> {
    let mut names: Vec<&str> = vec![CONTROL_PLANE];
    names.extend(nodes.iter().map(|node| node.name.as_str()));
    let namespaces: Vec<String> = names.iter().map(|name| format!("netns add {name}")).collect();
    batch(None, &namespaces.join("\n"))
        .await
        .context("failed to make network namespaces")?;
    batch(Some(CONTROL_PLANE), &control_plane_commands(nodes)).await?;
    for node in nodes {
        batch(Some(&node.name), &node_commands(node, nodes)).await?;
    }
    for name in names {
        set_kernel_parameters(name).await?;
    }
    Ok(())
}

/// `unreachable` instead of a route to anywhere: no packet leaves the machine, and the sender is told at once
/// (`blackhole` would be silent for forwarded packets, and every look-up of an outside name would hang).
fn control_plane_commands(nodes: &[NodeNetwork]) -> String {
    let mut lines = vec![
        "link set lo up".to_owned(),
        "link add br0 type bridge".to_owned(),
        format!("addr add {CONTROL_PLANE_ADDRESS}/24 dev br0"),
        "link set br0 up".to_owned(),
        "route add unreachable default".to_owned(),
    ];
    for node in nodes {
        let NodeNetwork {
            name,
            address,
            pod_cidr,
        } = node;
        lines.push(format!("link add {name} type veth peer name eth0 netns {name}"));
        lines.push(format!("link set {name} master br0 up"));
        lines.push(format!("route add {pod_cidr} via {address}"));
    }
    // Any node's kube-proxy will do: it is how the apiserver reaches webhooks behind a Service.
    if let Some(first) = nodes.first() {
        lines.push(format!("route add {SERVICE_CIDR} via {}", first.address));
    }
    lines.join("\n")
}

fn node_commands(node: &NodeNetwork, nodes: &[NodeNetwork]) -> String {
    let mut lines = vec![
        "link set lo up".to_owned(),
        format!("addr add {}/24 dev eth0", node.address),
        "link set eth0 up".to_owned(),
        // Service addresses need some route before kube-proxy rewrites them; it ends in the control plane.
        format!("route add default via {CONTROL_PLANE_ADDRESS}"),
    ];
    for other in nodes.iter().filter(|other| *other != node) {
        lines.push(format!("route add {} via {}", other.pod_cidr, other.address));
    }
    lines.join("\n")
}

/// Forwarding, and no limit on "unreachable" answers: the second connect fails as fast as the first.
async fn set_kernel_parameters(namespace: &str) -> Result<()> {
    let script = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit";
    let mut enter = command("nsenter");
    enter
        .arg(format!("--net=/run/netns/{namespace}"))
        .args(["--", "sh", "-c", script]);
    output(&mut enter)
        .await
        .map(drop)
        .with_context(|| format!("failed to set up namespace {namespace}"))
}

async fn batch(namespace: Option<&str>, lines: &str) -> Result<()> {
    let mut ip = command("ip");
    if let Some(name) = namespace {
        ip.args(["-n", name]);
    }
    ip.args(["-batch", "-"]);
    output_with_input(&mut ip, lines)
        .await
        .map(drop)
        .context("failed to set up the host's network")
}

/// Deletes the host's namespaces; the links in them go with them. None there is no error.
///
/// # Errors
/// If a namespace cannot be deleted.
pub async fn delete() -> Result<()> {
    for name in existing() {
        output(command("ip").args(["netns", "del", &name])).await?;
    }
    Ok(())
}

/// Those of the host's namespaces that exist.
pub fn existing() -> Vec<String> {
    let nodes = NodeNetwork::all(MAX_NODES).into_iter().map(|node| node.name);
    std::iter::once(CONTROL_PLANE.to_owned())
        .chain(nodes)
        .filter(|name| path(name).exists())
        .collect()
}

/// File that stands for a namespace.
pub fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new("/run/netns").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_default_route_of_the_control_plane_goes_nowhere() {
        let commands = control_plane_commands(&NodeNetwork::all(2));
        let defaults: Vec<&str> = commands.lines().filter(|line| line.contains("default")).collect();
        assert_eq!(defaults, ["route add unreachable default"]);
    }

    #[test]
    fn each_node_has_a_route_to_the_pods_of_every_other() {
        let nodes = NodeNetwork::all(3);
        let commands = node_commands(&nodes[1], &nodes);
        assert!(commands.contains("route add 10.244.1.0/24 via 10.88.0.11"));
        assert!(commands.contains("route add 10.244.3.0/24 via 10.88.0.13"));
        assert!(!commands.contains("10.244.2.0/24"));
    }
}
