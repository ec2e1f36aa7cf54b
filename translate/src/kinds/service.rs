//! Services: down with the very address the tenant allocated; load balancer status and conflicts up.

mod compare;
mod down;
pub mod fields;
mod up;

pub use compare::{keep_address, keep_class, must_replace, needs_update, without_address};
pub use down::down;
pub use up::{Mismatch, Up, up};

use k8s_openapi::api::core::v1::Service;

use crate::identity::TenantKey;
use crate::mirrored::is_mirrored;

/// Services that exist in the tenant for Warren's own purposes and never go down: `default/kubernetes` is flipped
/// to the address of the host Service `api`, `kube-system/kube-dns` is bootstrapped with the address of `dns`.
pub fn excluded(key: &TenantKey) -> bool {
    matches!(
        (key.namespace.as_str(), key.name.as_str()),
        ("default", "kubernetes") | ("kube-system", "kube-dns")
    )
}

/// True for Services that are only names in the tenant's DNS (`ExternalName`, and what stands for a Service of the host):
/// they have no host object of their own, and there is nothing to tell the tenant.
pub fn dns_only(service: &Service) -> bool {
    let type_ = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    type_ == Some("ExternalName") || is_mirrored(&service.metadata)
}

/// True for Services whose endpoints the tenant writes itself, and whose ClusterIP answers with them: their
/// EndpointSlices go down. What a headless Service has is answered by the tenant's DNS alone.
pub fn has_own_endpoints(service: &Service) -> bool {
    !dns_only(service) && !compare::headless(service) && !compare::selects(service)
}

#[cfg(test)]
mod tests;
