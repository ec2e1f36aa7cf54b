//! ConfigMaps, tenant → host: content as it is, renamed.

use k8s_openapi::api::core::v1::ConfigMap;

use crate::error::Result;
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::{CONFIG_MAP, host_name};
use crate::note::Translated;
use crate::policy::TenantPolicy;

/// The host ConfigMap. Nothing is refused and nothing is changed but names, so there are no notes.
///
/// # Errors
/// When the ConfigMap has no name, namespace or UID.
pub fn down(cluster: &Cluster, policy: &TenantPolicy, tenant: &ConfigMap) -> Result<Translated<ConfigMap>> {
    let ConfigMap {
        binary_data,
        data,
        immutable,
        metadata,
    } = tenant;
    let name = host_name(cluster, CONFIG_MAP, &TenantKey::of(metadata)?);
    let object = ConfigMap {
        binary_data: binary_data.clone(),
        data: data.clone(),
        immutable: *immutable,
        metadata: meta::host_meta(cluster, policy, &name, metadata)?,
    };
    Ok(Translated {
        object,
        notes: Vec::new(),
    })
}

/// True when the host's ConfigMap is not what it should be.
pub fn needs_update(existing: &ConfigMap, desired: &ConfigMap) -> bool {
    content_differs(existing, desired) || meta::needs_update(&existing.metadata, &desired.metadata)
}

/// True when the host's ConfigMap cannot become the desired one: it is immutable and differs (the tenant made
/// another of the same name). Then it is deleted and created.
pub fn must_replace(existing: &ConfigMap, desired: &ConfigMap) -> bool {
    existing.immutable == Some(true) && content_differs(existing, desired)
}

fn content_differs(existing: &ConfigMap, desired: &ConfigMap) -> bool {
    let map = |object: &ConfigMap| object.data.clone().unwrap_or_default();
    let binary = |object: &ConfigMap| object.binary_data.clone().unwrap_or_default();
    map(existing) != map(desired)
        || binary(existing) != binary(desired)
        || existing.immutable.unwrap_or(false) != desired.immutable.unwrap_or(false)
}

#[cfg(test)]
mod tests;
