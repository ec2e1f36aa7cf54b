//! May the tenant's kube-apiserver go there? Pure; from the host's records only.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use warren_crds::keys::{METRICS_HOST, ports};

use super::target::{Host, Target};

/// A virtual Node and the addresses of the host node behind it.
#[derive(Clone, Debug)]
pub struct NodeRecord {
    /// Name, the same on both sides.
    pub name: String,
    /// Its addresses on the host.
    pub addresses: Vec<IpAddr>,
}

/// A host Pod of this cluster.
#[derive(Clone, Debug)]
pub struct PodRecord {
    /// Its addresses, as the host says.
    pub addresses: Vec<IpAddr>,
    /// In the host's network: its address is the node's.
    pub host_network: bool,
    /// Being deleted, or ended: its address may be somebody else's by now.
    pub gone: bool,
}

/// A host Service of this cluster.
#[derive(Clone, Debug)]
pub struct ServiceRecord {
    /// Namespace and name in the tenant.
    pub tenant: (String, String),
    /// Addresses of the cluster; empty for headless and ExternalName ones.
    pub addresses: Vec<IpAddr>,
    /// TCP ports.
    pub ports: Vec<u16>,
}

/// What the host knows.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Nodes of the view; `None` while none was received.
    pub nodes: Option<Vec<NodeRecord>>,
    /// Own host Pods; `None` while they are not known completely.
    pub pods: Option<Vec<PodRecord>>,
    /// Own host Services; `None` while they are not known completely.
    pub services: Option<Vec<ServiceRecord>>,
    /// The tenant's DNS.
    pub dns: Option<IpAddr>,
    /// Such as `cluster.local`.
    pub cluster_domain: String,
}

/// What to do with a `CONNECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer it here, as the kubelet of this node.
    Kubelet {
        /// The node.
        node: String,
    },
    /// Answer it here, as `metrics.k8s.io`.
    Metrics,
    /// Dial this very address.
    Dial(SocketAddr),
    /// Refuse.
    Denied(Denial),
    /// Not known yet: refuse, and the caller tries again.
    NotReady,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// Loopback, link-local, multicast, unspecified, or IPv4 in IPv6 clothes.
    SpecialAddress,
    /// A node's address on a port that is not the kubelet's.
    NodePort,
    /// A Pod of this cluster that is being deleted or has ended.
    PodGone,
    /// A Service of this cluster, on a port that it does not have.
    ServicePort,
    /// The tenant's DNS.
    Dns,
    /// A name that is no Service of this cluster.
    UnknownName,
    /// Nothing of this cluster's.
    Foreign,
}

impl Denial {
    /// A word for metrics and Events.
    pub fn reason(self) -> &'static str {
        match self {
            Self::SpecialAddress => "SpecialAddress",
            Self::NodePort => "NodePort",
            Self::PodGone => "PodGone",
            Self::ServicePort => "ServicePort",
            Self::Dns => "Dns",
            Self::UnknownName => "UnknownName",
            Self::Foreign => "Foreign",
        }
    }

    /// A sentence for the tenant, with what to do.
    pub fn message(self) -> &'static str {
        match self {
            Self::SpecialAddress => {
                "loopback, link-local, multicast and unspecified addresses cannot be reached from the control plane; \
                 use a Service of this cluster"
            }
            Self::NodePort => "of a node only the kubelet port 10250 can be reached from the control plane",
            Self::PodGone => "the Pod with this address is being deleted or has ended",
            Self::ServicePort => "the Service with this address has no such TCP port",
            Self::Dns => "the cluster's DNS cannot be reached from the control plane",
            Self::UnknownName => {
                "the name is no Service of this cluster (`<service>.<namespace>.svc`), and this class allows no \
                 outside hosts; use a Service reference"
            }
            Self::Foreign => {
                "the address belongs to no Pod or Service of this cluster, and this class allows no outside hosts"
            }
        }
    }
}

/// Decides about `target`.
pub fn decide(target: &Target, records: &Records) -> Decision {
    match &target.host {
        Host::Address(address) => decide_address(*address, target.port, records),
        Host::Name(name) => decide_name(name, target.port, records),
    }
}

fn decide_address(address: IpAddr, port: u16, records: &Records) -> Decision {
    if is_special(address) {
        return Decision::Denied(Denial::SpecialAddress);
    }
    let Some(nodes) = &records.nodes else {
        return Decision::NotReady;
    };
    if let Some(node) = nodes.iter().find(|node| node.addresses.contains(&address)) {
        // Also when a Pod claims the same address: a node's address is never a Pod's own.
        return if port == ports::KUBELET {
            Decision::Kubelet {
                node: node.name.clone(),
            }
        } else {
            Decision::Denied(Denial::NodePort)
        };
    }
    if records.dns == Some(address) {
        return Decision::Denied(Denial::Dns);
    }
    let (Some(pods), Some(services)) = (&records.pods, &records.services) else {
        return Decision::NotReady;
    };
    if let Some(service) = services
        .iter()
        .find(|service| service.addresses.contains(&address))
    {
        return service_port(service, address, port);
    }
    let mut owners = pods
        .iter()
        .filter(|pod| !pod.host_network && pod.addresses.contains(&address))
        .peekable();
    match (owners.peek().is_some(), owners.any(|pod| !pod.gone)) {
        (_, true) => Decision::Dial(SocketAddr::new(address, port)),
        (true, false) => Decision::Denied(Denial::PodGone),
        (false, false) => Decision::Denied(Denial::Foreign),
    }
}

fn decide_name(name: &str, port: u16, records: &Records) -> Decision {
    // The tenant's Service for it is an `ExternalName`, which the apiserver passes on unresolved.
    if name == METRICS_HOST {
        return match port {
            ports::METRICS => Decision::Metrics,
            _ => Decision::Denied(Denial::ServicePort),
        };
    }
    let denied = Decision::Denied(Denial::UnknownName);
    let Some((service, namespace)) = service_of(name, &records.cluster_domain) else {
        return denied;
    };
    let Some(services) = &records.services else {
        return Decision::NotReady;
    };
    let named = services
        .iter()
        .find(|record| record.tenant.0 == namespace && record.tenant.1 == service);
    match named.and_then(|record| Some((record, *record.addresses.first()?))) {
        Some((record, address)) if !is_special(address) => service_port(record, address, port),
        _ => denied,
    }
}

/// Service and namespace of `<service>.<namespace>.svc`, with or without the cluster's domain or a final dot.
fn service_of<'a>(name: &'a str, cluster_domain: &str) -> Option<(&'a str, &'a str)> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let name = name
        .strip_suffix(cluster_domain)
        .and_then(|rest| rest.strip_suffix('.'))
        .unwrap_or(name);
    let (service, namespace) = name.strip_suffix(".svc")?.split_once('.')?;
    (!service.is_empty() && !namespace.is_empty() && !namespace.contains('.')).then_some((service, namespace))
}

fn service_port(service: &ServiceRecord, address: IpAddr, port: u16) -> Decision {
    if service.ports.contains(&port) {
        Decision::Dial(SocketAddr::new(address, port))
    } else {
        Decision::Denied(Denial::ServicePort)
    }
}

/// Addresses that mean something else on each machine, or nothing; never dialed, whatever a record says.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => {
            let in_v4_clothes = address.to_ipv4().is_some() || address.to_ipv4_mapped().is_some();
            let translated = matches!(address.segments(), [0x64, 0xff9b, ..] | [0x2002, ..]);
            let site_local = address.segments()[0] & 0xffc0 == 0xfec0;
            in_v4_clothes
                || translated
                || site_local
                || address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unicast_link_local()
        }
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0
        || first >= 240
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_unspecified()
        || address.is_broadcast()
}

#[cfg(test)]
mod tests;
