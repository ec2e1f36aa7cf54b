//! Tenants with random namespaces, Pods and policies.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::host::{Member, Tenant, address, named};
use crate::testing::reach::{Cluster, Labels, Pod};

/// Namespaces of every tenant.
const NAMESPACES: [&str; 4] = ["a", "b", "c", "kube-system"];

/// Ranges that meet the Pods' addresses, the host's, those outside, and each other, in every way; and parts of them.
const RANGES: [(&str, &[&str]); 12] = [
    (
        "0.0.0.0/0",
        &[
            "169.254.169.254/32",
            "10.0.0.0/8",
            "198.51.100.0/24",
            "10.244.1.0/25",
            "10.88.0.0/16",
        ],
    ),
    ("0.0.0.0/0", &["169.254.0.0/16", "127.0.0.0/8"]),
    ("10.0.0.0/8", &["10.244.1.0/24", "10.96.0.0/16", "10.88.0.12/32"]),
    ("8.0.0.0/5", &["10.0.0.0/8", "8.8.8.8/32"]),
    ("10.244.0.0/16", &["10.244.1.1/32", "10.244.1.2/31"]),
    ("10.244.1.2/32", &[]),
    ("10.96.0.2/32", &[]),
    ("10.96.0.0/16", &["10.96.0.3/32"]),
    ("198.51.100.0/24", &["198.51.100.8/29"]),
    ("192.168.0.0/16", &["192.168.5.128/25"]),
    ("10.88.0.0/24", &["10.88.0.11/32"]),
    ("fd00::/8", &["fd00::1:0/112"]),
];

fn any_labels() -> impl Strategy<Value = Labels> {
    let key = select(vec!["app".to_owned(), "tier".to_owned(), "k8s-app".to_owned()]);
    btree_map(
        key,
        select(vec!["x".to_owned(), "y".to_owned(), "kube-dns".to_owned()]),
        0..=2,
    )
}

fn any_selector() -> impl Strategy<Value = LabelSelector> {
    let values = vec!["x".to_owned(), "y".to_owned(), "kube-dns".to_owned()];
    let keys = vec![
        "app".to_owned(),
        "tier".to_owned(),
        "k8s-app".to_owned(),
        "kubernetes.io/metadata.name".to_owned(),
    ];
    let operator = select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    let expression = (
        select(keys),
        operator,
        subsequence([values, NAMESPACES.map(str::to_owned).to_vec()].concat(), 1..=3),
    );
    let expressions = vec(expression, 0..=1).prop_map(|expressions| {
        let expressions: Vec<_> = expressions
            .into_iter()
            .map(|(key, operator, values)| LabelSelectorRequirement {
                key,
                operator: operator.to_owned(),
                values: operator.ends_with("In").then_some(values),
            })
            .collect();
        (!expressions.is_empty()).then_some(expressions)
    });
    let equal = prop_oneof![3 => Just(None), 2 => any_labels().prop_map(Some)];
    (expressions, equal).prop_map(|(match_expressions, match_labels)| LabelSelector {
        match_expressions,
        match_labels: match_labels.filter(|labels| !labels.is_empty()),
    })
}

fn any_block() -> impl Strategy<Value = IPBlock> {
    select(RANGES.to_vec()).prop_flat_map(|(cidr, parts)| {
        subsequence(parts.to_vec(), 0..=parts.len()).prop_map(|parts| IPBlock {
            cidr: cidr.to_owned(),
            except: (!parts.is_empty()).then(|| parts.into_iter().map(str::to_owned).collect()),
        })
    })
}

fn any_peer() -> impl Strategy<Value = NetworkPolicyPeer> {
    let block = any_block().prop_map(|block| NetworkPolicyPeer {
        ip_block: Some(block),
        ..NetworkPolicyPeer::default()
    });
    let both = (option::of(any_selector()), any_selector(), any::<bool>());
    let selected = both.prop_map(|(one, other, namespace)| {
        let (namespace_selector, pod_selector) = if namespace {
            (Some(other), one)
        } else {
            (one, Some(other))
        };
        NetworkPolicyPeer {
            ip_block: None,
            namespace_selector,
            pod_selector,
        }
    });
    prop_oneof![2 => block, 3 => selected]
}

fn any_port() -> impl Strategy<Value = NetworkPolicyPort> {
    let number = |number| IntOrString::Int(number);
    let name = |name: &str| IntOrString::String(name.to_owned());
    let port = prop_oneof![
        Just((None, None)),
        select(vec![53, 80, 443, 6443, 1053, 8080]).prop_map(move |port| (Some(number(port)), None)),
        select(vec!["http", "dns", "dns-tcp"]).prop_map(move |port| (Some(name(port)), None)),
        select(vec![(50, 60), (80, 8080), (440, 7000)])
            .prop_map(move |(from, to)| (Some(number(from)), Some(to))),
    ];
    let protocol = select(vec![None, Some("TCP"), Some("UDP")]);
    (port, protocol).prop_map(|((port, end_port), protocol)| NetworkPolicyPort {
        end_port,
        port,
        protocol: protocol.map(str::to_owned),
    })
}

/// The rules of one direction: peers and ports.
type Rules = Vec<(Option<Vec<NetworkPolicyPeer>>, Option<Vec<NetworkPolicyPort>>)>;

fn any_rules() -> impl Strategy<Value = Option<Rules>> {
    let peers =
        prop_oneof![1 => Just(None), 1 => Just(Some(Vec::new())), 6 => vec(any_peer(), 1..=2).prop_map(Some)];
    let ports = prop_oneof![3 => Just(None), 2 => vec(any_port(), 0..=2).prop_map(Some)];
    option::of(vec((peers, ports), 0..=2))
}

fn any_policy() -> impl Strategy<Value = NetworkPolicy> {
    let types = select(vec![
        None,
        Some(vec!["Ingress"]),
        Some(vec!["Egress"]),
        Some(vec!["Ingress", "Egress"]),
    ]);
    let parts = (
        select(&NAMESPACES[..]),
        any_selector(),
        types,
        any_rules(),
        any_rules(),
    );
    parts.prop_map(|(namespace, pods, types, ingress, egress)| {
        let ingress = ingress.map(|rules| {
            let rules = rules.into_iter();
            rules
                .map(|(from, ports)| NetworkPolicyIngressRule { from, ports })
                .collect()
        });
        let egress = egress.map(|rules| {
            let rules = rules.into_iter();
            rules
                .map(|(to, ports)| NetworkPolicyEgressRule { ports, to })
                .collect()
        });
        NetworkPolicy {
            metadata: ObjectMeta {
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(NetworkPolicySpec {
                egress,
                ingress,
                pod_selector: Some(pods),
                policy_types: types.map(|types| types.into_iter().map(str::to_owned).collect()),
            }),
        }
    })
}

fn any_member() -> impl Strategy<Value = Member> {
    let number = select(vec![80, 8080]);
    let parts = (
        select(&NAMESPACES[..]),
        any_labels(),
        option::of(number),
        proptest::bool::weighted(0.2),
    );
    parts.prop_map(|(namespace, labels, http, has_v6)| Member {
        pod: Pod {
            namespace: namespace.to_owned(),
            labels,
            ports: http
                .map(|http| ("http".to_owned(), "TCP".to_owned(), http))
                .into_iter()
                .collect(),
        },
        // The number in it follows.
        addresses: if has_v6 {
            vec![address("10.244.1.0"), address("fd00::1:0")]
        } else {
            vec![address("10.244.1.0")]
        },
    })
}

/// A tenant; its Pods have addresses from the `first` on.
pub(super) fn any_tenant(id: &'static str, first: u8) -> impl Strategy<Value = Tenant> {
    let namespaces = vec(any_labels(), NAMESPACES.len());
    let parts = (namespaces, vec(any_member(), 2..=5), vec(any_policy(), 0..=4));
    parts.prop_map(move |(namespaces, mut members, mut policies)| {
        let namespaces = NAMESPACES.into_iter().zip(namespaces);
        let namespaces = namespaces.map(|(name, labels)| {
            let (name, own) = named(name, &[]);
            (name, labels.into_iter().chain(own).collect())
        });
        for (index, member) in members.iter_mut().enumerate() {
            let number = first + u8::try_from(index).unwrap();
            for address in &mut member.addresses {
                *address = match address {
                    std::net::IpAddr::V4(v4) => (v4.to_bits() + u32::from(number)).to_be_bytes().into(),
                    std::net::IpAddr::V6(v6) => (v6.to_bits() + u128::from(number)).to_be_bytes().into(),
                };
            }
        }
        for (index, policy) in policies.iter_mut().enumerate() {
            policy.metadata.name = Some(format!("policy-{index}"));
            policy.metadata.uid = Some(format!("uid-{index}"));
        }
        Tenant {
            id,
            cluster: Cluster {
                namespaces: namespaces.collect(),
                policies,
            },
            members,
        }
    })
}
