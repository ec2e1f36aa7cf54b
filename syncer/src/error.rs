//! Why a round of a key failed, what to do next, and what the tenant is told.

use warren_runtime::act;
use warren_runtime::disposition::{Disposed, Disposition};
use warren_runtime::tenant_identity;
use warren_translate::identity::{Cluster, HostName};
use warren_translate::kinds::pod::scrub;
use warren_translate::refusal::without_quota_name;

use crate::certificate_key;
use crate::key::Key;

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call to either API.
    #[error(transparent)]
    Act(#[from] act::Error),
    /// The host refused the object itself (wrong content, quota, policy).
    #[error("the host refused {host_name}")]
    Refused {
        /// Name on the host.
        host_name: HostName,
        /// Its answer.
        #[source]
        source: act::Error,
    },
    /// The tenant object makes no sense.
    #[error("failed to translate")]
    Translate(#[from] warren_translate::Error),
    /// Something that is not this cluster's has the name on the host.
    #[error("the host has an object {host_name} that is not this cluster's")]
    Foreign {
        /// Name on the host.
        host_name: HostName,
    },
    /// The host has the object, but this process's store does not show it yet.
    #[error("the store is behind the host")]
    Stale,
    /// The tenant gave the address that an object must get to another one, which has to give it back first.
    #[error("the address {address} belongs to another Service of the tenant, which must give it back first")]
    AddressBusy {
        /// The address.
        address: String,
    },
    /// The tenant may not be the one whose objects are on the host: nothing may be deleted.
    #[error(transparent)]
    NotProven(#[from] tenant_identity::Error),
    /// The key of a pod certificate could not be made.
    #[error(transparent)]
    CertificateKey(#[from] certificate_key::Error),
    /// An object that cannot be written as JSON.
    #[error("failed to write JSON")]
    Json(#[from] serde_json::Error),
}

/// Result of a round's steps.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Reason and message for an Event on the tenant's object, without host names. `None` for what is not the
    /// tenant's business (an API that is down, a cache that is behind).
    pub fn told(&self, cluster: &Cluster, key: &Key) -> Option<(&'static str, String)> {
        match self {
            Self::Refused { host_name, source } => {
                let answer = source.message().unwrap_or("no reason given");
                let answer = scrub(cluster, &key.tenant, host_name, &without_quota_name(answer));
                Some(("RefusedByHost", format!("the host refused it: {answer}")))
            }
            Self::Foreign { .. } => Some((
                "NameTaken",
                "its place on the host is taken by an object that is not this cluster's; use another name"
                    .to_owned(),
            )),
            Self::Translate(error) => Some((error.reason(), error.to_string())),
            Self::CertificateKey(error) => Some(("FailedPodCertificate", error.to_string())),
            Self::Act(_) | Self::Stale | Self::AddressBusy { .. } | Self::NotProven(_) | Self::Json(_) => {
                None
            }
        }
    }
}

impl Disposed for Error {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Act(error) | Self::Refused { source: error, .. } => error.disposition(),
            Self::Translate(_) | Self::Foreign { .. } | Self::CertificateKey(_) | Self::Json(_) => {
                Disposition::WaitForChange
            }
            Self::NotProven(error) => error.disposition(),
            Self::Stale | Self::AddressBusy { .. } => Disposition::Retry,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Act(error) | Self::Refused { source: error, .. } => error.reason(),
            Self::Translate(error) => error.reason(),
            Self::Foreign { .. } => "NameTaken",
            Self::Stale => "Stale",
            Self::AddressBusy { .. } => "AddressBusy",
            Self::NotProven(error) => error.reason(),
            Self::CertificateKey(_) => "FailedPodCertificate",
            Self::Json(_) => "InvalidObject",
        }
    }
}
