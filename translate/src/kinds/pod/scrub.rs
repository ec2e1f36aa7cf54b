//! Host names out of texts that go up.

use crate::identity::{Cluster, HostName, TenantKey};

/// `text` with the host's names replaced by the tenant's: `<host namespace>/<host name>` and each of them alone.
pub fn scrub(cluster: &Cluster, tenant: &TenantKey, host: &HostName, text: &str) -> String {
    let namespace = cluster.workload_namespace.as_str();
    text.replace(host.as_str(), tenant.name.as_str())
        .replace(namespace, tenant.namespace.as_str())
}
