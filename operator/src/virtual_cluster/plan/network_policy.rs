//! Pure: the baseline NetworkPolicies: nothing passes but what is named here.
//!
//! They hold only where the host's network plugin enforces NetworkPolicy, so nothing rests on them alone: the
//! tenant's apiserver dials through the gate, and every connection between Warren's processes is mTLS.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::{self, ports};

use super::build::{system_meta, workload_meta};
use super::service::DNS_TARGET;
use super::{Error, Plan, Settings, Wave};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Private, link-local and shared ranges: the host's nodes, Pods and Services and the network around them are in
/// these as a rule. What of the host lies elsewhere is added from its Nodes.
const NOT_INTERNET: [&str; 5] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];

const TCP: &str = "TCP";
const UDP: &str = "UDP";

/// Adds the policies of both namespaces.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, settings: &Settings, plan: &mut Plan) -> Result<(), Error> {
    for policy in system(cluster, settings) {
        plan.apply(Wave::Configuration, &policy)?;
    }
    plan.apply(Wave::Configuration, &workloads(cluster))
}

fn system(cluster: &ValidatedCluster, settings: &Settings) -> Vec<NetworkPolicy> {
    let policy = |name: &str, ingress, egress| NetworkPolicy {
        metadata: system_meta(cluster, name, name),
        spec: Some(spec(component_pods(cluster, name), ingress, egress)),
    };
    let from = |name: &str| vec![own(cluster, "system", name)];
    let operator = vec![in_namespace(
        "kubernetes.io/metadata.name",
        &settings.operator_namespace,
    )];
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

fn workloads(cluster: &ValidatedCluster) -> NetworkPolicy {
    let tenant = || vec![role(cluster, "workloads")];
    let mut except: Vec<String> = NOT_INTERNET.map(str::to_owned).to_vec();
    except.extend(
        cluster
            .host
            .pod_cidrs
            .iter()
            .chain(&cluster.host.service_cidrs)
            .filter(|r| is_v4(r))
            .cloned(),
    );
    except.extend(
        cluster
            .host
            .node_addresses
            .iter()
            .filter(|a| is_v4(a))
            .map(|address| format!("{address}/32")),
    );
    except.sort();
    except.dedup();
    let internet = NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: "0.0.0.0/0".to_owned(),
            except: Some(except),
        }),
        ..NetworkPolicyPeer::default()
    };
    let ingress = vec![
        allow_in(tenant(), &[]),
        // Webhooks and aggregated APIs of the tenant, dialed by the gate.
        allow_in(vec![own(cluster, "system", component::VKUBELET)], &[]),
    ];
    let egress = vec![
        allow_out(tenant(), &[]),
        allow_out(
            vec![own(cluster, "system", component::CONTROL_PLANE)],
            &[(TCP, ports::API)],
        ),
        allow_out(
            vec![own(cluster, "system", component::COREDNS)],
            &[(UDP, DNS_TARGET), (TCP, DNS_TARGET)],
        ),
        allow_out(vec![internet], &[]),
    ];
    NetworkPolicy {
        metadata: workload_meta(cluster, "warren-baseline"),
        spec: Some(spec(LabelSelector::default(), ingress, egress)),
    }
}

fn is_v4(text: &str) -> bool {
    !text.contains(':')
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

fn in_namespace(key: &str, value: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some([(key.to_owned(), value.to_owned())].into()),
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
