//! Volumes: those of the host that a claim of this cluster has, in the tenant. One round writes the tenant's volume and
//! nothing else; the claim is bound to it by its own round.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::Api;
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::persistent_volume::{self as volume, Phase};
use warren_translate::meta;

use super::tenant_write;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;

/// One round.
///
/// # Errors
/// Failed writes in the tenant; [`Error::Stale`] while a volume goes that the tenant put in the place of this one.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    if !ctx.has_storage() {
        return Ok(Round::done(State::Absent));
    }
    let name = key.tenant.name.as_str();
    let tenant = ctx.tenant.storage.volumes.get(&ObjectKey::new("", name));
    let host = on_host(ctx, name);
    let desired = host.as_deref().and_then(|host| desired(ctx, host));
    match (tenant, desired) {
        // The tenant's own: its name is not known before it has its place, so nobody can be in the way on purpose.
        (Some(tenant), _) if !volume::is_mirrored(&tenant.metadata) => Ok(Round::done(State::Ready)),
        (None, None) => Ok(Round::done(State::Absent)),
        (None, Some(desired)) => {
            tenant_write::create(ctx, key, &api(ctx), &desired).await?;
            // Its phase is set when the store shows it.
            Ok(Round::done(State::Ready))
        }
        (Some(tenant), Some(desired)) => {
            keep(ctx, key, &tenant, &desired, host.as_deref()).await?;
            Ok(Round::done(State::Ready))
        }
        (Some(tenant), None) => {
            set_phase(ctx, key, &tenant, volume::phase(host.as_deref(), false)).await?;
            if host.is_none() {
                tenant_write::delete(ctx, key, &api(ctx), &tenant).await?;
            }
            Ok(Round::done(State::Absent))
        }
    }
}

fn api(ctx: &Context) -> Api<PersistentVolume> {
    Api::all(ctx.tenant_client.client())
}

/// The tenant's volume, as it should be. `None` when no claim of the tenant is bound to it on the host.
fn desired(ctx: &Context, host: &PersistentVolume) -> Option<PersistentVolume> {
    let host_claim = claim_of(ctx, host)?;
    let origin = meta::origin(&host_claim.metadata)?;
    let stored = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
    let tenant_claim = ctx.tenant.storage.claims.get(&stored)?;
    volume::up(&tenant_claim, &host_claim, host)
}

/// The host claim that a host volume says it belongs to.
fn claim_of(ctx: &Context, host: &PersistentVolume) -> Option<Arc<PersistentVolumeClaim>> {
    let name = host.spec.as_ref()?.claim_ref.as_ref()?.name.as_deref()?;
    let stored = ObjectKey::new(ctx.cluster.workload_namespace.as_str(), name);
    ctx.host.storage.claims.get(&stored)
}

/// The host's volume under the tenant's name for it. Of several that say they belong to one claim, the claim's.
fn on_host(ctx: &Context, name: &str) -> Option<Arc<PersistentVolume>> {
    let is_it = |host: &PersistentVolume| {
        volume::name_of_volume(&ctx.cluster, host).is_some_and(|of_claim| of_claim == name)
    };
    let mut candidates = ctx.host.storage.volumes.filter(|volume| is_it(volume));
    let is_bound = |host: &Arc<PersistentVolume>| {
        let claim = claim_of(ctx, host);
        let chosen = claim
            .as_ref()
            .and_then(|claim| claim.spec.as_ref()?.volume_name.as_ref());
        chosen.is_some() && chosen == host.metadata.name.as_ref()
    };
    let chosen = candidates.iter().position(is_bound).unwrap_or(0);
    (chosen < candidates.len()).then(|| candidates.swap_remove(chosen))
}

async fn keep(
    ctx: &Context,
    key: &Key,
    tenant: &PersistentVolume,
    desired: &PersistentVolume,
    host: Option<&PersistentVolume>,
) -> Result<()> {
    if volume::must_replace(tenant, desired) {
        set_phase(ctx, key, tenant, Phase::Released).await?;
        tenant_write::delete(ctx, key, &api(ctx), tenant).await?;
        return Err(Error::Stale);
    }
    if let Some(patch) = volume::changes(tenant, desired) {
        act::merge(&api(ctx), key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
    }
    set_phase(ctx, key, tenant, volume::phase(host, true)).await
}

async fn set_phase(ctx: &Context, key: &Key, tenant: &PersistentVolume, phase: Phase) -> Result<()> {
    if let Some(patch) = volume::status(tenant, phase) {
        act::merge_status(&api(ctx), key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
