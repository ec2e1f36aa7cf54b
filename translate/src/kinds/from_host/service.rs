//! A Service of the host in a tenant: under the very address that it has on the host, whose proxies know it.
//!
//! A slice that names another Service's address would not do: proxies do not look an address up twice.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::metadata;
use crate::identity::TenantKey;
use crate::kinds::endpoint_slice::{MANAGED_BY, MANAGED_BY_WARREN, SERVICE_NAME};
use crate::kinds::shared_policy::{namespace_peer, target_ports};

/// A Service of the host as the tenant gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The address on the host.
    pub cluster_ip: String,
    /// The tenant's Service, with this address.
    pub service: Service,
}

/// The tenant's Service. It has no selector, and is never on the host: there it is the host's own.
///
/// # Errors
/// Why the tenant does not get it, in tenant terms.
pub fn import(host: &Service, target: &TenantKey) -> Result<Imported, String> {
    let spec = host.spec.as_ref();
    let ip = spec
        .and_then(|spec| spec.cluster_ip.as_deref())
        .unwrap_or_default();
    if ip.is_empty() || ip == "None" {
        return Err(format!(
            "Service '{}' is not mapped: only Services with an address of their own can be, not headless ones and names",
            target.name
        ));
    }
    let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let service = Service {
        metadata: metadata(target),
        spec: Some(ServiceSpec {
            cluster_ip: Some(ip.to_owned()),
            ports: Some(ports.iter().map(port).collect()),
            type_: Some("ClusterIP".to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    };
    Ok(Imported {
        cluster_ip: ip.to_owned(),
        service,
    })
}

fn port(host: &ServicePort) -> ServicePort {
    let ServicePort {
        app_protocol,
        name,
        node_port: _,
        port,
        protocol,
        target_port: _, // of the host's Pods
    } = host;
    ServicePort {
        app_protocol: app_protocol.clone(),
        name: name.clone(),
        node_port: None,
        port: *port,
        protocol: Some(protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
        target_port: Some(IntOrString::Int(*port)),
    }
}

/// Merge patch that makes the tenant's Service as `desired` in all but its address, with its UID as a precondition;
/// `None` when it is.
pub fn service_changes(tenant: &Service, desired: &Service) -> Option<Value> {
    let has = tenant.spec.as_ref();
    let ports = desired.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    let same_ports = has.and_then(|spec| spec.ports.as_ref()) == ports;
    let selects = has
        .and_then(|spec| spec.selector.as_ref())
        .is_some_and(|selector| !selector.is_empty());
    if same_ports && !selects {
        return None;
    }
    Some(json!({ "metadata": { "uid": tenant.metadata.uid }, "spec": { "ports": ports, "selector": null } }))
}

/// The slice of an imported Service, for those who dial endpoints: its one endpoint is the host's address. It goes with
/// the tenant's Service `owner`.
pub fn endpoints(imported: &Imported, target: &TenantKey, owner: &Service) -> EndpointSlice {
    let mut metadata = metadata(target);
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(SERVICE_NAME.to_owned(), target.name.as_str().to_owned());
    labels.insert(MANAGED_BY.to_owned(), MANAGED_BY_WARREN.to_owned());
    metadata.owner_references = owner.metadata.uid.clone().map(|uid| {
        vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            name: target.name.as_str().to_owned(),
            uid,
            ..OwnerReference::default()
        }]
    });
    let ports = imported
        .service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten());
    let endpoint = Endpoint {
        addresses: vec![imported.cluster_ip.clone()],
        conditions: Some(EndpointConditions {
            ready: Some(true),
            ..EndpointConditions::default()
        }),
        ..Endpoint::default()
    };
    let is_v6 = imported.cluster_ip.contains(':');
    EndpointSlice {
        address_type: if is_v6 { "IPv6" } else { "IPv4" }.to_owned(),
        endpoints: Some(vec![endpoint]),
        metadata,
        ports: Some(ports.map(endpoint_port).collect()),
    }
}

fn endpoint_port(port: &ServicePort) -> EndpointPort {
    EndpointPort {
        app_protocol: port.app_protocol.clone(),
        // As the API stores the one port that needs no name.
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(port.port),
        protocol: port.protocol.clone(),
    }
}

/// What a host's policy must let through to the Pods behind a mapped Service. `None` where no selector says which they
/// are: then the platform's policies decide.
pub fn egress(host: &Service) -> Option<NetworkPolicyEgressRule> {
    let selector = host.spec.as_ref()?.selector.clone();
    let selector = selector.filter(|selector| !selector.is_empty())?;
    let namespace = host.metadata.namespace.as_deref()?;
    Some(NetworkPolicyEgressRule {
        ports: Some(target_ports(host)),
        to: Some(vec![namespace_peer(namespace, Some(selector))]),
    })
}
