//! Why a round of a Pod failed.

use warren_runtime::act;
use warren_runtime::disposition::{Disposed, Disposition};
use warren_runtime::tenant_identity;

/// Why a round of a Pod failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call to one of the clusters.
    #[error(transparent)]
    Act(#[from] act::Error),
    /// The Pod is structurally impossible.
    #[error("failed to translate")]
    Translate(#[from] warren_translate::Error),
    /// The Pod is not what this Warren takes for a Pod.
    #[error("failed to read the Pod")]
    Json(#[from] serde_json::Error),
    /// The syncer did not answer, or not yet.
    #[error("failed to ensure what the Pod needs")]
    Syncer(#[source] Box<tonic::Status>),
    /// The syncer could not bring something to the host.
    #[error("failed to bring {what} to the Pod: {message}")]
    Dependency {
        /// Kind and name.
        what: String,
        /// Why, in tenant terms.
        message: String,
    },
    /// The tenant may be another cluster.
    #[error("failed to identify the tenant")]
    NotProven(#[from] tenant_identity::Error),
}

/// Result of the Pod loop.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Disposed for Error {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Act(error) => error.disposition(),
            Self::Translate(warren_translate::Error::NoApiService)
            | Self::Syncer(_)
            | Self::Dependency { .. }
            | Self::NotProven(_) => Disposition::Retry,
            Self::Translate(_) | Self::Json(_) => Disposition::WaitForChange,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Act(error) => error.reason(),
            Self::Translate(error) => error.reason(),
            Self::Json(_) => "NotReadable",
            Self::Syncer(_) => "SyncerUnavailable",
            Self::Dependency { .. } => "DependencyFailed",
            Self::NotProven(_) => "TenantNotProven",
        }
    }
}
