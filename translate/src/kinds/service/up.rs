//! What the host's Service says back: the load balancer's status, and addresses that the host did not grant.

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use serde_json::{Value, json};

use super::compare::HEADLESS;

/// A field in which the host's Service has another value than the tenant's: the tenant's is changed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// `spec.clusterIP`, `spec.clusterIPs`, `spec.healthCheckNodePort` or `spec.ports[<port>/<protocol>].nodePort`.
    pub field: String,
    /// What the tenant has; empty when nothing.
    pub tenant: String,
    /// What the host has.
    pub host: String,
}

impl Mismatch {
    /// True for what an update cannot change: only a Service that is made anew gets another one.
    pub fn is_fixed(&self) -> bool {
        !self.field.starts_with("spec.ports")
    }
}

/// What goes up from a host Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Up {
    /// Merge patch for the tenant's `services/<name>/status`; `None` when it is equal already.
    pub status: Option<Value>,
    /// Empty when the host granted what the tenant asked for.
    pub mismatch: Vec<Mismatch>,
}

/// Compares both sides. Empty when there is nothing to write up, also when either has no spec yet.
pub fn up(tenant: &Service, host: &Service) -> Up {
    let (Some(tenant_spec), Some(host_spec)) = (tenant.spec.as_ref(), host.spec.as_ref()) else {
        return Up::default();
    };
    Up {
        status: status_up(tenant, tenant_spec, host),
        mismatch: mismatches(tenant_spec, host_spec),
    }
}

/// A load balancer with a class is answered by a controller in the tenant, so its status is not Warren's.
fn status_up(tenant: &Service, spec: &ServiceSpec, host: &Service) -> Option<Value> {
    if spec.type_.as_deref() != Some("LoadBalancer") || spec.load_balancer_class.is_some() {
        return None;
    }
    let status = |service: &Service| {
        let balancer = service
            .status
            .as_ref()
            .and_then(|status| status.load_balancer.clone());
        balancer.and_then(|balancer| balancer.ingress).unwrap_or_default()
    };
    let (has, wants) = (status(tenant), status(host));
    if has == wants {
        return None;
    }
    let ingress = if wants.is_empty() {
        Value::Null
    } else {
        json!(wants)
    };
    Some(json!({
        "metadata": { "uid": tenant.metadata.uid },
        "status": { "loadBalancer": { "ingress": ingress } },
    }))
}

fn mismatches(tenant: &ServiceSpec, host: &ServiceSpec) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let tenant_ip = tenant.cluster_ip.as_deref().unwrap_or_default();
    let host_ip = host.cluster_ip.as_deref().unwrap_or_default();
    let address = |ip: &str| !ip.is_empty() && ip != HEADLESS;
    if address(tenant_ip) && address(host_ip) && tenant_ip != host_ip {
        found.push(Mismatch {
            field: "spec.clusterIP".to_owned(),
            tenant: tenant_ip.to_owned(),
            host: host_ip.to_owned(),
        });
    }
    found.extend(secondary(tenant, host));
    found.extend(health_check(tenant, host));
    for port in tenant.ports.iter().flatten() {
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let same =
            host.ports.iter().flatten().find(|other| {
                other.port == port.port && other.protocol.as_deref().unwrap_or("TCP") == protocol
            });
        let host_port = same.and_then(|other| other.node_port).unwrap_or(0);
        let tenant_port = port.node_port.unwrap_or(0);
        if host_port != 0 && host_port != tenant_port {
            found.push(Mismatch {
                field: format!("spec.ports[{}/{protocol}].nodePort", port.port),
                tenant: if tenant_port == 0 {
                    String::new()
                } else {
                    tenant_port.to_string()
                },
                host: host_port.to_string(),
            });
        }
    }
    found
}

/// The address of the second family, where both sides have one.
fn secondary(tenant: &ServiceSpec, host: &ServiceSpec) -> Option<Mismatch> {
    let second = |spec: &ServiceSpec| spec.cluster_ips.as_ref()?.get(1).cloned();
    let (tenant, host) = (second(tenant)?, second(host)?);
    (tenant != host).then(|| Mismatch {
        field: "spec.clusterIPs".to_owned(),
        tenant,
        host,
    })
}

/// Where a load balancer asks whether a node has endpoints.
fn health_check(tenant: &ServiceSpec, host: &ServiceSpec) -> Option<Mismatch> {
    let port = |spec: &ServiceSpec| spec.health_check_node_port.filter(|port| *port != 0);
    let (tenant, host) = (port(tenant)?, port(host)?);
    (tenant != host).then(|| Mismatch {
        field: "spec.healthCheckNodePort".to_owned(),
        tenant: tenant.to_string(),
        host: host.to_string(),
    })
}
