//! The host Service of a tenant Service.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use warren_crds::keys;

use crate::error::{Error, Result};
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::{SERVICE, host_name};
use crate::note::{Findings, Outcome};
use crate::policy::TenantPolicy;

/// The host Service. It asks for the address and node ports that the tenant has; where the host refuses, see
/// [`super::without_address`] and [`super::up`].
///
/// # Errors
/// When the Service has no name, namespace, UID or spec.
pub fn down(cluster: &Cluster, policy: &TenantPolicy, tenant: &Service) -> Result<Outcome<Service>> {
    let Service {
        metadata,
        spec,
        status: _,
    } = tenant;
    let key = TenantKey::of(metadata)?;
    let Some(spec) = spec else {
        return Err(Error::NoSpec {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        });
    };
    let mut findings = Findings::default();
    let object = Service {
        metadata: meta::host_meta(cluster, policy, &host_name(cluster, SERVICE, &key), metadata)?,
        spec: Some(spec_down(policy, &key, spec, &mut findings)),
        status: None,
    };
    Ok(findings.outcome(object))
}

fn spec_down(
    policy: &TenantPolicy,
    key: &TenantKey,
    spec: &ServiceSpec,
    findings: &mut Findings,
) -> ServiceSpec {
    let ServiceSpec {
        allocate_load_balancer_node_ports,
        cluster_ip,
        cluster_ips,
        external_ips,
        external_name,
        external_traffic_policy,
        health_check_node_port,
        internal_traffic_policy,
        ip_families,
        ip_family_policy,
        load_balancer_class,
        load_balancer_ip,
        load_balancer_source_ranges,
        ports,
        publish_not_ready_addresses,
        selector,
        session_affinity,
        session_affinity_config,
        traffic_distribution,
        type_,
    } = spec;
    let external_name = external_name.as_ref().filter(|name| !name.is_empty());
    findings.deny_some(
        external_name,
        "spec.externalName",
        "is answered by the cluster's DNS only",
    );
    if external_ips.as_ref().is_some_and(|ips| !ips.is_empty()) {
        findings.note(
            "ExternalIPsDropped",
            "spec.externalIPs",
            "is not offered: traffic to these addresses is not redirected",
        );
    }
    if load_balancer_ip.as_ref().is_some_and(|ip| !ip.is_empty()) {
        findings.note(
            "LoadBalancerIPDropped",
            "spec.loadBalancerIP",
            "is not offered: the load balancer gets an address of the platform's choice",
        );
    }
    let exposure = Exposure::of(
        type_.as_deref(),
        load_balancer_class.as_deref(),
        ports.as_deref(),
        findings,
    );
    let balanced = exposure == Exposure::LoadBalancer;
    let exposed = exposure != Exposure::ClusterIP;
    ServiceSpec {
        allocate_load_balancer_node_ports: balanced.then_some(*allocate_load_balancer_node_ports).flatten(),
        cluster_ip: cluster_ip.clone(),
        cluster_ips: cluster_ips.clone(),
        external_ips: None,
        external_name: None,
        external_traffic_policy: exposed.then(|| external_traffic_policy.clone()).flatten(),
        health_check_node_port: balanced.then_some(*health_check_node_port).flatten(),
        internal_traffic_policy: internal_traffic_policy.clone(),
        ip_families: ip_families.clone(),
        ip_family_policy: ip_family_policy.clone(),
        load_balancer_class: None,
        load_balancer_ip: None,
        load_balancer_source_ranges: balanced.then(|| load_balancer_source_ranges.clone()).flatten(),
        ports: ports
            .as_ref()
            .map(|ports| ports.iter().map(|port| port_down(port, exposed)).collect()),
        publish_not_ready_addresses: *publish_not_ready_addresses,
        selector: selector_down(policy, key, selector.as_ref()),
        session_affinity: session_affinity.clone(),
        session_affinity_config: session_affinity_config.clone(),
        traffic_distribution: traffic_distribution.clone(),
        type_: Some(exposure.as_str().to_owned()),
    }
}

fn port_down(port: &ServicePort, exposed: bool) -> ServicePort {
    let ServicePort {
        app_protocol,
        name,
        node_port,
        port,
        protocol,
        target_port,
    } = port;
    ServicePort {
        app_protocol: app_protocol.clone(),
        name: name.clone(),
        node_port: exposed.then_some(*node_port).flatten().filter(|port| *port != 0),
        port: *port,
        protocol: protocol.clone(),
        target_port: target_port.clone(),
    }
}

/// The tenant's selector in host keys, limited to Pods of its namespace. Without a selector the tenant writes the
/// endpoints itself, and [`crate::kinds::endpoint_slice`] brings them down.
fn selector_down(
    policy: &TenantPolicy,
    key: &TenantKey,
    selector: Option<&BTreeMap<String, String>>,
) -> Option<BTreeMap<String, String>> {
    let selector = selector.filter(|selector| !selector.is_empty())?;
    let mut selector = meta::selector_down(selector, policy);
    selector.insert(
        keys::TENANT_NAMESPACE.to_owned(),
        key.namespace.as_str().to_owned(),
    );
    Some(selector)
}

/// How far a host Service reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exposure {
    ClusterIP,
    NodePort,
    LoadBalancer,
}

impl Exposure {
    fn of(
        type_: Option<&str>,
        class: Option<&str>,
        ports: Option<&[ServicePort]>,
        findings: &mut Findings,
    ) -> Self {
        match (type_, class) {
            (None | Some("ClusterIP"), _) => Self::ClusterIP,
            (Some("NodePort"), _) => Self::NodePort,
            (Some("LoadBalancer"), None) => Self::LoadBalancer,
            (Some("LoadBalancer"), Some(_)) => {
                findings.note(
                    "LoadBalancerClassKept",
                    "spec.loadBalancerClass",
                    "is left to a controller in this cluster: the platform makes no load balancer",
                );
                let with_node_ports = ports
                    .iter()
                    .copied()
                    .flatten()
                    .any(|port| port.node_port.unwrap_or(0) != 0);
                if with_node_ports {
                    Self::NodePort
                } else {
                    Self::ClusterIP
                }
            }
            (Some(other), _) => {
                findings.deny(
                    "spec.type",
                    format!("is {other}: only ClusterIP, NodePort and LoadBalancer exist on the host"),
                );
                Self::ClusterIP
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}
