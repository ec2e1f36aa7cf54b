//! The host Secret with the tokens of one Pod.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;

use super::renew::Expiry;
use crate::error::{Error, Result};
use crate::identity::{Cluster, HostName, TenantKey, TenantUid, tenant_uid};
use crate::meta;
use crate::name::{TOKEN, host_name_of_part};

/// Annotation on the host Secret: JSON of [`Expiry`] by data key, so that renewals survive a restart. Tokens
/// themselves are only ever in `data`.
pub const EXPIRY: &str = "warren.dev/token-expiry";

/// A token that the tenant's apiserver issued.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// [`super::TokenNeed::data_key`] of what asked for it.
    pub data_key: String,
    /// The token.
    pub token: String,
    /// `status.expirationTimestamp` of the TokenRequest.
    pub expires_at: Timestamp,
    /// `spec.expirationSeconds` of the TokenRequest as it was sent.
    pub expiration_seconds: i64,
}

impl fmt::Debug for Token {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("data_key", &self.data_key)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Name of the host Secret. It depends on the Pod's UID: a successor of the same name must not start with
/// tokens that are bound to its predecessor.
pub fn secret_name(cluster: &Cluster, pod: &TenantKey, pod_uid: &TenantUid) -> HostName {
    host_name_of_part(cluster, TOKEN, pod, pod_uid.as_str())
}

/// The host Secret with these tokens, without owner: it exists before its Pod, see [`owner`].
///
/// # Errors
/// When the Pod has no name, namespace or UID.
pub fn secret(cluster: &Cluster, tenant_pod: &Pod, tokens: &[Token]) -> Result<Secret> {
    let key = TenantKey::of(&tenant_pod.metadata)?;
    let uid = tenant_uid(&tenant_pod.metadata)?;
    let mut metadata = ObjectMeta {
        name: Some(secret_name(cluster, &key, &uid).as_str().to_owned()),
        namespace: Some(cluster.workload_namespace.as_str().to_owned()),
        ..ObjectMeta::default()
    };
    meta::stamp(cluster, &key, &uid, Some(TOKEN.kind), &mut metadata);
    let expiry_of = |token: &Token| {
        let expiry = Expiry {
            expires_at: token.expires_at,
            expiration_seconds: token.expiration_seconds,
        };
        (token.data_key.clone(), expiry)
    };
    write_expiries(&mut metadata, &tokens.iter().map(expiry_of).collect())?;
    let data = tokens.iter().map(|token| {
        (
            token.data_key.clone(),
            ByteString(token.token.clone().into_bytes()),
        )
    });
    Ok(Secret {
        data: Some(data.collect()),
        metadata,
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    })
}

/// `fresh` with those tokens of the host's Secret that were not renewed. When the host's Secret is not the same
/// Pod's, `fresh` as it is.
///
/// # Errors
/// Never in practice: [`Error::Json`] if the expiry annotation cannot be written.
pub fn merge(existing: &Secret, mut fresh: Secret) -> Result<Secret> {
    let same_pod = meta::origin(&existing.metadata).map(|origin| origin.uid)
        == meta::origin(&fresh.metadata).map(|origin| origin.uid);
    if !same_pod {
        return Ok(fresh);
    }
    let mut data = existing.data.clone().unwrap_or_default();
    data.append(fresh.data.get_or_insert_default());
    let mut all = expiries(existing);
    all.append(&mut expiries(&fresh));
    all.retain(|key, _| data.contains_key(key));
    write_expiries(&mut fresh.metadata, &all)?;
    fresh.data = Some(data);
    Ok(fresh)
}

/// When each token ends, by data key. Keys without a readable entry are absent, so they count as due.
pub fn expiries(host: &Secret) -> BTreeMap<String, Expiry> {
    let text = host
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(EXPIRY));
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn write_expiries(metadata: &mut ObjectMeta, expiries: &BTreeMap<String, Expiry>) -> Result<()> {
    let text = serde_json::to_string(expiries).map_err(|error| Error::Json {
        what: "token expiry",
        why: error.to_string(),
    })?;
    metadata
        .annotations
        .get_or_insert_default()
        .insert(EXPIRY.to_owned(), text);
    Ok(())
}

/// Owner reference to put on the Secret once its host Pod exists, so that it goes with it. `None` when the Pod
/// was never stored.
pub fn owner(host_pod: &Pod) -> Option<OwnerReference> {
    Some(OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: host_pod.metadata.name.clone()?,
        uid: host_pod.metadata.uid.clone()?,
        controller: Some(true),
        block_owner_deletion: Some(false),
    })
}
