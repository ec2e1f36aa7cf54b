//! Pure: the NetworkPolicies of both namespaces: nothing passes but what is named here, and, between Pods of the
//! tenant, what its own NetworkPolicies name (`open`).
//!
//! They hold only where the host's network plugin enforces NetworkPolicy, so nothing rests on them alone: the
//! tenant's apiserver dials through the gate, and every connection between Warren's processes is mTLS.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::ports::DNS_TARGET;
use warren_crds::keys::{self, ports};

use super::build::system_meta;
use super::{Error, Plan, Settings, Wave};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

mod open;
mod ranges;

/// Label that a namespace has its name in.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
const TCP: &str = "TCP";
const UDP: &str = "UDP";

/// Adds the policies of both namespaces.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, settings: &Settings, plan: &mut Plan) -> Result<(), Error> {
    for policy in system(cluster, settings)
        .into_iter()
        .chain(open::workloads(cluster))
    {
        plan.apply(Wave::Configuration, &policy)?;
    }
    Ok(())
}

fn system(cluster: &ValidatedCluster, settings: &Settings) -> Vec<NetworkPolicy> {
    let policy = |name: &str, ingress, egress| NetworkPolicy {
        metadata: system_meta(cluster, name, name),
        spec: Some(spec(component_pods(cluster, name), ingress, egress)),
    };
    let from = |name: &str| vec![own(cluster, "system", name)];
    let operator = vec![in_namespaces(std::slice::from_ref(&settings.operator_namespace))];
    let health = allow_in(operator, &[(TCP, ports::HEALTH)]);
    let dns = [
        (UDP, ports::DNS),
        (TCP, ports::DNS),
        (UDP, DNS_TARGET),
        (TCP, DNS_TARGET),
    ];
    vec![
        policy(
            component::ETCD,
            vec![
                allow_in(from(component::CONTROL_PLANE), &[(TCP, ports::ETCD)]),
                allow_in(from(component::ETCD), &[(TCP, ports::ETCD_PEER)]),
            ],
            vec![allow_out(from(component::ETCD), &[(TCP, ports::ETCD_PEER)])],
        ),
        policy(
            component::CONTROL_PLANE,
            // Users come from anywhere, through a Service of any type.
            vec![allow_in(Vec::new(), &[(TCP, ports::API)])],
            vec![
                allow_out(from(component::ETCD), &[(TCP, ports::ETCD)]),
                allow_out(from(component::VKUBELET), &[(TCP, ports::GATE)]),
            ],
        ),
        policy(
            component::SYNCER,
            vec![
                allow_in(from(component::VKUBELET), &[(TCP, ports::SYNCER_GRPC)]),
                health.clone(),
            ],
            // The host's API may be at any address; what the syncer dials is fixed by its flags.
            vec![allow_out(Vec::new(), &[])],
        ),
        policy(
            component::VKUBELET,
            vec![
                allow_in(from(component::CONTROL_PLANE), &[(TCP, ports::GATE)]),
                health,
            ],
            // The gate's own policy decides, from the host's records.
            vec![allow_out(Vec::new(), &[])],
        ),
        policy(
            component::COREDNS,
            vec![allow_in(
                vec![role(cluster, "workloads")],
                &[(UDP, DNS_TARGET), (TCP, DNS_TARGET)],
            )],
            vec![
                allow_out(from(component::CONTROL_PLANE), &[(TCP, ports::API)]),
                allow_out(Vec::new(), &dns),
            ],
        ),
        NetworkPolicy {
            metadata: ObjectMeta {
                labels: Some(names::labels(&cluster.id)),
                ..system_meta(cluster, "default", "")
            },
            spec: Some(spec(LabelSelector::default(), Vec::new(), Vec::new())),
        },
    ]
}

fn spec(
    pods: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicySpec {
    NetworkPolicySpec {
        pod_selector: Some(pods),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        // Empty lists are left out: the API drops them, and apply would write them again each time.
        ingress: (!ingress.is_empty()).then_some(ingress),
        egress: (!egress.is_empty()).then_some(egress),
    }
}

fn component_pods(cluster: &ValidatedCluster, component: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(names::selector(&cluster.id, component)),
        ..LabelSelector::default()
    }
}

/// Pods of one component of this virtual cluster.
fn own(cluster: &ValidatedCluster, namespace_role: &str, component: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(component_pods(cluster, component)),
        ..role(cluster, namespace_role)
    }
}

/// All Pods of one of this virtual cluster's namespaces.
fn role(cluster: &ValidatedCluster, namespace_role: &str) -> NetworkPolicyPeer {
    let labels = [
        (keys::CLUSTER, cluster.id.as_str()),
        (keys::NAMESPACE_ROLE, namespace_role),
    ];
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    }
}

/// All Pods of these host namespaces.
fn in_namespaces(names: &[String]) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: NAMESPACE_NAME.to_owned(),
                operator: "In".to_owned(),
                values: Some(names.to_vec()),
            }]),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    }
}

fn allow_in(from: Vec<NetworkPolicyPeer>, ports: &[(&str, u16)]) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule {
        from: (!from.is_empty()).then_some(from),
        ports: policy_ports(ports),
    }
}

fn allow_out(to: Vec<NetworkPolicyPeer>, ports: &[(&str, u16)]) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule {
        to: (!to.is_empty()).then_some(to),
        ports: policy_ports(ports),
    }
}

fn policy_ports(ports: &[(&str, u16)]) -> Option<Vec<NetworkPolicyPort>> {
    let ports: Vec<NetworkPolicyPort> = ports
        .iter()
        .map(|(protocol, port)| NetworkPolicyPort {
            protocol: Some((*protocol).to_owned()),
            port: Some(IntOrString::Int(i32::from(*port))),
            end_port: None,
        })
        .collect();
    (!ports.is_empty()).then_some(ports)
}

#[cfg(test)]
mod tests;
