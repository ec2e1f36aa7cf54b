//! The tenant claim that a host Event is about.

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::{HostName, TenantKey, TenantUid};
use warren_translate::kinds::event::{self, AboutClaim};
use warren_translate::meta;

use crate::context::Context;

/// Both claims.
pub(in crate::events) struct ClaimSubject {
    key: TenantKey,
    uid: TenantUid,
    host: HostName,
}

impl ClaimSubject {
    /// Looks both claims up. `None` when one is gone, or the host's is not this cluster's.
    ///
    /// # Errors
    /// A host claim that the store does not have (yet) cannot be read.
    pub(in crate::events) async fn find(ctx: &Context, event: &Event) -> Result<Option<Self>, act::Error> {
        let about = &event.involved_object;
        let (Some(name), Some(uid)) = (&about.name, &about.uid) else {
            return Ok(None);
        };
        let stored = ObjectKey::new(ctx.cluster.workload_namespace.as_str(), name.as_str());
        let stored = ctx.host.storage.claims.get(&stored);
        let is_it = |metadata: &kube::api::ObjectMeta| metadata.uid.as_ref() == Some(uid);
        let stored = stored.map(|claim| claim.metadata.clone()).filter(is_it);
        let metadata = if stored.is_some() {
            stored
        } else {
            let what = format!("read PersistentVolumeClaim {name} on the host");
            let api = ctx.host_api::<PersistentVolumeClaim>();
            let read = act::call(what, api.get_metadata_opt(name)).await?;
            read.map(|claim| claim.metadata).filter(is_it)
        };
        let own = metadata.filter(|metadata| meta::belongs(&ctx.cluster, metadata));
        Ok(own.and_then(|metadata| {
            let origin = meta::origin(&metadata)?;
            let stored = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
            let tenant = ctx.tenant.storage.claims.get(&stored)?;
            (tenant.metadata.uid.as_deref() == Some(origin.uid.as_str())).then_some(())?;
            Some(Self {
                host: HostName::of(&metadata)?,
                key: origin.key,
                uid: origin.uid,
            })
        }))
    }

    /// UID of the tenant claim.
    pub(in crate::events) const fn uid(&self) -> &TenantUid {
        &self.uid
    }

    /// The tenant's Event. `None` when it is not for the tenant.
    pub(in crate::events) fn up(&self, ctx: &Context, host: &Event) -> Option<Event> {
        let about = AboutClaim {
            cluster: &ctx.cluster,
            key: &self.key,
            uid: &self.uid,
            host: &self.host,
        };
        event::up_claim(&about, host)
    }
}
