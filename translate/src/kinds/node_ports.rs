//! The policy that lets open Pods of a tenant out to the node ports of the tenant's own Services, as Pods of any cluster
//! reach them. All other ports of the nodes stay closed: they are the platform's, and other tenants'.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys;

use super::shared_policy;
use crate::identity::Cluster;

/// The policy; `None` without node ports, or where the operator does not name the nodes.
///
/// `open_egress` is the operator's policy: its annotation has the addresses. A tenant's Nodes would not do, because a
/// tenant writes them. `services` are the host's, whose ports the host has given out.
pub fn policy<'a>(
    cluster: &Cluster,
    open_egress: &NetworkPolicy,
    services: impl IntoIterator<Item = &'a Service>,
) -> Option<NetworkPolicy> {
    let annotations = open_egress.metadata.annotations.as_ref()?;
    let nodes = annotations.get(keys::NODE_ADDRESSES)?;
    let to: Vec<_> = nodes.split(',').filter_map(peer).collect();
    let ports: BTreeSet<_> = services.into_iter().flat_map(node_ports).collect();
    if to.is_empty() || ports.is_empty() {
        return None;
    }
    let ports = ports.into_iter().map(|(port, protocol)| NetworkPolicyPort {
        port: Some(IntOrString::Int(port)),
        protocol: Some(protocol),
        end_port: None,
    });
    let rule = NetworkPolicyEgressRule {
        ports: Some(ports.collect()),
        to: Some(to),
    };
    Some(shared_policy::egress(
        cluster,
        keys::NODE_PORTS_POLICY,
        vec![rule],
    ))
}

/// Number and protocol of each node port.
pub fn node_ports(service: &Service) -> BTreeSet<(i32, String)> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let of = |port: &k8s_openapi::api::core::v1::ServicePort| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        port.node_port
            .filter(|number| *number > 0)
            .map(|number| (number, protocol))
    };
    ports.filter_map(of).collect()
}

fn peer(text: &str) -> Option<NetworkPolicyPeer> {
    let address: IpAddr = text.trim().parse().ok()?;
    let length = if address.is_ipv4() { 32 } else { 128 };
    Some(NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: format!("{address}/{length}"),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::cluster;

    fn open(nodes: &str) -> NetworkPolicy {
        let policy = json!({ "metadata": { "annotations": { keys::NODE_ADDRESSES: nodes } } });
        serde_json::from_value(policy).unwrap()
    }

    fn service(ports: &Value) -> Service {
        serde_json::from_value(json!({ "metadata": {}, "spec": { "ports": ports } })).unwrap()
    }

    #[test]
    fn only_the_ports_of_own_services_are_open_and_only_on_nodes() {
        let services = [
            service(
                &json!([{ "port": 80, "nodePort": 30080 }, { "port": 53, "nodePort": 30053, "protocol": "UDP" }]),
            ),
            service(&json!([{ "port": 80 }])),
        ];
        let made = policy(&cluster(), &open("10.88.0.11,nonsense,fd00::1"), &services).unwrap();
        let rule = &json!(made.spec)["egress"][0];
        let expected = json!({
            "to": [{ "ipBlock": { "cidr": "10.88.0.11/32" } }, { "ipBlock": { "cidr": "fd00::1/128" } }],
            "ports": [{ "port": 30053, "protocol": "UDP" }, { "port": 30080, "protocol": "TCP" }],
        });
        assert_eq!(rule, &expected);
    }

    #[test]
    fn without_ports_or_nodes_nothing_is_opened() {
        let closed = [service(&json!([{ "port": 80 }]))];
        assert_eq!(policy(&cluster(), &open("10.88.0.11"), &closed), None);
        let opened = [service(&json!([{ "port": 80, "nodePort": 30080 }]))];
        assert_eq!(policy(&cluster(), &open(""), &opened), None);
        assert_eq!(policy(&cluster(), &NetworkPolicy::default(), &opened), None);
    }
}
