//! Secrets, tenant → host: content as it is, renamed, and of a type that no host controller acts on.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use crate::error::Result;
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::{SECRET, host_name};
use crate::note::Translated;
use crate::policy::TenantPolicy;

/// Type of every Secret that nothing on the host looks at by type.
const OPAQUE: &str = "Opaque";
/// Types that the host's kubelet or a gateway reads by type, and that make no controller act.
const KEPT_TYPES: [&str; 5] = [
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "kubernetes.io/tls",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
];

/// The host Secret. Types other than registry credentials, TLS, basic-auth and ssh-auth become `Opaque`: a
/// ServiceAccount token Secret would otherwise be deleted or filled by the host's token controller. The
/// tenant cannot see the difference, so there are no notes.
///
/// # Errors
/// When the Secret has no name, namespace or UID.
pub fn down(cluster: &Cluster, policy: &TenantPolicy, tenant: &Secret) -> Result<Translated<Secret>> {
    let Secret {
        data,
        immutable,
        metadata,
        string_data,
        type_,
    } = tenant;
    let name = host_name(cluster, SECRET, &TenantKey::of(metadata)?);
    let object = Secret {
        data: all_data(data.as_ref(), string_data.as_ref()),
        immutable: *immutable,
        metadata: meta::host_meta(cluster, policy, &name, metadata)?,
        string_data: None,
        type_: Some(host_type(type_.as_deref()).to_owned()),
    };
    Ok(Translated {
        object,
        notes: Vec::new(),
    })
}

fn host_type(tenant: Option<&str>) -> &'static str {
    let kept = KEPT_TYPES.into_iter().find(|kept| Some(*kept) == tenant);
    kept.unwrap_or(OPAQUE)
}

/// `stringData` is write-only and never read back, but objects built by hand may carry it; it wins over `data`.
fn all_data(
    data: Option<&BTreeMap<String, ByteString>>,
    string_data: Option<&BTreeMap<String, String>>,
) -> Option<BTreeMap<String, ByteString>> {
    let mut all = data.cloned().unwrap_or_default();
    for (key, value) in string_data.into_iter().flatten() {
        all.insert(key.clone(), ByteString(value.clone().into_bytes()));
    }
    (!all.is_empty()).then_some(all)
}

/// True when the host's Secret is not what it should be.
pub fn needs_update(existing: &Secret, desired: &Secret) -> bool {
    content_differs(existing, desired) || meta::needs_update(&existing.metadata, &desired.metadata)
}

/// True when the host's Secret cannot become the desired one: it is immutable and differs, or has another type
/// (the tenant made another of the same name). Then it is deleted and created.
pub fn must_replace(existing: &Secret, desired: &Secret) -> bool {
    type_of(existing) != type_of(desired)
        || (existing.immutable == Some(true) && content_differs(existing, desired))
}

fn type_of(secret: &Secret) -> &str {
    secret.type_.as_deref().unwrap_or(OPAQUE)
}

fn content_differs(existing: &Secret, desired: &Secret) -> bool {
    all_data(existing.data.as_ref(), existing.string_data.as_ref())
        != all_data(desired.data.as_ref(), desired.string_data.as_ref())
        || type_of(existing) != type_of(desired)
        || existing.immutable.unwrap_or(false) != desired.immutable.unwrap_or(false)
}

#[cfg(test)]
mod tests;
