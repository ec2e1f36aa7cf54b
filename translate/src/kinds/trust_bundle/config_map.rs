//! The host ConfigMap with what one ask of a namespace gets.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::keys;

use super::ask::TrustBundleAsk;
use crate::identity::{Cluster, HostName, TenantKey, TenantNamespace};
use crate::meta;
use crate::name::{self, CLUSTER_TRUST_BUNDLE_PROJECTION};

/// The one key of the ConfigMap's data.
pub const DATA_KEY: &str = "ca.crt";
/// What an apiserver takes into a ConfigMap. One bundle may be as large, so that all of a signer's may be too much.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Name of the host ConfigMap for `ask` of Pods in `namespace`.
pub fn host_name(cluster: &Cluster, namespace: &TenantNamespace, ask: &TrustBundleAsk) -> HostName {
    let key = TenantKey::new(namespace.as_str(), ask.key());
    name::host_name(cluster, CLUSTER_TRUST_BUNDLE_PROJECTION, &key)
}

/// The host ConfigMap with `content`. It stands for no single object of the tenant, so it has no origin UID.
pub fn config_map(
    cluster: &Cluster,
    namespace: &TenantNamespace,
    ask: &TrustBundleAsk,
    content: String,
) -> ConfigMap {
    let host_name = host_name(cluster, namespace, ask);
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let labels = [
        label(keys::CLUSTER, cluster.id.as_str()),
        label(keys::TENANT_NAMESPACE, namespace.as_str()),
        label(keys::MANAGED_BY, keys::MANAGED_BY_WARREN),
    ];
    let annotations = [
        label(keys::ORIGIN_NAMESPACE, namespace.as_str()),
        label(keys::ORIGIN_NAME, &ask.key()),
        label(keys::ORIGIN_KIND, CLUSTER_TRUST_BUNDLE_PROJECTION.kind),
    ];
    ConfigMap {
        data: Some([(DATA_KEY.to_owned(), content)].into()),
        metadata: ObjectMeta {
            name: Some(host_name.as_str().to_owned()),
            namespace: Some(cluster.workload_namespace.as_str().to_owned()),
            labels: Some(labels.into()),
            annotations: Some(annotations.into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

/// True when the host's ConfigMap is not what it should be.
pub fn needs_update(existing: &ConfigMap, desired: &ConfigMap) -> bool {
    meta::needs_update(&existing.metadata, &desired.metadata)
        || existing.data.clone().unwrap_or_default() != desired.data.clone().unwrap_or_default()
}
