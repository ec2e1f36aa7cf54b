//! The host Secret with key and chain of one `podCertificate` source of one Pod.

use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::needs::PodCertificateNeed;
use crate::error::{Error, Result};
use crate::identity::{Cluster, HostName, TenantKey, TenantUid};
use crate::meta;
use crate::name::{POD_CERTIFICATE, host_name_of_part};

/// Key of the Secret's data: the private key, then the chain, PEM.
pub const CREDENTIAL_BUNDLE: &str = "credentialBundle";
/// Key of the Secret's data: the private key, PKCS#8 PEM.
pub const KEY: &str = "key";
/// Key of the Secret's data: the chain, leaf first, PEM.
pub const CERTIFICATE_CHAIN: &str = "certificateChain";
/// Annotation on the host Secret: JSON of [`Refresh`], so that renewals survive a restart.
pub const REFRESH: &str = "warren.dev/certificate-refresh";
/// Annotation on the host Secret: [`PodCertificateNeed::source`].
pub const SOURCE: &str = "warren.dev/certificate-source";

/// When a certificate is renewed, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    /// `status.beginRefreshAt`, as the signer said.
    pub begin_refresh_at: Timestamp,
    /// `status.notAfter`.
    pub not_after: Timestamp,
}

/// Key and chain.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The private key, PKCS#8 PEM.
    pub key: String,
    /// The chain, clean PEM, leaf first.
    pub chain: String,
    /// When to renew it.
    pub refresh: Refresh,
}

impl fmt::Debug for Credentials {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("refresh", &self.refresh)
            .finish_non_exhaustive()
    }
}

/// Name of the host Secret for source `index` of volume `volume`. It depends on the Pod's UID: a successor of the
/// same name must not start with its predecessor's key.
pub fn secret_name(
    cluster: &Cluster,
    pod: &TenantKey,
    pod_uid: &TenantUid,
    volume: &str,
    index: usize,
) -> HostName {
    host_name_of_part(
        cluster,
        POD_CERTIFICATE,
        pod,
        &format!("{pod_uid}/{volume}/{index}"),
    )
}

/// The host Secret, without owner: it exists before its Pod.
///
/// # Errors
/// Never in practice: [`Error::Json`] if the annotation cannot be written.
pub fn secret(
    cluster: &Cluster,
    pod: &TenantKey,
    pod_uid: &TenantUid,
    need: &PodCertificateNeed,
    credentials: &Credentials,
) -> Result<Secret> {
    let Credentials { key, chain, refresh } = credentials;
    let name = secret_name(cluster, pod, pod_uid, &need.volume, need.index);
    let mut metadata = ObjectMeta {
        name: Some(name.as_str().to_owned()),
        namespace: Some(cluster.workload_namespace.as_str().to_owned()),
        ..ObjectMeta::default()
    };
    meta::stamp(cluster, pod, pod_uid, Some(POD_CERTIFICATE.kind), &mut metadata);
    let refresh = serde_json::to_string(refresh).map_err(|error| Error::Json {
        what: "certificate refresh",
        why: error.to_string(),
    })?;
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(REFRESH.to_owned(), refresh);
    annotations.insert(SOURCE.to_owned(), need.source());
    let data = [
        (CREDENTIAL_BUNDLE, format!("{key}{chain}")),
        (KEY, key.clone()),
        (CERTIFICATE_CHAIN, chain.clone()),
    ];
    let data = data.map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())));
    Ok(Secret {
        data: Some(data.into()),
        metadata,
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    })
}

/// When the certificate in the host's Secret is renewed. `None` without a readable annotation: then it counts as
/// missing.
pub fn refresh(host: &ObjectMeta) -> Option<Refresh> {
    let text = host.annotations.as_ref()?.get(REFRESH)?;
    serde_json::from_str(text).ok()
}

/// Which source the host's Secret is for, [`PodCertificateNeed::source`].
pub fn source_of(host: &ObjectMeta) -> Option<&str> {
    host.annotations.as_ref()?.get(SOURCE).map(String::as_str)
}
