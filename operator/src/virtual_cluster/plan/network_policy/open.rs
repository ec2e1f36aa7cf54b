//! Pure: the NetworkPolicies of the workload namespace. All Pods of a tenant are in it, and policies only add, so what
//! is open within a tenant is bound to labels that the vkubelet writes: a Pod has them as long as no NetworkPolicy of the
//! tenant isolates it. The tenant's own policies are the syncer's, who reads here what "everyone" is.

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use warren_crds::keys;
use warren_crds::keys::ports::{self, DNS_TARGET};

use super::super::build::workload_meta;
use super::{TCP, UDP, allow_in, allow_out, in_namespaces, own, ranges, role, spec};
use crate::limits::POLICY_NODES;
use crate::virtual_cluster::names::component;
use crate::virtual_cluster::validate::ValidatedCluster;

/// What holds for all Pods, and what for those that are open in a direction.
pub(super) fn workloads(cluster: &ValidatedCluster) -> [NetworkPolicy; 3] {
    [baseline(cluster), open_ingress(cluster), open_egress(cluster)]
}

/// Closed both ways but for the gate, which dials webhooks, aggregated APIs and proxies for the tenant's apiserver.
fn baseline(cluster: &ValidatedCluster) -> NetworkPolicy {
    let gate = vec![own(cluster, "system", component::VKUBELET)];
    NetworkPolicy {
        metadata: workload_meta(cluster, "warren-baseline"),
        spec: Some(spec(
            LabelSelector::default(),
            vec![allow_in(gate, &[])],
            Vec::new(),
        )),
    }
}

/// The tenant itself, what the class names, what is outside the host, and its nodes: what comes through a node port has
/// the node's address. Other tenants have none of these: see [`open_egress`].
fn open_ingress(cluster: &ValidatedCluster) -> NetworkPolicy {
    let network = &cluster.network;
    let inside = ranges::inside(&cluster.host);
    let mut from = vec![role(cluster, "workloads")];
    if !network.ingress_namespaces.is_empty() {
        from.push(in_namespaces(&network.ingress_namespaces));
    }
    from.push(ranges::outside(&inside));
    let mut named: Vec<_> = network
        .ingress_ranges
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let nodes = ranges::nodes(&cluster.host);
    if nodes.len() <= POLICY_NODES {
        named.extend(nodes);
    }
    from.extend(
        ranges::distinct(named)
            .into_iter()
            .map(|range| ranges::block(range, [])),
    );
    NetworkPolicy {
        metadata: workload_meta(cluster, keys::OPEN_INGRESS_POLICY),
        spec: Some(NetworkPolicySpec {
            policy_types: Some(vec!["Ingress".to_owned()]),
            ..spec(open(keys::OPEN_INGRESS), vec![allow_in(from, &[])], Vec::new())
        }),
    }
}

/// The tenant itself, its API and DNS, and what is outside the host: no node, no other Pod, no Service of the host. The
/// nodes' own ports are the platform's; the cluster's node ports the syncer adds ([`keys::NODE_PORTS_POLICY`]).
fn open_egress(cluster: &ValidatedCluster) -> NetworkPolicy {
    let mut inside = ranges::inside(&cluster.host);
    let nodes = ranges::nodes(&cluster.host);
    let addresses: Vec<_> = nodes.iter().map(|node| node.addr().to_string()).collect();
    let is_listed = !addresses.is_empty() && addresses.len() <= POLICY_NODES;
    inside.extend(nodes);
    let egress = vec![
        allow_out(vec![role(cluster, "workloads")], &[]),
        allow_out(
            vec![own(cluster, "system", component::CONTROL_PLANE)],
            &[(TCP, ports::API)],
        ),
        allow_out(
            vec![own(cluster, "system", component::COREDNS)],
            &[(UDP, DNS_TARGET), (TCP, DNS_TARGET)],
        ),
        allow_out(vec![ranges::outside(&ranges::distinct(inside))], &[]),
    ];
    NetworkPolicy {
        metadata: ObjectMeta {
            // For the syncer, which knows the cluster's own node ports.
            annotations: is_listed.then(|| [(keys::NODE_ADDRESSES.to_owned(), addresses.join(","))].into()),
            ..workload_meta(cluster, keys::OPEN_EGRESS_POLICY)
        },
        spec: Some(NetworkPolicySpec {
            policy_types: Some(vec!["Egress".to_owned()]),
            ..spec(open(keys::OPEN_EGRESS), Vec::new(), egress)
        }),
    }
}

/// The Pods that have this label.
fn open(label: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some([(label.to_owned(), keys::OPEN.to_owned())].into()),
        ..LabelSelector::default()
    }
}
