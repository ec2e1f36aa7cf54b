//! The `PodCertificateRequest` in the tenant, as a kubelet writes it, and what the signer answers.

use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    PodCertificateRequest, PodCertificateRequestSpec, PodCertificateRequestStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::needs::PodCertificateNeed;
use super::secret::Refresh;
use crate::identity::{TenantKey, TenantUid};
use crate::pem;

/// Who asks: the Pod, its node and its ServiceAccount, each by UID, as the tenant has them now.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// The Pod.
    pub pod: &'a TenantKey,
    /// Its UID.
    pub pod_uid: &'a TenantUid,
    /// Its node.
    pub node: &'a str,
    /// UID of the node.
    pub node_uid: &'a str,
    /// UID of the ServiceAccount that the need names.
    pub service_account_uid: &'a str,
}

/// The request for `need`, owned by the Pod. `stub` is an empty PKCS#10 request, DER: it carries the public key and
/// proves possession of the private one.
pub fn request(by: &Requester<'_>, need: &PodCertificateNeed, stub: Vec<u8>) -> PodCertificateRequest {
    let PodCertificateNeed {
        volume: _,
        index: _,
        service_account,
        signer_name,
        key_type: _,
        max_expiration_seconds,
        user_annotations,
    } = need;
    PodCertificateRequest {
        metadata: ObjectMeta {
            generate_name: Some("req-".to_owned()),
            namespace: Some(by.pod.namespace.as_str().to_owned()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                name: by.pod.name.as_str().to_owned(),
                uid: by.pod_uid.as_str().to_owned(),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        },
        spec: PodCertificateRequestSpec {
            max_expiration_seconds: *max_expiration_seconds,
            node_name: by.node.to_owned(),
            node_uid: by.node_uid.to_owned(),
            pod_name: by.pod.name.as_str().to_owned(),
            pod_uid: by.pod_uid.as_str().to_owned(),
            service_account_name: service_account.clone(),
            service_account_uid: by.service_account_uid.to_owned(),
            signer_name: signer_name.clone(),
            stub_pkc_s10_request: ByteString(stub),
            unverified_user_annotations: (!user_annotations.is_empty()).then(|| user_annotations.clone()),
        },
        status: None,
    }
}

/// What the signer has said so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Pending,
    /// A certificate.
    Issued {
        /// The chain, clean PEM.
        chain: String,
        /// When to renew it.
        refresh: Refresh,
    },
    /// No, for good.
    Refused {
        /// `Denied` or `Failed`: the condition, and the reason of the Event.
        condition: &'static str,
        /// The Event's message.
        message: String,
    },
}

/// Reads the answer off a request's conditions.
pub fn answer(request: &PodCertificateRequest) -> Answer {
    let Some(status) = &request.status else {
        return Answer::Pending;
    };
    for condition in status.conditions.iter().flatten() {
        let refused = |name: &'static str, verb: &str| Answer::Refused {
            condition: name,
            message: format!(
                "PodCertificateRequest {}/{} {verb}, reason={:?}, message={:?}",
                request.metadata.namespace.as_deref().unwrap_or_default(),
                request.metadata.name.as_deref().unwrap_or_default(),
                condition.reason,
                condition.message,
            ),
        };
        match condition.type_.as_str() {
            "Denied" => return refused("Denied", "was denied"),
            "Failed" => return refused("Failed", "failed"),
            "Issued" => return issued(status),
            _ => {}
        }
    }
    Answer::Pending
}

/// The API accepts `Issued` only with all of these.
fn issued(status: &PodCertificateRequestStatus) -> Answer {
    let times = status.begin_refresh_at.as_ref().zip(status.not_after.as_ref());
    match (&status.certificate_chain, times) {
        (Some(chain), Some((begin_refresh_at, not_after))) => Answer::Issued {
            chain: pem::certificates(chain),
            refresh: Refresh {
                begin_refresh_at: begin_refresh_at.0,
                not_after: not_after.0,
            },
        },
        _ => Answer::Pending,
    }
}
