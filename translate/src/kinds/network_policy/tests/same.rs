//! The property that matters: the same verdicts on the host as in the tenant, and none that opens across tenants.

use std::net::IpAddr;

use proptest::prelude::*;

use super::host::{API, DNS, Member, Tenant, address, any_dns, host};
use super::policies::any_tenant;
use crate::testing::reach::{Cluster, End};

/// What connections are tried on.
const PORTS: [(&str, i32); 7] = [
    ("TCP", 80),
    ("TCP", 8080),
    ("TCP", 53),
    ("UDP", 53),
    ("TCP", 443),
    ("TCP", 6443),
    ("UDP", 8080),
];
/// Addresses outside the host.
const OUTSIDE: [&str; 4] = ["8.8.8.8", "198.51.100.9", "198.51.100.77", "11.1.1.1"];
/// Of nodes, and in a range that the class lets in.
const MAY_COME_IN: [&str; 4] = ["10.88.0.11", "10.88.0.12", "192.168.5.7", "192.168.5.200"];
/// Of the host's world: nobody's to reach.
const CLOSED: [&str; 7] = [
    "10.88.0.11",
    "169.254.169.254",
    "10.20.0.5",
    "172.16.1.1",
    "192.168.5.7",
    "10.96.0.1",
    "10.244.1.250",
];

fn outside(text: &str) -> End<'static> {
    End {
        address: address(text),
        pod: None,
    }
}

/// Pairs of addresses of one family.
fn ways<'a>(from: &'a Member, to: &'a Member) -> impl Iterator<Item = (IpAddr, IpAddr)> + 'a {
    let all = from
        .addresses
        .iter()
        .flat_map(|from| to.addresses.iter().map(|to| (*from, *to)));
    all.filter(|(from, to)| from.is_ipv4() == to.is_ipv4())
}

/// Between the tenant's Pods.
fn inside(tenant: &Tenant, on_host: &[Member], host: &Cluster) -> Result<(), TestCaseError> {
    for (from, from_host) in tenant.members.iter().zip(on_host) {
        for (to, to_host) in tenant.members.iter().zip(on_host) {
            // A Pod reaches itself on any cluster.
            if std::ptr::eq(from, to) {
                continue;
            }
            for (source, target) in ways(from, to) {
                for (protocol, port) in PORTS {
                    let native = tenant
                        .cluster
                        .passes(from.end(source), to.end(target), protocol, port);
                    let there = host.passes(from_host.end(source), to_host.end(target), protocol, port);
                    prop_assert_eq!(native, there, "{:?} to {:?} on {} {}", from, to, protocol, port);
                }
            }
        }
    }
    Ok(())
}

/// Between them and everything else.
fn around(tenant: &Tenant, on_host: &[Member], host: &Cluster) -> Result<(), TestCaseError> {
    let (dns, dns_host, api) = (
        any_dns(),
        tenant.component("coredns"),
        tenant.component("control-plane"),
    );
    let behind = |pod| End {
        address: address("10.244.2.9"),
        pod: Some(pod),
    };
    for (pod, pod_host) in tenant.members.iter().zip(on_host) {
        let (own, lowered) = (pod.end(pod.addresses[0]), pod_host.end(pod.addresses[0]));
        for (protocol, port) in PORTS {
            for other in OUTSIDE {
                let other = outside(other);
                let native = tenant.cluster.goes_out(own, other, protocol, port);
                let there = host.goes_out(lowered, other, protocol, port);
                prop_assert_eq!(native, there, "out to {:?} on {} {}", other, protocol, port);
            }
            for other in OUTSIDE.into_iter().chain(MAY_COME_IN) {
                let other = outside(other);
                let native = tenant.cluster.comes_in(other, own, protocol, port);
                let there = host.comes_in(other, lowered, protocol, port);
                prop_assert_eq!(native, there, "in from {:?} on {} {}", other, protocol, port);
            }
            for other in CLOSED {
                prop_assert!(
                    !host.goes_out(lowered, outside(other), protocol, port),
                    "{}",
                    other
                );
            }
            prop_assert!(!host.comes_in(outside("10.20.0.5"), lowered, protocol, port));
            let controller = crate::testing::reach::Pod {
                namespace: "ingress-nginx".to_owned(),
                ..Default::default()
            };
            let controller = End {
                address: address("10.244.7.7"),
                pod: Some(&controller),
            };
            let native = tenant
                .cluster
                .comes_in(outside("10.244.7.7"), own, protocol, port);
            prop_assert!(native || !host.comes_in(controller, lowered, protocol, port));
        }
        for protocol in ["TCP", "UDP"] {
            let any = End {
                address: address(DNS),
                pod: Some(&dns),
            };
            let native = tenant.cluster.goes_out(own, any, protocol, 53);
            let there = host.goes_out(lowered, behind(&dns_host), protocol, 1053);
            prop_assert_eq!(native, there, "DNS by {}", protocol);
        }
        prop_assert!(!host.goes_out(lowered, behind(&dns_host), "TCP", 8080));
        let native = [443, 6443].map(|port| tenant.cluster.goes_out(own, outside(API), "TCP", port));
        let there = host.goes_out(lowered, behind(&api), "TCP", 6443);
        prop_assert_eq!(native.contains(&true), there, "the API");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn a_tenant_that_is_alone_has_the_verdicts_of_its_own_policies(tenant in any_tenant("ci", 1)) {
        let (on_host, host) = (tenant.on_host(), host(&[&tenant]));
        inside(&tenant, &on_host, &host)?;
        around(&tenant, &on_host, &host)?;
    }

    #[test]
    fn two_tenants_keep_their_verdicts_and_never_meet(one in any_tenant("ci", 1), other in any_tenant("cd", 100)) {
        let host = host(&[&one, &other]);
        let (ones, others) = (one.on_host(), other.on_host());
        inside(&one, &ones, &host)?;
        inside(&other, &others, &host)?;
        for one in &ones {
            for other in &others {
                for (source, target) in ways(one, other) {
                    for (protocol, port) in PORTS {
                        let (source, target) = (one.end(source), other.end(target));
                        prop_assert!(!host.passes(source, target, protocol, port));
                        prop_assert!(!host.passes(target, source, protocol, port));
                    }
                }
            }
        }
    }

    /// The order in which the policies of a namespace go: any, as long as no Pod gets a label.
    #[test]
    fn what_goes_from_the_host_before_its_pods_opens_nothing(
        tenant in any_tenant("ci", 1), gone in proptest::collection::vec(any::<bool>(), 4),
    ) {
        let (on_host, before) = (tenant.on_host(), host(&[&tenant]));
        let mut after = before.clone();
        let operators = 3;
        let mut index = 0;
        after.policies.retain(|_| {
            index += 1;
            index <= operators || !gone[index - operators - 1]
        });
        for from in &on_host {
            for to in &on_host {
                for (source, target) in ways(from, to) {
                    for (protocol, port) in PORTS {
                        let (source, target) = (from.end(source), to.end(target));
                        let (before, after) = (before.passes(source, target, protocol, port), after.passes(source, target, protocol, port));
                        prop_assert!(before || !after);
                    }
                }
            }
        }
    }

    #[test]
    fn no_rule_on_the_host_names_everyone(tenant in any_tenant("ci", 1)) {
        for down in tenant.down() {
            let spec = down.object.unwrap().spec.unwrap();
            for rule in spec.ingress.into_iter().flatten() {
                prop_assert!(rule.from.is_some_and(|from| !from.is_empty()));
            }
            for rule in spec.egress.into_iter().flatten() {
                prop_assert!(rule.to.is_some_and(|to| !to.is_empty()));
            }
        }
    }
}
