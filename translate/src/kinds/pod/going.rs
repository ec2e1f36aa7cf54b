//! What every step of a Pod's way down needs.

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::context::PodContext;
use crate::error::{Error, Result};
use crate::identity::{TenantKey, TenantUid, tenant_uid};
use crate::note::Findings;
use crate::reference::References;

/// One Pod on its way down.
pub(super) struct Going<'a> {
    pub(super) context: PodContext<'a>,
    pub(super) key: TenantKey,
    pub(super) uid: TenantUid,
    pub(super) pod: &'a Pod,
    pub(super) spec: &'a PodSpec,
    pub(super) findings: Findings,
}

impl<'a> Going<'a> {
    pub(super) fn new(context: &PodContext<'a>, pod: &'a Pod) -> Result<Self> {
        let key = TenantKey::of(&pod.metadata)?;
        let uid = tenant_uid(&pod.metadata)?;
        let Some(spec) = &pod.spec else {
            return Err(Error::NoSpec {
                namespace: key.namespace.to_string(),
                name: key.name.to_string(),
            });
        };
        Ok(Self {
            context: *context,
            key,
            uid,
            pod,
            spec,
            findings: Findings::default(),
        })
    }

    /// References out of the Pod's namespace.
    pub(super) fn references(&self) -> References<'_> {
        References::new(self.context.cluster, &self.key.namespace)
    }

    /// The ServiceAccount the Pod runs as in the tenant.
    pub(super) fn service_account(&self) -> &'a str {
        let named = self
            .spec
            .service_account_name
            .as_deref()
            .filter(|name| !name.is_empty());
        named.unwrap_or("default")
    }
}
