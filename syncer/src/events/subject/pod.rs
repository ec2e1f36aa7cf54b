//! The tenant Pod that a host Event is about.

use k8s_openapi::api::core::v1::{Event, Pod};
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::{HostName, TenantKey, TenantUid};
use warren_translate::kinds::event::{self, About};
use warren_translate::kinds::pod::{PodNames, Scrub};
use warren_translate::meta;

use crate::context::Context;
use crate::tenant_pod::TenantPod;

/// Both Pods.
pub(in crate::events) struct PodSubject {
    key: TenantKey,
    uid: TenantUid,
    tenant: TenantPod,
    host: HostName,
    host_uid: String,
}

impl PodSubject {
    /// Looks both Pods up. `None` when one is gone, or the host Pod is not this cluster's.
    ///
    /// # Errors
    /// A Pod that the stores do not have (it has just begun, or is finished) cannot be read.
    pub(in crate::events) async fn find(ctx: &Context, event: &Event) -> Result<Option<Self>, act::Error> {
        let about = &event.involved_object;
        let (Some(name), Some(uid)) = (&about.name, &about.uid) else {
            return Ok(None);
        };
        let Some((host, key, tenant_uid)) = host(ctx, name, uid).await? else {
            return Ok(None);
        };
        let tenant = tenant(ctx, &key, &tenant_uid).await?;
        Ok(tenant.map(|tenant| Self {
            key,
            uid: tenant_uid,
            tenant,
            host,
            host_uid: uid.clone(),
        }))
    }

    /// UID of the tenant Pod.
    pub(in crate::events) const fn uid(&self) -> &TenantUid {
        &self.uid
    }

    /// The tenant's Event. `None` when it is not for the tenant.
    pub(in crate::events) fn up(&self, ctx: &Context, host: &Event) -> Option<Event> {
        let names = PodNames {
            key: &self.key,
            uid: Some(&self.uid),
            service_account: self.tenant.service_account(),
            needs: self.tenant.needs(),
            host: &self.host,
            host_uid: &self.host_uid,
        };
        let about = About {
            key: &self.key,
            uid: &self.uid,
            node: self.tenant.node(),
            containers: self.tenant.containers(),
            scrub: &Scrub::of_names(&ctx.cluster, &names),
        };
        event::up(&about, host)
    }
}

async fn host(
    ctx: &Context,
    name: &str,
    uid: &str,
) -> Result<Option<(HostName, TenantKey, TenantUid)>, act::Error> {
    let stored = ObjectKey::new(ctx.cluster.workload_namespace.as_str(), name);
    let stored = ctx.host.pods.get(&stored).map(|pod| pod.metadata.clone());
    let is_it = |metadata: &kube::api::ObjectMeta| metadata.uid.as_deref() == Some(uid);
    let metadata = if let Some(metadata) = stored.filter(is_it) {
        Some(metadata)
    } else {
        let what = format!("read Pod {name} on the host");
        let read = act::call(what, ctx.host_api::<Pod>().get_metadata_opt(name)).await?;
        read.map(|pod| pod.metadata).filter(is_it)
    };
    let own = metadata.filter(|metadata| meta::belongs(&ctx.cluster, metadata));
    Ok(own.and_then(|metadata| {
        let origin = meta::origin(&metadata)?;
        Some((HostName::of(&metadata)?, origin.key, origin.uid))
    }))
}

async fn tenant(ctx: &Context, key: &TenantKey, uid: &TenantUid) -> Result<Option<TenantPod>, act::Error> {
    let is_it = |pod: &TenantPod| pod.identity().is_some_and(|(_, found)| found == *uid);
    let stored = ObjectKey::new(key.namespace.as_str(), key.name.as_str());
    if let Some(pod) = ctx.tenant.pods.get(&stored).filter(|pod| is_it(pod)) {
        return Ok(Some((*pod).clone()));
    }
    let api = ctx.tenant_api::<TenantPod>(&key.namespace);
    let read = act::call(format!("read Pod {key}"), api.get_opt(key.name.as_str())).await?;
    Ok(read.filter(is_it))
}
