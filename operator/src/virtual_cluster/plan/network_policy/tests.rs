//! What the open policies say, and that two clusters stay apart whatever their Pods are labelled.

use std::net::IpAddr;

use warren_crds::network::Network;

use super::open::workloads;
use super::*;
use crate::limits::POLICY_NODES;
use crate::testing::validated;
use crate::virtual_cluster::names;
use crate::virtual_cluster::validate::HostFacts;

#[path = "../../../../../translate/src/testing/reach.rs"]
mod reach;
use reach::{Cluster, End, Labels, Pod};

/// The tests of the translation start from it.
const OPEN: &str = include_str!("../../../../../translate/src/testing/open.yaml");

fn cluster(id: &str, network: Network) -> ValidatedCluster {
    let mut cluster = validated();
    cluster.namespaces = names::host_namespaces(id);
    id.clone_into(&mut cluster.id);
    cluster.network = network;
    cluster
}

fn from_class() -> Network {
    Network {
        ingress_namespaces: vec!["ingress-nginx".to_owned()],
        ingress_ranges: vec!["192.168.5.0/24".to_owned()],
    }
}

#[test]
fn the_open_policies_are_what_the_translation_is_tested_with() {
    let expected: Vec<NetworkPolicy> = serde_saphyr::from_str(OPEN).unwrap();
    assert_eq!(workloads(&cluster("ci", from_class())).to_vec(), expected);
}

#[test]
fn what_comes_in_at_nodes_is_let_in_unless_there_are_too_many() {
    let from_nodes = |count: usize| {
        let mut cluster = cluster("ci", Network::default());
        cluster.host = HostFacts {
            node_addresses: (0..count)
                .map(|node| format!("10.88.{}.{}", node / 256, node % 256))
                .collect(),
            ..HostFacts::default()
        };
        let [_, ingress, _] = workloads(&cluster);
        let text = serde_json::to_string(&ingress).unwrap();
        text.matches("\"10.88.").count()
    };
    assert_eq!(from_nodes(POLICY_NODES), POLICY_NODES);
    assert_eq!(from_nodes(POLICY_NODES + 1), 0);
}

#[test]
fn the_syncer_is_told_where_the_nodes_are_unless_there_are_too_many() {
    let told = |count: usize| {
        let mut cluster = cluster("ci", Network::default());
        cluster.host.node_addresses = (0..count)
            .map(|node| format!("10.88.{}.{}", node / 256, node % 256))
            .collect();
        let [_, _, egress] = workloads(&cluster);
        egress
            .metadata
            .annotations
            .unwrap_or_default()
            .get(keys::NODE_ADDRESSES)
            .cloned()
    };
    assert_eq!(told(2).as_deref(), Some("10.88.0.0,10.88.0.1"));
    assert_eq!((told(0), told(POLICY_NODES + 1)), (None, None));
}

#[test]
fn nodes_outside_private_ranges_are_no_internet() {
    let mut cluster = cluster("ci", Network::default());
    cluster.host.node_addresses = vec!["203.0.113.7".to_owned(), "2001:db8::7".to_owned()];
    let text = |policy: &NetworkPolicy| serde_json::to_string(&policy.spec).unwrap();
    let [_, _, egress] = workloads(&cluster);
    assert!(text(&egress).contains("203.0.113.7/32"));
    assert!(
        !text(&egress).contains("2001:db8"),
        "an IPv4 block has IPv4 exceptions"
    );
}

/// A Pod that is open both ways, in the workload namespace of a cluster.
fn open_pod(of: &ValidatedCluster) -> Pod {
    let mut labels = names::labels(&of.id);
    for label in [keys::OPEN_INGRESS, keys::OPEN_EGRESS] {
        labels.insert(label.to_owned(), keys::OPEN.to_owned());
    }
    Pod {
        namespace: of.namespaces.workloads.clone(),
        labels,
        ports: Vec::new(),
    }
}

fn namespaces(of: &ValidatedCluster) -> [(String, Labels); 2] {
    let labels = |name: &String, role: &str| {
        let mut labels = names::labels(&of.id);
        labels.insert(keys::NAMESPACE_ROLE.to_owned(), role.to_owned());
        labels.insert(NAMESPACE_NAME.to_owned(), name.clone());
        (name.clone(), labels)
    };
    [
        labels(&of.namespaces.system, "system"),
        labels(&of.namespaces.workloads, "workloads"),
    ]
}

#[test]
fn pods_of_two_clusters_never_meet_and_reach_no_node() {
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    // A class that lets everything in opens nothing between tenants: nobody's Pods may go out there.
    let everything = Network {
        ingress_ranges: vec!["0.0.0.0/0".to_owned()],
        ..Network::default()
    };
    for network in [Network::default(), from_class(), everything] {
        let clusters = ["ci", "cd"].map(|id| cluster(id, network.clone()));
        let host = Cluster {
            namespaces: clusters.iter().flat_map(namespaces).collect(),
            policies: clusters.iter().flat_map(workloads).collect(),
        };
        let pods = clusters.each_ref().map(open_pod);
        let end = |pod: usize, text: &str| End {
            address: address(text),
            pod: Some(&pods[pod]),
        };
        let [ci, other_ci, cd] = [end(0, "10.244.1.2"), end(0, "10.244.2.2"), end(1, "10.244.1.3")];
        assert!(host.passes(ci, other_ci, "TCP", 80));
        assert!(
            !host.passes(ci, cd, "TCP", 80) && !host.passes(cd, ci, "TCP", 80),
            "{network:?}"
        );
        let outside = |text: &str| End {
            address: address(text),
            pod: None,
        };
        let node = outside("10.88.0.11");
        assert!(host.passes(node, ci, "TCP", 80), "what came in at a node port");
        assert!(!host.passes(ci, node, "TCP", 10250));
        assert!(host.passes(ci, outside("198.51.100.1"), "TCP", 443));
        assert!(host.passes(outside("198.51.100.1"), ci, "TCP", 443));
        for closed in ["169.254.169.254", "10.96.0.1", "10.20.0.1", "192.168.5.1"] {
            assert!(!host.passes(ci, outside(closed), "TCP", 443), "{closed}");
        }
    }
}
