//! A NetworkPolicy, read once: what it selects, isolates and lets through. What cannot be read lets nothing through.
use ipnet::Ipv4Net;
use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
        NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use kube::core::Selector;

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Pods of its namespace that it is about.
    pub pods: Selector,
    /// What may reach them; `None` where it does not isolate them from anything.
    pub ingress: Option<Vec<Rule>>,
    /// What they may reach; `None` where it does not isolate them from anything.
    pub egress: Option<Vec<Rule>>,
}

/// Lets through what matches one of its peers and one of its ports.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `None` is everybody.
    pub peers: Option<Vec<Peer>>,
    /// `None` is everything, also what has no ports.
    pub ports: Option<Vec<Port>>,
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Peer {
    /// Pods.
    Pods {
        /// In these namespaces; `None` is the policy's own.
        namespaces: Option<Selector>,
        /// And with these labels.
        pods: Selector,
    },
    /// Addresses, whoever has them.
    Block {
        /// These,
        net: Ipv4Net,
        /// but not these.
        except: Vec<Ipv4Net>,
    },
}

/// A port of the connection's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// All ports of a protocol.
    Any(Protocol),
    /// From the first to the last, both included.
    Range(Protocol, u16, u16),
    /// Whatever number the target's containers give this name.
    Named(Protocol, String),
}

/// A protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// Where none is named, it is TCP.
    pub fn read(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("TCP") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }

    /// As nftables calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl Policy {
    /// Reads a policy. IPv6 blocks match nothing: the host has no IPv6.
    pub fn read(spec: &NetworkPolicySpec) -> Self {
        let NetworkPolicySpec {
            egress,
            ingress,
            pod_selector,
            policy_types,
        } = spec;
        let isolates = |direction: &str| match policy_types {
            Some(types) if !types.is_empty() => types.iter().any(|named| named == direction),
            _ => direction == "Ingress" || egress.as_ref().is_some_and(|rules| !rules.is_empty()),
        };
        let ingress_rules = ingress.iter().flatten().map(Rule::ingress);
        let egress_rules = egress.iter().flatten().map(Rule::egress);
        Self {
            // A policy that is about too many Pods closes too much; too few would leave some open.
            pods: selector(pod_selector.as_ref()).unwrap_or_default(),
            ingress: isolates("Ingress").then(|| ingress_rules.collect()),
            egress: isolates("Egress").then(|| egress_rules.collect()),
        }
    }
}

impl Rule {
    fn ingress(rule: &NetworkPolicyIngressRule) -> Self {
        let NetworkPolicyIngressRule { from, ports } = rule;
        Self::read(from.as_deref(), ports.as_deref())
    }

    fn egress(rule: &NetworkPolicyEgressRule) -> Self {
        let NetworkPolicyEgressRule { ports, to } = rule;
        Self::read(to.as_deref(), ports.as_deref())
    }

    /// Empty lists mean the same as none.
    fn read(peers: Option<&[NetworkPolicyPeer]>, ports: Option<&[NetworkPolicyPort]>) -> Self {
        let peers = peers.filter(|peers| !peers.is_empty());
        let ports = ports.filter(|ports| !ports.is_empty());
        Self {
            peers: peers.map(|peers| peers.iter().filter_map(Peer::read).collect()),
            ports: ports.map(|ports| ports.iter().filter_map(Port::read).collect()),
        }
    }
}

impl Peer {
    fn read(peer: &NetworkPolicyPeer) -> Option<Self> {
        let NetworkPolicyPeer {
            ip_block,
            namespace_selector,
            pod_selector,
        } = peer;
        if let Some(IPBlock { cidr, except }) = ip_block {
            let except = except.iter().flatten();
            return Some(Self::Block {
                net: block(cidr)?,
                except: except.filter_map(|cidr| block(cidr)).collect(),
            });
        }
        Some(Self::Pods {
            namespaces: match namespace_selector {
                Some(namespaces) => Some(selector(Some(namespaces))?),
                // The API refuses a peer that says nothing.
                None => pod_selector.as_ref().map(|_own| None)?,
            },
            pods: selector(pod_selector.as_ref())?,
        })
    }
}

impl Port {
    fn read(port: &NetworkPolicyPort) -> Option<Self> {
        let NetworkPolicyPort {
            end_port,
            port,
            protocol,
        } = port;
        let protocol = Protocol::read(protocol.as_deref())?;
        Some(match port {
            None => Self::Any(protocol),
            Some(IntOrString::String(name)) => Self::Named(protocol, name.clone()),
            Some(IntOrString::Int(first)) => {
                let last = end_port.unwrap_or(*first).max(*first);
                Self::Range(protocol, u16::try_from(*first).ok()?, u16::try_from(last).ok()?)
            }
        })
    }
}

/// None, and an empty one, select everything.
fn selector(selector: Option<&LabelSelector>) -> Option<Selector> {
    Selector::try_from(selector.cloned().unwrap_or_default()).ok()
}

/// Bits beyond the prefix do not count.
fn block(cidr: &str) -> Option<Ipv4Net> {
    cidr.parse::<Ipv4Net>().ok().map(|net| net.trunc())
}
