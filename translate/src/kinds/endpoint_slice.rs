//! EndpointSlices of Services without selector: down with no address that is not the tenant's to reach.
//!
//! Code map: [`fields`] the classification · `down` the host slice · `allowed` which addresses pass.
//!
//! **Invariant:** a slice on the host names Pods of its own cluster and ranges that the class allows, nothing else: not
//! nodes, not the host's API, not another tenant's Pods, whatever the tenant writes.

mod allowed;
mod down;
pub mod fields;

pub use allowed::{Allowed, Backend};
pub use down::down;

use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::identity::{Cluster, HostName, TenantKey};
use crate::{meta, name};

/// Label that names the Service of a slice.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label that says which controller a slice belongs to; others leave it alone.
pub const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Its value on the host.
pub const MANAGED_BY_WARREN: &str = "endpointslice.warren.dev";
/// Its value on slices that the tenant's own controller makes for Services with a selector. They never go down: the
/// host's controller makes its own.
pub const MANAGED_BY_SELECTOR: &str = "endpointslice-controller.k8s.io";
/// Type of a slice that holds names; no proxy reads it.
const NAMES: &str = "FQDN";

/// The host name of a tenant slice.
pub fn host_name(cluster: &Cluster, key: &TenantKey) -> HostName {
    name::host_name(cluster, name::ENDPOINT_SLICE, key)
}

/// The Service that a slice of the tenant belongs to. `None` for one that belongs to none, and for one of names.
pub fn service_of(tenant: &EndpointSlice) -> Option<TenantKey> {
    let service = tenant.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    let namespace = tenant.metadata.namespace.as_deref()?;
    let used = !service.is_empty() && tenant.address_type != NAMES;
    used.then(|| TenantKey::new(namespace, service.as_str()))
}

/// The addresses that a slice of the tenant names.
pub fn addresses(tenant: &EndpointSlice) -> impl Iterator<Item = IpAddr> + '_ {
    let texts = tenant
        .endpoints
        .iter()
        .flatten()
        .flat_map(|endpoint| &endpoint.addresses);
    texts.filter_map(|text| text.parse().ok())
}

/// True when the host's slice is not what it should be.
pub fn needs_update(existing: &EndpointSlice, desired: &EndpointSlice) -> bool {
    meta::needs_update(&existing.metadata, &desired.metadata)
        || existing.endpoints.as_deref().unwrap_or_default()
            != desired.endpoints.as_deref().unwrap_or_default()
        || existing.ports.as_deref().unwrap_or_default() != desired.ports.as_deref().unwrap_or_default()
}

/// True when it cannot become so by an update: it stands for an earlier slice of the same name, or has addresses of
/// another family.
pub fn must_replace(existing: &EndpointSlice, desired: &EndpointSlice) -> bool {
    let uid = |slice: &EndpointSlice| meta::origin(&slice.metadata).map(|origin| origin.uid);
    uid(existing) != uid(desired) || existing.address_type != desired.address_type
}

#[cfg(test)]
mod tests;
