//! Ports of a rule, and what of an open rule's ports they allow.

use k8s_openapi::api::networking::v1::NetworkPolicyPort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::ports;

const TCP: &str = "TCP";
const UDP: &str = "UDP";

/// The ports that a rule names; `None`: any.
pub(super) type Ports = Option<Vec<NetworkPolicyPort>>;

/// A tenant's ports with the defaults of an apiserver.
pub(super) fn read(tenant: Option<&[NetworkPolicyPort]>) -> Ports {
    let tenant = tenant.filter(|ports| !ports.is_empty())?;
    let port = |port: &NetworkPolicyPort| {
        let NetworkPolicyPort {
            end_port,
            port,
            protocol,
        } = port;
        NetworkPolicyPort {
            end_port: *end_port,
            port: port.clone(),
            protocol: Some(protocol.clone().unwrap_or_else(|| TCP.to_owned())),
        }
    };
    Some(tenant.iter().map(port).collect())
}

/// The ports of an open rule that `wanted` allows too. `None`: not one.
pub(super) fn within(open: &Ports, wanted: &Ports) -> Option<Ports> {
    let (Some(open), Some(wanted)) = (open, wanted) else {
        return Some(open.clone().or_else(|| wanted.clone()));
    };
    let allowed: Vec<NetworkPolicyPort> = open
        .iter()
        .filter(|open| wanted.iter().any(|wanted| allows(wanted, open)))
        .cloned()
        .collect();
    (!allowed.is_empty()).then_some(Some(allowed))
}

/// Whether a tenant's port is what it sees of the open rule's.
fn allows(wanted: &NetworkPolicyPort, open: &NetworkPolicyPort) -> bool {
    let Some(IntOrString::Int(target)) = open.port else {
        return false;
    };
    if wanted.protocol != open.protocol {
        return false;
    }
    let seen = seen(target, open.protocol.as_deref().unwrap_or(TCP));
    match &wanted.port {
        None => true,
        Some(IntOrString::Int(first)) => {
            let last = wanted.end_port.unwrap_or(*first);
            seen.numbers.iter().any(|number| (*first..=last).contains(number))
        }
        Some(IntOrString::String(name)) => seen.name == Some(name.as_str()),
    }
}

/// A port as a tenant sees it.
struct Seen {
    numbers: Vec<i32>,
    name: Option<&'static str>,
}

/// Policies hold where the packet arrives, so a tenant writes what it knows of the other end: of DNS the port and the names
/// that CoreDNS has in any cluster, of its API the port of `default/kubernetes` or of a kube-apiserver.
fn seen(target: i32, protocol: &str) -> Seen {
    if target == i32::from(ports::DNS_TARGET) {
        return Seen {
            numbers: vec![i32::from(ports::DNS)],
            name: match protocol {
                UDP => Some("dns"),
                TCP => Some("dns-tcp"),
                _ => None,
            },
        };
    }
    let mut numbers = vec![target];
    if target == i32::from(ports::API) {
        numbers.push(i32::from(ports::API_SERVICE));
    }
    Seen { numbers, name: None }
}

/// Whether an open rule leads to this port and to no other.
pub(super) fn leads_to(open: &Ports, target: u16) -> bool {
    let is_target = |port: &NetworkPolicyPort| port.port == Some(IntOrString::Int(i32::from(target)));
    open.as_ref()
        .is_some_and(|ports| !ports.is_empty() && ports.iter().all(is_target))
}
