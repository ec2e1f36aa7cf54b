//! Tenant name → host name: a readable prefix and a hash that keeps distinct objects apart.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use crate::identity::{Cluster, HostName, TenantKey};

/// Group and kind of what a host name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind in `PascalCase`.
    pub kind: &'static str,
}

impl Kind {
    const fn core(kind: &'static str) -> Self {
        Self { group: "", kind }
    }

    /// What Warren makes for itself, beside the tenant's objects.
    const fn own(kind: &'static str) -> Self {
        Self {
            group: "warren.dev",
            kind,
        }
    }
}

/// Pods.
pub const POD: Kind = Kind::core("Pod");
/// ConfigMaps.
pub const CONFIG_MAP: Kind = Kind::core("ConfigMap");
/// Secrets.
pub const SECRET: Kind = Kind::core("Secret");
/// Services.
pub const SERVICE: Kind = Kind::core("Service");
/// PersistentVolumeClaims.
pub const PERSISTENT_VOLUME_CLAIM: Kind = Kind::core("PersistentVolumeClaim");
/// EndpointSlices.
pub const ENDPOINT_SLICE: Kind = Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
};
/// NetworkPolicies.
pub const NETWORK_POLICY: Kind = Kind {
    group: "networking.k8s.io",
    kind: "NetworkPolicy",
};
/// PodDisruptionBudgets.
pub const POD_DISRUPTION_BUDGET: Kind = Kind {
    group: "policy",
    kind: "PodDisruptionBudget",
};
/// Ingresses.
pub const INGRESS: Kind = Kind {
    group: "networking.k8s.io",
    kind: "Ingress",
};
/// ResourceClaims.
pub const RESOURCE_CLAIM: Kind = Kind {
    group: "resource.k8s.io",
    kind: "ResourceClaim",
};
/// The Secret that holds the ServiceAccount tokens of one Pod ([`crate::kinds::token`]).
pub const TOKEN: Kind = Kind::own("Token");
/// The ConfigMap with the service variables of one namespace ([`crate::kinds::service_environment`]).
pub const SERVICE_ENVIRONMENT: Kind = Kind::own("ServiceEnvironment");
/// The ConfigMap with what one ClusterTrustBundle projection gets ([`crate::kinds::trust_bundle`]).
pub const CLUSTER_TRUST_BUNDLE_PROJECTION: Kind = Kind::own("ClusterTrustBundleProjection");
/// The Secret with key and chain of one PodCertificate projection ([`crate::kinds::pod_certificate`]).
pub const POD_CERTIFICATE: Kind = Kind::own("PodCertificate");

/// Length of the hash, in base32 characters: 18 × 5 = 90 bits.
const HASH_CHARS: usize = 18;
/// A DNS label ends at 63 characters.
const LABEL_MAX: usize = 63;
/// What remains for the readable part, with the dash.
const READABLE_MAX: usize = LABEL_MAX - HASH_CHARS - 1;

/// The host name of a tenant object: `<readable>-<hash>`, at most 63 characters, a DNS-1035 label (so it also
/// serves as the name of a Service). Distinct (cluster UID, group, kind, namespace, name) give distinct hashes.
pub fn host_name(cluster: &Cluster, kind: Kind, key: &TenantKey) -> HostName {
    host_name_of_part(cluster, kind, key, "")
}

/// As [`host_name`], for one of several host objects that come from one tenant object (`part` tells them apart).
pub fn host_name_of_part(cluster: &Cluster, kind: Kind, key: &TenantKey, part: &str) -> HostName {
    host_name_of(cluster, [kind.group, kind.kind], key, part)
}

/// As [`host_name_of_part`], for a kind that is known by what somebody wrote: its group, and what tells it from the others
/// there (no `PascalCase`, which the kinds above have).
pub(crate) fn host_name_of(
    cluster: &Cluster,
    [group, kind]: [&str; 2],
    key: &TenantKey,
    part: &str,
) -> HostName {
    let hash = short_hash(&[
        cluster.uid.as_str(),
        group,
        kind,
        key.namespace.as_str(),
        key.name.as_str(),
        part,
    ]);
    HostName::computed(format!("{}-{hash}", readable(key.name.as_str())))
}

/// 90 bits of SHA-256 over the parts, each with its length in front, in lowercase base32.
pub(crate) fn short_hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = BASE32_NOPAD.encode(&hasher.finalize());
    text.truncate(HASH_CHARS);
    text.make_ascii_lowercase();
    text
}

/// The readable part: lowercase letters, digits and dashes, first a letter, last no dash.
fn readable(name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        text.insert(0, 'x');
    }
    text.truncate(READABLE_MAX);
    text.truncate(text.trim_end_matches('-').len());
    text
}

#[cfg(test)]
mod tests;
