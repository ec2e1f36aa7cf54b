//! The host's policies that let through what is shared by name, in both directions, and what [`node_ports`](super::node_ports)
//! are for: for Pods that the tenant itself does not isolate.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys;

use crate::identity::Cluster;

/// Label (`true`) of these policies.
pub const SHARED: &str = "warren.dev/shared-policy";
/// Label that every namespace has: its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
const TRUE: &str = "true";

/// Name of the policy that lets Pods out to those behind mapped Services.
pub const FROM_HOST_SERVICES: &str = "warren-from-host-services";

/// Lets Pods out, by these rules.
pub fn egress(cluster: &Cluster, name: &str, rules: Vec<NetworkPolicyEgressRule>) -> NetworkPolicy {
    let spec = NetworkPolicySpec {
        egress: Some(rules),
        ingress: None,
        pod_selector: Some(labels(
            [(keys::OPEN_EGRESS.to_owned(), keys::OPEN.to_owned())].into(),
        )),
        policy_types: Some(vec!["Egress".to_owned()]),
    };
    policy(cluster, name, spec)
}

/// Lets others in to the Pods with these labels; `name` tells it from the others.
pub fn ingress(
    cluster: &Cluster,
    name: &str,
    mut pods: BTreeMap<String, String>,
    rule: NetworkPolicyIngressRule,
) -> NetworkPolicy {
    pods.insert(keys::OPEN_INGRESS.to_owned(), keys::OPEN.to_owned());
    let spec = NetworkPolicySpec {
        egress: None,
        ingress: Some(vec![rule]),
        pod_selector: Some(labels(pods)),
        policy_types: Some(vec!["Ingress".to_owned()]),
    };
    policy(cluster, &format!("warren-to-host-{name}"), spec)
}

fn policy(cluster: &Cluster, name: &str, spec: NetworkPolicySpec) -> NetworkPolicy {
    let labels = [
        (keys::CLUSTER, cluster.id.as_str()),
        (keys::MANAGED_BY, keys::MANAGED_BY_WARREN),
        (SHARED, TRUE),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    NetworkPolicy {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(cluster.workload_namespace.as_str().to_owned()),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
    }
}

/// The Pods of a namespace of the host; without `pods` all of them.
pub(super) fn namespace_peer(namespace: &str, pods: Option<BTreeMap<String, String>>) -> NetworkPolicyPeer {
    let name = [(NAMESPACE_NAME.to_owned(), namespace.to_owned())];
    NetworkPolicyPeer {
        namespace_selector: Some(labels(name.into())),
        pod_selector: pods.map(labels),
        ..NetworkPolicyPeer::default()
    }
}

/// The ports of the Pods behind a Service.
pub(super) fn target_ports(service: &Service) -> Vec<NetworkPolicyPort> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports
        .map(|port| NetworkPolicyPort {
            port: Some(port.target_port.clone().unwrap_or(IntOrString::Int(port.port))),
            protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
            end_port: None,
        })
        .collect()
}

fn labels(match_labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(match_labels),
        ..LabelSelector::default()
    }
}
