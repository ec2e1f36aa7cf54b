//! Ranges of addresses of the host: which are its own, and lists of them without repetition.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer};

use crate::virtual_cluster::validate::HostFacts;

/// Private, link-local and shared ranges: the host's nodes, Pods and Services and the network around them are in
/// these as a rule. What of the host lies elsewhere is added from its objects.
const NOT_INTERNET: [&str; 5] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];

/// What is not outside: private ranges, and those of the host's Pods and Services.
pub(super) fn inside(host: &HostFacts) -> Vec<IpNet> {
    let own = host.pod_cidrs.iter().chain(&host.service_cidrs);
    let texts = NOT_INTERNET.into_iter().chain(own.map(String::as_str));
    distinct(texts.filter_map(|text| text.parse().ok()))
}

/// The host's nodes, each as a range of one address.
pub(super) fn nodes(host: &HostFacts) -> Vec<IpNet> {
    let addresses = host.node_addresses.iter();
    distinct(addresses.filter_map(|text| text.parse::<IpAddr>().ok().map(IpNet::from)))
}

/// Sorted, without those that another one covers.
pub(super) fn distinct(ranges: impl IntoIterator<Item = IpNet>) -> Vec<IpNet> {
    let all: BTreeSet<IpNet> = ranges.into_iter().map(|range| range.trunc()).collect();
    let mut kept: Vec<IpNet> = Vec::new();
    // A range is sorted right before those that it covers.
    for range in all {
        if !kept.last().is_some_and(|last| last.contains(&range)) {
            kept.push(range);
        }
    }
    kept
}

/// Every IPv4 address but those in `except`. What is outside is IPv4 alone: of IPv6 it is not known what is private.
pub(super) fn outside(except: &[IpNet]) -> NetworkPolicyPeer {
    let v4 = except.iter().filter(|range| range.addr().is_ipv4());
    block(IpNet::V4(Ipv4Net::default()), v4)
}

/// One range.
pub(super) fn block<'a>(range: IpNet, except: impl IntoIterator<Item = &'a IpNet>) -> NetworkPolicyPeer {
    let except: Vec<String> = except.into_iter().map(IpNet::to_string).collect();
    NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: range.to_string(),
            except: (!except.is_empty()).then_some(except),
        }),
        ..NetworkPolicyPeer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_range_covers_is_not_repeated() {
        let ranges =
            |texts: &[&str]| -> Vec<IpNet> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let given = ranges(&[
            "10.1.0.0/16",
            "10.0.0.0/8",
            "10.0.0.0/16",
            "11.0.0.7/8",
            "11.0.0.0/8",
            "fd00::/8",
        ]);
        assert_eq!(distinct(given), ranges(&["10.0.0.0/8", "11.0.0.0/8", "fd00::/8"]));
    }

    #[test]
    fn the_lists_do_not_grow_with_nodes_in_private_ranges() {
        let host = |nodes: u8| HostFacts {
            service_cidrs: vec!["10.96.0.0/16".to_owned()],
            node_addresses: (0..nodes).map(|node| format!("10.88.0.{node}")).collect(),
            pod_cidrs: (0..nodes).map(|node| format!("10.244.{node}.0/24")).collect(),
            ..HostFacts::default()
        };
        assert_eq!(inside(&host(0)), inside(&host(200)));
    }
}
