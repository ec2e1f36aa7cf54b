//! What of a mapped object of the host the tenant gets: the content under the tenant's name, and nothing of its metadata.

mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::identity::TenantKey;
use crate::mirrored;

pub use service::{Imported, egress, endpoints, import, service_changes};

/// Types of Secrets with which somebody gets into the host's API. They never leave it.
const CREDENTIALS: [&str; 2] = [
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
];

/// The tenant's ConfigMap.
pub fn config_map(host: &ConfigMap, target: &TenantKey) -> ConfigMap {
    let ConfigMap {
        binary_data,
        data,
        immutable,
        metadata: _,
    } = host;
    ConfigMap {
        binary_data: binary_data.clone(),
        data: data.clone(),
        immutable: *immutable,
        metadata: metadata(target),
    }
}

/// The tenant's Secret, of the same type.
///
/// # Errors
/// Why the tenant does not get it, in tenant terms.
pub fn secret(host: &Secret, target: &TenantKey) -> Result<Secret, String> {
    let Secret {
        data,
        immutable,
        metadata: _,
        string_data: _, // never read back
        type_,
    } = host;
    if let Some(type_) = type_.as_deref().filter(|type_| CREDENTIALS.contains(type_)) {
        return Err(format!(
            "Secret '{}' is not mapped: it is of type '{type_}', which only its own cluster can use",
            target.name
        ));
    }
    Ok(Secret {
        data: data.clone(),
        immutable: *immutable,
        metadata: metadata(target),
        string_data: None,
        type_: type_.clone(),
    })
}

fn metadata(target: &TenantKey) -> ObjectMeta {
    ObjectMeta {
        name: Some(target.name.as_str().to_owned()),
        namespace: Some(target.namespace.as_str().to_owned()),
        labels: Some(mirrored::labels()),
        annotations: Some(BTreeMap::new()),
        ..ObjectMeta::default()
    }
}
