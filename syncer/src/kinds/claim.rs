//! Claims: down always, bound in the tenant once the host's is bound and the tenant has its volume ([`super::volume`]).
//! One round writes the claim on both sides and nothing else, so no order between claim and volume can be broken by a
//! crash.

mod bring;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;
use warren_runtime::act;
use warren_translate::identity::HostName;
use warren_translate::kinds::persistent_volume_claim::{self as claim, Down};
use warren_translate::{Denied, meta};

use super::content::in_host;
use super::{gone, storage_class, up};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::plan::HostKind;
use crate::registry::Round;
use crate::settlements::State;
use crate::teller;

/// What a Pod is told that needs a claim while nothing is known of the host's storage.
const STANDS_STILL: &str =
    "volumes are not available: the platform does not let this cluster read its storage";

impl HostKind for PersistentVolumeClaim {
    fn needs_update(&self, desired: &Self) -> bool {
        claim::changes(desired, self).is_some() || claim::resize(desired, self).is_some()
    }

    /// It has data: it goes only when the tenant's goes.
    fn must_replace(&self, _desired: &Self) -> bool {
        false
    }
}

/// One round.
///
/// # Errors
/// Failed calls to either cluster, what `gone::remove` returns, and [`Error::Stale`] while a predecessor of the same
/// name goes.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    if !ctx.has_storage() {
        return Ok(Round::done(State::Failed(STANDS_STILL.to_owned())));
    }
    let host_name = claim::host_name(&ctx.cluster, &key.tenant);
    let host = ctx.host.storage.claims.get(&in_host(&ctx.cluster, &host_name));
    let Some(tenant) = ctx.tenant.storage.claims.get(&key.in_tenant()) else {
        ctx.teller.forget(key);
        gone::remove(ctx, key, &host_name, host.as_deref()).await?;
        return Ok(Round::done(State::Absent));
    };
    if host
        .as_ref()
        .is_some_and(|host| !claim::stands_for(&tenant, host))
    {
        gone::remove(ctx, key, &host_name, host.as_deref()).await?;
        return Err(Error::Stale);
    }
    let tenant = with_class(ctx, key, (*tenant).clone()).await?;
    let offered = up::offered::<StorageClass>(ctx);
    let about = || teller::about(key.kind, &tenant.metadata);
    let down = claim::down(&ctx.cluster, &ctx.policy, &offered, &tenant, host.as_deref())?;
    let failed = match down {
        Down::Host(translated) => {
            for note in translated.notes {
                ctx.teller.warn(key, about(), note.reason, &note.to_string());
            }
            return bring::round(ctx, key, &host_name, tenant, host.as_deref(), translated.object).await;
        }
        Down::Denied(denied) => {
            let note = denied.to_string();
            ctx.teller.warn(key, about(), Denied::REASON, &note);
            note
        }
        Down::Waits => {
            ctx.teller.inform(key, about(), claim::WAITS_REASON, claim::WAITS);
            claim::WAITS.to_owned()
        }
        Down::Lost => {
            if claim::lost(&tenant).is_some() && is_on_host(ctx, &host_name).await? {
                return Err(Error::Stale);
            }
            lose(ctx, key, &tenant).await?;
            claim::LOST.to_owned()
        }
    };
    Ok(Round::done(State::Failed(failed)))
}

/// Whether the host has the claim after all, which this process's store does not show (yet): a false alarm about lost data
/// is as bad as none.
async fn is_on_host(ctx: &Context, name: &HostName) -> Result<bool> {
    let what = format!("read PersistentVolumeClaim {name} on the host");
    let read = act::call(
        what,
        ctx.host_api::<PersistentVolumeClaim>()
            .get_metadata_opt(name.as_str()),
    )
    .await?;
    Ok(read.is_some_and(|there| meta::belongs(&ctx.cluster, &there.metadata)))
}

/// A claim that was made before there was a default class gets it now, as from a native binder.
async fn with_class(
    ctx: &Context,
    key: &Key,
    tenant: PersistentVolumeClaim,
) -> Result<PersistentVolumeClaim> {
    let default = storage_class::default_of_tenant(ctx).filter(|_| claim::takes_default(&tenant));
    let Some(default) = default else {
        return Ok(tenant);
    };
    let patch = json!({
        "metadata": { "uid": tenant.metadata.uid },
        "spec": { "storageClassName": default },
    });
    patch_tenant(ctx, key, &patch).await
}

/// The host says that the volume is gone, or has lost the claim itself.
async fn lose(ctx: &Context, key: &Key, tenant: &PersistentVolumeClaim) -> Result<()> {
    if let Some(patch) = claim::lost(tenant) {
        let api = ctx.tenant_api::<PersistentVolumeClaim>(&key.tenant.namespace);
        act::merge_status(&api, key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
        let about = teller::about(key.kind, &tenant.metadata);
        ctx.teller.warn(key, about, claim::LOST_REASON, claim::LOST);
    }
    Ok(())
}

/// A change of the tenant's claim; its answer is what the tenant has now.
async fn patch_tenant(ctx: &Context, key: &Key, patch: &serde_json::Value) -> Result<PersistentVolumeClaim> {
    let api = ctx.tenant_api::<PersistentVolumeClaim>(&key.tenant.namespace);
    let patched = act::merge(&api, key.tenant.name.as_str(), patch).await?;
    ctx.wrote();
    Ok(patched)
}

#[cfg(test)]
mod tests;
