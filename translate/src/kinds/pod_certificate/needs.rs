//! Which certificates a Pod asks for: the `podCertificate` sources of its projected volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodCertificateProjection};

use crate::kinds::pod::sources;

/// One certificate that a Pod asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodCertificateNeed {
    /// The volume.
    pub volume: String,
    /// Index of the source among the volume's sources.
    pub index: usize,
    /// ServiceAccount of the Pod, in the Pod's namespace.
    pub service_account: String,
    /// The signer that is asked.
    pub signer_name: String,
    /// `RSA3072`, `RSA4096`, `ECDSAP256`, `ECDSAP384`, `ECDSAP521` or `ED25519`.
    pub key_type: String,
    /// Longest life of the certificate, in seconds. `None`: the apiserver's default, a day.
    pub max_expiration_seconds: Option<i32>,
    /// What the Pod's author tells the signer.
    pub user_annotations: BTreeMap<String, String>,
}

/// The certificates of a Pod, in the order of its volumes; empty when it mounts none.
pub fn needs(pod: &Pod) -> Vec<PodCertificateNeed> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let service_account = sources::service_account(spec);
    let certificates = sources::projected(spec).filter_map(|(volume, index, source)| {
        let PodCertificateProjection {
            certificate_chain_path: _,
            credential_bundle_path: _,
            key_path: _,
            key_type,
            max_expiration_seconds,
            signer_name,
            user: _,
            user_annotations,
        } = source.pod_certificate.as_ref()?;
        Some(PodCertificateNeed {
            volume: volume.to_owned(),
            index,
            service_account: service_account.clone(),
            signer_name: signer_name.clone(),
            key_type: key_type.clone(),
            max_expiration_seconds: *max_expiration_seconds,
            user_annotations: user_annotations.clone().unwrap_or_default(),
        })
    });
    certificates.collect()
}

impl PodCertificateNeed {
    /// Which source of which volume, as one word.
    pub fn source(&self) -> String {
        sources::word(&self.volume, self.index)
    }
}
