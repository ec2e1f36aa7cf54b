//! The host slice of a tenant slice.

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};

use super::allowed::Allowed;
use super::{MANAGED_BY, MANAGED_BY_WARREN, SERVICE_NAME, host_name};
use crate::error::Result;
use crate::identity::{Cluster, TenantKey};
use crate::note::{Note, Translated};
use crate::policy::TenantPolicy;
use crate::{meta, name};

/// Addresses that an Event names; of more it says how many.
const NAMED: usize = 8;

/// The host slice of a slice of the tenant Service `service`. Addresses that are not allowed are left out, with a note
/// that names them; an endpoint without any is left out as a whole.
///
/// # Errors
/// When the slice has no name, namespace or UID.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    allowed: &Allowed,
    service: &TenantKey,
    tenant: &EndpointSlice,
) -> Result<Translated<EndpointSlice>> {
    let EndpointSlice {
        address_type,
        endpoints,
        metadata,
        ports,
    } = tenant;
    let key = TenantKey::of(metadata)?;
    let mut host_metadata = meta::host_meta(cluster, policy, &host_name(cluster, &key), metadata)?;
    let labels = host_metadata.labels.get_or_insert_default();
    let host_service = name::host_name(cluster, name::SERVICE, service);
    labels.insert(SERVICE_NAME.to_owned(), host_service.as_str().to_owned());
    labels.insert(MANAGED_BY.to_owned(), MANAGED_BY_WARREN.to_owned());
    let mut refused = Vec::new();
    let endpoints = endpoints.iter().flatten();
    let endpoints =
        endpoints.filter_map(|endpoint| endpoint_down(allowed, address_type, endpoint, &mut refused));
    let object = EndpointSlice {
        address_type: address_type.clone(),
        endpoints: Some(endpoints.collect()),
        metadata: host_metadata,
        ports: ports.as_ref().map(|ports| ports.iter().map(port_down).collect()),
    };
    Ok(Translated {
        object,
        notes: note(&refused).into_iter().collect(),
    })
}

fn endpoint_down(
    allowed: &Allowed,
    address_type: &str,
    endpoint: &Endpoint,
    refused: &mut Vec<String>,
) -> Option<Endpoint> {
    let Endpoint {
        addresses,
        conditions,
        deprecated_topology: _,
        hints: _,
        hostname: _,
        node_name,
        target_ref: _,
        zone: _,
    } = endpoint;
    let mut node = None;
    let mut kept = Vec::new();
    for text in addresses {
        match allowed.find(text, address_type) {
            Some((address, backend)) => {
                kept.push(address.to_string());
                node = node.or_else(|| backend.and_then(|backend| backend.node.clone()));
            }
            None if refused.contains(text) => {}
            None => refused.push(text.clone()),
        }
    }
    let endpoint = Endpoint {
        addresses: kept,
        conditions: conditions.clone(),
        node_name: node.filter(|node| node_name.as_ref() == Some(node)),
        ..Endpoint::default()
    };
    (!endpoint.addresses.is_empty()).then_some(endpoint)
}

fn port_down(port: &EndpointPort) -> EndpointPort {
    let EndpointPort {
        app_protocol,
        name,
        port,
        protocol,
    } = port;
    EndpointPort {
        app_protocol: app_protocol.clone(),
        name: name.clone(),
        port: *port,
        protocol: protocol.clone(),
    }
}

fn note(refused: &[String]) -> Option<Note> {
    let named: Vec<&str> = refused.iter().map(String::as_str).take(NAMED).collect();
    let more = refused.len().checked_sub(named.len()).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
    (!named.is_empty()).then(|| {
        Note::new(
            "AddressNotAllowed",
            "endpoints[].addresses",
            format!(
                "must be addresses of running Pods of this cluster, or in ranges that its class allows: left out is {}{more}",
                named.join(", ")
            ),
        )
    })
}
