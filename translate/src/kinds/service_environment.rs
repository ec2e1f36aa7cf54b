//! The service variables of one tenant namespace as a host ConfigMap.
//!
//! A kubelet lets `envFrom` win over service variables. Variables written into `env` would win over `envFrom`, so a
//! container that uses `envFrom` gets this ConfigMap as its first `envFrom` source instead.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::keys;

use crate::identity::{Cluster, HostName, TenantKey, TenantNamespace};
use crate::kinds::pod::service_variables;
use crate::meta;
use crate::name;

/// Name of the host ConfigMap for `namespace`.
pub fn host_name(cluster: &Cluster, namespace: &TenantNamespace) -> HostName {
    name::host_name(cluster, name::SERVICE_ENVIRONMENT, &key(namespace))
}

/// The tenant has no such object, so the key's name is a constant that only has to be readable.
fn key(namespace: &TenantNamespace) -> TenantKey {
    TenantKey::new(namespace.as_str(), "service-environment")
}

/// The host ConfigMap with the variables of `namespace`. Services of other namespaces are ignored; without any
/// Service with an IP the data is empty.
pub fn down(cluster: &Cluster, namespace: &TenantNamespace, services: &[&Service]) -> ConfigMap {
    let mut metadata = ObjectMeta {
        name: Some(host_name(cluster, namespace).as_str().to_owned()),
        namespace: Some(cluster.workload_namespace.as_str().to_owned()),
        ..ObjectMeta::default()
    };
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(keys::CLUSTER.to_owned(), cluster.id.as_str().to_owned());
    labels.insert(keys::TENANT_NAMESPACE.to_owned(), namespace.as_str().to_owned());
    labels.insert(keys::MANAGED_BY.to_owned(), keys::MANAGED_BY_WARREN.to_owned());
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(keys::ORIGIN_NAMESPACE.to_owned(), namespace.as_str().to_owned());
    annotations.insert(
        keys::ORIGIN_KIND.to_owned(),
        name::SERVICE_ENVIRONMENT.kind.to_owned(),
    );
    let data: BTreeMap<_, _> = service_variables(namespace, true, services).into_iter().collect();
    ConfigMap {
        data: Some(data),
        metadata,
        ..ConfigMap::default()
    }
}

/// True when the host's ConfigMap is not what it should be.
pub fn needs_update(existing: &ConfigMap, desired: &ConfigMap) -> bool {
    meta::needs_update(&existing.metadata, &desired.metadata)
        || existing.data.clone().unwrap_or_default() != desired.data.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests;
