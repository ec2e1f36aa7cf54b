//! Pure: the world as one node's nftables rules.
//!
//! Each direction has a base chain of its own, so that what one accepts still passes the other: egress is judged on
//! the node of the source, ingress on the node of the target. Both see a packet after a Service's address has become a
//! Pod's. What comes from the node itself (the kubelet's probes) is not forwarded, and so passes.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;
use kube::core::SelectorExt as _;

use crate::{
    policy::{Peer, Policy, Port, Protocol, Rule},
    world::{Key, Pod, World},
};

/// The table that holds everything.
pub const TABLE: &str = "inet warren-netpol";
/// nftables takes 128 bytes, a zero at the end among them.
const MAX_COMMENT: usize = 120;

/// The node that the rules are for.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Addresses of its Pods.
    pub pods: Ipv4Net,
}

/// Which end of a connection is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// The source, and whom it may reach.
    Egress,
    /// The target, and by whom it may be reached.
    Ingress,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }

    /// Field with the address of the Pod that is judged.
    fn own(self) -> &'static str {
        match self {
            Self::Egress => "ip saddr",
            Self::Ingress => "ip daddr",
        }
    }

    /// Field with the address of the other end.
    fn other(self) -> &'static str {
        match self {
            Self::Egress => "ip daddr",
            Self::Ingress => "ip saddr",
        }
    }

    /// Of the base chains' priority; both come after the rewriting of Service addresses.
    fn priority(self) -> u8 {
        match self {
            Self::Egress => 0,
            Self::Ingress => 1,
        }
    }

    fn rules(self, policy: &Policy) -> Option<&[Rule]> {
        match self {
            Self::Egress => policy.egress.as_deref(),
            Self::Ingress => policy.ingress.as_deref(),
        }
    }
}

/// A Pod of this node.
struct Local<'a> {
    key: &'a Key,
    pod: &'a Pod,
}

/// The rules as text for `nft -f`: one transaction that replaces the table, if there is one, by another.
pub fn ruleset(node: &Node, world: &World) -> String {
    let local: BTreeMap<Ipv4Addr, Local<'_>> = world
        .addressed()
        .filter(|(_, pod, _)| pod.node.as_deref() == Some(&node.name))
        .map(|(key, pod, address)| (address, Local { key, pod }))
        .collect();
    let mut lines = vec![
        format!("table {TABLE}"),
        format!("delete table {TABLE}"),
        format!("table {TABLE} {{"),
        "  set known {".to_owned(),
        "    type ipv4_addr".to_owned(),
    ];
    if !local.is_empty() {
        lines.push(format!("    elements = {{ {} }}", list(local.keys())));
    }
    lines.push("  }".to_owned());
    for direction in [Direction::Egress, Direction::Ingress] {
        lines.extend(chains(direction, node, world, &local));
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}

/// All chains of a direction, those that others name first.
fn chains(
    direction: Direction,
    node: &Node,
    world: &World,
    local: &BTreeMap<Ipv4Addr, Local<'_>>,
) -> Vec<String> {
    // Pods that the same policies isolate share a chain.
    let mut groups: BTreeMap<Vec<&Key>, Vec<Ipv4Addr>> = BTreeMap::new();
    for (address, Local { key, pod }) in local {
        let isolating: Vec<&Key> = world
            .policies
            .iter()
            .filter(|(_, policy)| direction.rules(policy).is_some())
            .filter(|(name, policy)| name.namespace == key.namespace && policy.pods.matches(&pod.labels))
            .map(|(name, _)| name)
            .collect();
        if !isolating.is_empty() {
            groups.entry(isolating).or_default().push(*address);
        }
    }
    let used: BTreeSet<&Key> = groups.keys().flatten().copied().collect();
    let numbers: BTreeMap<&Key, usize> = used.into_iter().zip(1..).collect();
    let name = direction.name();
    let mut lines = Vec::new();
    for (key, number) in &numbers {
        let comment: String = key.to_string().chars().take(MAX_COMMENT).collect();
        lines.push(format!("  chain {name}-policy-{number} {{"));
        lines.push(format!("    comment \"{comment}\""));
        let policy = world.policies.get(key);
        for rule in policy
            .and_then(|policy| direction.rules(policy))
            .unwrap_or_default()
        {
            lines.extend(
                accepting(direction, key, rule, world, local)
                    .into_iter()
                    .map(|line| format!("    {line}")),
            );
        }
        lines.push("  }".to_owned());
    }
    let mut verdicts = Vec::new();
    for ((policies, addresses), group) in groups.iter().zip(1..) {
        lines.push(format!("  chain {name}-pods-{group} {{"));
        for number in policies.iter().filter_map(|key| numbers.get(key)) {
            lines.push(format!("    jump {name}-policy-{number}"));
        }
        lines.push("    drop".to_owned());
        lines.push("  }".to_owned());
        verdicts.extend(
            addresses
                .iter()
                .map(|address| format!("{address} : goto {name}-pods-{group}")),
        );
    }
    lines.extend(base_chain(direction, node, &verdicts, local));
    lines
}

fn base_chain(
    direction: Direction,
    node: &Node,
    verdicts: &[String],
    local: &BTreeMap<Ipv4Addr, Local<'_>>,
) -> Vec<String> {
    let (own, priority) = (direction.own(), direction.priority());
    let mut lines = vec![
        format!("  chain {} {{", direction.name()),
        format!("    type filter hook forward priority {priority}; policy accept;"),
        // What was let through once stays open; answers belong to it.
        "    ct state established,related accept".to_owned(),
    ];
    if !local.is_empty() {
        // A Pod that reaches itself through a Service.
        let itself = local.keys().map(|address| format!("{address} . {address}"));
        lines.push(format!("    ip saddr . ip daddr {{ {} }} accept", list(itself)));
    }
    if !verdicts.is_empty() {
        lines.push(format!("    {own} vmap {{ {} }}", verdicts.join(", ")));
    }
    lines.push(format!("    {own} {} {own} != @known drop", node.pods));
    lines.push("  }".to_owned());
    lines
}

/// One line for each pair of peers and ports that a rule lets through.
fn accepting(
    direction: Direction,
    policy: &Key,
    rule: &Rule,
    world: &World,
    local: &BTreeMap<Ipv4Addr, Local<'_>>,
) -> Vec<String> {
    let peers = match &rule.peers {
        None => vec![String::new()],
        Some(peers) => peer_matches(direction, policy, peers, world),
    };
    let ports = match &rule.ports {
        None => vec![String::new()],
        Some(ports) => port_matches(direction, ports, world, local),
    };
    let pairs = peers
        .iter()
        .flat_map(|peer| ports.iter().map(move |port| format!("{peer}{port}accept")));
    pairs.collect()
}

/// Matches for the other end, each with a space behind it. All Pods are one set, each block is a line of its own.
fn peer_matches(direction: Direction, policy: &Key, peers: &[Peer], world: &World) -> Vec<String> {
    let other = direction.other();
    let mut pods = BTreeSet::new();
    let mut matches = Vec::new();
    for peer in peers {
        match peer {
            Peer::Pods {
                namespaces,
                pods: selector,
            } => pods.extend(world.selected(namespaces.as_ref(), &policy.namespace, selector)),
            Peer::Block { net, except } => {
                let except: Vec<String> = except.iter().map(|net| format!("{other} != {net} ")).collect();
                matches.push(format!("{other} {net} {}", except.concat()));
            }
        }
    }
    if !pods.is_empty() {
        matches.insert(0, format!("{other} {{ {} }} ", list(pods)));
    }
    matches
}

/// Matches for the target's port, each with a space behind it.
fn port_matches(
    direction: Direction,
    ports: &[Port],
    world: &World,
    local: &BTreeMap<Ipv4Addr, Local<'_>>,
) -> Vec<String> {
    let mut matches = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
        let name = protocol.name();
        if ports.contains(&Port::Any(protocol)) {
            matches.push(format!("meta l4proto {name} "));
            continue;
        }
        let mut numbers = BTreeSet::new();
        let mut named = BTreeSet::new();
        for port in ports {
            match port {
                Port::Range(of, first, last) if *of == protocol => {
                    numbers.insert((*first, *last));
                }
                Port::Named(of, port) if *of == protocol => match direction {
                    Direction::Egress => {
                        for (_, pod, address) in world.addressed() {
                            named.extend(resolved(pod, address, protocol, port));
                        }
                    }
                    Direction::Ingress => {
                        for (address, local) in local {
                            named.extend(resolved(local.pod, *address, protocol, port));
                        }
                    }
                },
                _ => {}
            }
        }
        if !numbers.is_empty() {
            let numbers = numbers.into_iter().map(|(first, last)| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}-{last}")
                }
            });
            matches.push(format!("{name} dport {{ {} }} ", list(numbers)));
        }
        if !named.is_empty() {
            let named = named
                .into_iter()
                .map(|(address, port)| format!("{address} . {port}"));
            matches.push(format!("ip daddr . {name} dport {{ {} }} ", list(named)));
        }
    }
    matches
}

/// The numbers that a Pod gives a port's name.
fn resolved(
    pod: &Pod,
    address: Ipv4Addr,
    protocol: Protocol,
    name: &str,
) -> impl Iterator<Item = (Ipv4Addr, u16)> {
    pod.ports
        .iter()
        .filter(move |port| port.protocol == protocol && port.name == name)
        .map(move |port| (address, port.number))
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
