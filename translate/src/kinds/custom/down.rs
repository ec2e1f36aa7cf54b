//! The host object of a custom resource.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use warren_crds::keys;
use warren_crds::sync::Custom;

use super::{Named, host_name, paths};
use crate::error::Result;
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::short_hash;
use crate::policy::TenantPolicy;

/// What the host should have.
#[derive(Clone, Debug, PartialEq)]
pub struct Down {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its other fields, without status.
    pub data: Value,
}

/// The host object of the tenant object with this metadata and these other fields.
///
/// An annotation says what of these was written: fields that are gone again are found by it, while fields that the host's
/// webhooks and defaults add are left alone.
///
/// # Errors
/// When the object has no name, namespace or UID.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    custom: &Custom,
    metadata: &ObjectMeta,
    data: &Value,
) -> Result<Down> {
    let key = TenantKey::of(metadata)?;
    let mut data = data.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("status");
    }
    for reference in &custom.references {
        paths::rewrite(&mut data, &reference.path, &|name| {
            let named = Named::new(reference, &key.namespace, name);
            named.host_name(cluster).as_str().to_owned()
        });
    }
    let mut metadata = meta::host_meta(cluster, policy, &host_name(cluster, custom, &key), metadata)?;
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(keys::APPLIED.to_owned(), short_hash(&[&data.to_string()]));
    Ok(Down { metadata, data })
}

/// Whether `existing` has all that is `desired`; what the host added beside it does not matter.
pub fn is_as(existing: &Value, desired: &Value) -> bool {
    match (existing, desired) {
        (Value::Object(existing), Value::Object(desired)) => desired.iter().all(|(key, desired)| {
            existing
                .get(key)
                .map_or(desired.is_null(), |existing| is_as(existing, desired))
        }),
        (Value::Array(existing), Value::Array(desired)) => {
            existing.len() == desired.len()
                && existing
                    .iter()
                    .zip(desired)
                    .all(|(existing, desired)| is_as(existing, desired))
        }
        _ => existing == desired,
    }
}
