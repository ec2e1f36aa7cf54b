//! Proof that the tenant is the one whose objects are on the host: the UID of its `kube-system` namespace, recorded
//! on this syncer's Lease at first sight.
//!
//! A tenant whose datastore was lost or swapped lists nothing, which would read as "everything was deleted".

use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::json;
use tokio::time::sleep;
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_runtime::serve::Check;

use crate::error::{Error, Result};

/// Annotation on the Lease: UID of the tenant's `kube-system`.
pub const TENANT_UID: &str = "warren.dev/tenant-uid";
/// How often a tenant that does not answer yet is asked at start.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// The tenant's identity.
pub struct Identity {
    tenant: Api<Namespace>,
    leases: Api<Lease>,
    lease: &'static str,
    recorded: OnceLock<String>,
    check: Check,
}

impl Identity {
    /// `check` is so while the tenant is the recorded one.
    pub const fn new(tenant: Api<Namespace>, leases: Api<Lease>, lease: &'static str, check: Check) -> Self {
        Self {
            tenant,
            leases,
            lease,
            recorded: OnceLock::new(),
            check,
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

    async fn try_establish(&self) -> Result<()> {
        let found = self.found().await?;
        let lease = act::call("read this syncer's Lease", self.leases.get(self.lease)).await?;
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
        let same = recorded == found;
        if !same {
            tracing::error!(
                recorded,
                found,
                "this is not the tenant whose objects are on the host: nothing will be deleted"
            );
        }
        self.check.set(same);
        // Set twice only if called twice; the first record counts.
        let _first_counts = self.recorded.set(recorded);
        Ok(())
    }

    /// Asks the tenant who it is, now. Call it *after* the observation that leads to a delete.
    ///
    /// # Errors
    /// [`Error::OtherTenant`], [`Error::Stale`] before [`Self::establish`], [`Error::Act`] when it does not answer.
    pub async fn prove(&self) -> Result<()> {
        let recorded = self.recorded.get().ok_or(Error::Stale)?;
        let found = self.found().await?;
        let same = *recorded == found;
        self.check.set(same);
        if same {
            return Ok(());
        }
        Err(Error::OtherTenant {
            recorded: recorded.clone(),
            found,
        })
    }

    async fn found(&self) -> Result<String> {
        let read = self.tenant.get_metadata("kube-system");
        let namespace = act::call("identify the tenant by its kube-system", read).await?;
        Ok(namespace.metadata.uid.unwrap_or_default())
    }
}
