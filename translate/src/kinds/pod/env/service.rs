//! Service variables, as a kubelet makes them.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort};

use crate::identity::TenantNamespace;

/// The Service that every Pod of every namespace sees, whatever `enableServiceLinks` says.
const MASTER: (&str, &str) = ("default", "kubernetes");

/// Variables for Pods of `namespace`, as `(name, value)` in the order of Service names: always those of
/// `default/kubernetes`, with `links` also those of every Service of the namespace. Services without an
/// address (headless, ExternalName, not allocated yet) make none.
pub(crate) fn service_variables(
    namespace: &TenantNamespace,
    links: bool,
    services: &[&Service],
) -> Vec<(String, String)> {
    let namespace = namespace.as_str();
    let mut chosen: Vec<(&str, &str, &Service)> = services
        .iter()
        .filter_map(|service| {
            let name = service.metadata.name.as_deref()?;
            Some((service.metadata.namespace.as_deref()?, name, *service))
        })
        .filter(|(_, _, service)| address(service).is_some())
        .filter(|(ns, name, _)| (*ns, *name) == MASTER || (links && *ns == namespace))
        .collect();
    // In a namespace with a Service of its own called `kubernetes`, that one wins: it is inserted last by a kubelet.
    chosen.sort_by_key(|(ns, name, _)| (*name, *ns == namespace));
    chosen.dedup_by(|next, kept| {
        let same = next.1 == kept.1;
        if same {
            *kept = *next;
        }
        same
    });
    chosen
        .iter()
        .flat_map(|(_, name, service)| of_service(name, service))
        .collect()
}

fn of_service(name: &str, service: &Service) -> Vec<(String, String)> {
    let Some(spec) = &service.spec else {
        return Vec::new();
    };
    let ports = spec.ports.as_deref().unwrap_or_default();
    let (Some(first), Some(address)) = (ports.first(), address(service)) else {
        return Vec::new();
    };
    let prefix = variable_name(name);
    let mut variables = vec![
        (format!("{prefix}_SERVICE_HOST"), address.to_owned()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in ports {
        if let Some(port_name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let name = format!("{prefix}_SERVICE_PORT_{}", variable_name(port_name));
            variables.push((name, port.port.to_string()));
        }
    }
    variables.push((format!("{prefix}_PORT"), url(address, first)));
    for port in ports {
        let protocol = protocol(port);
        let name = format!("{prefix}_PORT_{}_{}", port.port, protocol.to_uppercase());
        variables.push((name.clone(), url(address, port)));
        variables.push((format!("{name}_PROTO"), protocol.to_lowercase()));
        variables.push((format!("{name}_PORT"), port.port.to_string()));
        variables.push((format!("{name}_ADDR"), address.to_owned()));
    }
    variables
}

/// The address of a Service that has one.
fn address(service: &Service) -> Option<&str> {
    let address = service.spec.as_ref()?.cluster_ip.as_deref()?;
    (!address.is_empty() && address != "None").then_some(address)
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol
        .as_deref()
        .filter(|protocol| !protocol.is_empty())
        .unwrap_or("TCP")
}

fn url(address: &str, port: &ServicePort) -> String {
    let protocol = protocol(port).to_lowercase();
    match address.parse() {
        Ok(IpAddr::V6(_)) => format!("{protocol}://[{address}]:{}", port.port),
        _ => format!("{protocol}://{address}:{}", port.port),
    }
}

fn variable_name(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}
