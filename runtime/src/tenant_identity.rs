//! Proof that the tenant is the one whose objects are on the host: the UID of its `kube-system` namespace, recorded on
//! the process's Lease at first sight.
//!
//! A tenant whose datastore was lost or swapped lists nothing, which would read as "everything was deleted".

use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::json;
use tokio::time::sleep;

use crate::act;
use crate::disposition::{Disposed, Disposition};
use crate::log::Chain;
use crate::serve::Check;

/// Annotation on the Lease: UID of the tenant's `kube-system`.
pub const TENANT_UID: &str = "warren.dev/tenant-uid";
/// How often a tenant that does not answer yet is asked at start.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// Why a tenant is not proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not answer, or the Lease cannot be read.
    #[error(transparent)]
    Act(#[from] act::Error),
    /// Another cluster answers.
    #[error("the tenant's kube-system has UID {found}, but {recorded} is recorded: nothing is deleted")]
    Other {
        /// On the Lease.
        recorded: String,
        /// What answers.
        found: String,
    },
    /// [`TenantIdentity::establish`] has not ended.
    #[error("the tenant is not identified yet")]
    Unknown,
}

impl Disposed for Error {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Act(error) => error.disposition(),
            Self::Other { .. } | Self::Unknown => Disposition::Retry,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Act(error) => error.reason(),
            Self::Other { .. } => "OtherTenant",
            Self::Unknown => "TenantUnknown",
        }
    }
}

/// The tenant's identity.
pub struct TenantIdentity {
    tenant: Api<Namespace>,
    leases: Api<Lease>,
    lease: &'static str,
    recorded: OnceLock<String>,
    check: Option<Check>,
}

impl TenantIdentity {
    /// `lease` is in the namespace of `leases` and held by this process.
    pub const fn new(tenant: Api<Namespace>, leases: Api<Lease>, lease: &'static str) -> Self {
        Self {
            tenant,
            leases,
            lease,
            recorded: OnceLock::new(),
            check: None,
        }
    }

    /// As this one, and `check` is so while the tenant is the recorded one.
    #[must_use]
    pub fn with_check(self, check: Check) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }

    /// Reads what is recorded, or records what is there; waits until both clusters answer.
    pub async fn establish(&self) {
        loop {
            match self.try_establish().await {
                Ok(()) => return,
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), "tenant not identified yet");
                    sleep(FIRST_LOOK).await;
                }
            }
        }
    }

    async fn try_establish(&self) -> Result<(), Error> {
        let found = self.found().await?;
        let lease = act::call("read this process's Lease", self.leases.get(self.lease)).await?;
        let annotations = lease.metadata.annotations.unwrap_or_default();
        let recorded = if let Some(recorded) = annotations.get(TENANT_UID) {
            recorded.clone()
        } else {
            let patch = json!({ "metadata": {
                "resourceVersion": lease.metadata.resource_version,
                "annotations": { TENANT_UID: found },
            } });
            act::merge(&self.leases, self.lease, &patch).await?;
            found.clone()
        };
        if !self.checked(&recorded, &found) {
            tracing::error!(
                recorded,
                found,
                "this is not the tenant whose objects are on the host: nothing will be deleted"
            );
        }
        // Set twice only if called twice; the first record counts.
        let _first_counts = self.recorded.set(recorded);
        Ok(())
    }

    /// Asks the tenant who it is, now. Call it *after* the observation that leads to a delete.
    ///
    /// # Errors
    /// [`Error`]: then nothing may be deleted.
    pub async fn prove(&self) -> Result<(), Error> {
        let recorded = self.recorded.get().ok_or(Error::Unknown)?;
        let found = self.found().await?;
        if self.checked(recorded, &found) {
            return Ok(());
        }
        Err(Error::Other {
            recorded: recorded.clone(),
            found,
        })
    }

    /// Whether both are the same; the check says so too.
    fn checked(&self, recorded: &str, found: &str) -> bool {
        let same = recorded == found;
        if let Some(check) = &self.check {
            check.set(same);
        }
        same
    }

    async fn found(&self) -> Result<String, act::Error> {
        let read = self.tenant.get_metadata("kube-system");
        let namespace = act::call("identify the tenant by its kube-system", read).await?;
        Ok(namespace.metadata.uid.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
