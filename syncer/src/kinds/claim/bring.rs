//! A claim that has, or gets, its host claim: down what the tenant changed, up what became of it.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::HostName;
use warren_translate::kinds::persistent_volume;
use warren_translate::kinds::persistent_volume_claim::{self as claim, Down};
use warren_translate::refusal::without_quota_name;

use super::{gone, lose, patch_tenant};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::perform;
use crate::plan::Action;
use crate::registry::Round;
use crate::settlements::State;
use crate::teller;

use std::sync::Arc;
use std::time::Duration;

/// How soon a size that the host refused is asked for again: a quota may have room by then.
const REFUSED_AGAIN: Duration = Duration::from_mins(1);

/// One round of a claim that should have the host claim `desired`.
pub(super) async fn round(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    tenant: PersistentVolumeClaim,
    host: Option<&PersistentVolumeClaim>,
    desired: PersistentVolumeClaim,
) -> Result<Round> {
    let Some(host) = host else {
        return create(ctx, key, name, &tenant, desired).await;
    };
    let again = if host.metadata.deletion_timestamp.is_none() {
        let (tenant, resized) = down(ctx, key, tenant, host, desired).await?;
        up(ctx, key, tenant, host).await?;
        (!resized).then_some(REFUSED_AGAIN)
    } else {
        up(ctx, key, tenant, host).await?;
        None
    };
    Ok(Round {
        state: State::Ready,
        again,
    })
}

/// The first time. A store that is behind may show a claim as new that was bound and has lost its host claim: so the
/// tenant is asked once more.
async fn create(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    tenant: &PersistentVolumeClaim,
    desired: PersistentVolumeClaim,
) -> Result<Round> {
    if tenant.metadata.deletion_timestamp.is_some() {
        return Ok(Round::done(State::Absent));
    }
    let now = gone::read::<PersistentVolumeClaim>(ctx, key).await?;
    let version = now.and_then(|now| now.resource_version);
    if version.is_none() || version != tenant.metadata.resource_version {
        return Err(Error::Stale);
    }
    perform(ctx, key, name, vec![Action::Create(Box::new(desired))]).await?;
    Ok(Round::done(State::Ready))
}

/// What the tenant changed, to the host; and a choice of node that the host took back, from the tenant. Returns the
/// tenant's claim as it is after that, and whether the host took the size.
async fn down(
    ctx: &Context,
    key: &Key,
    mut tenant: PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
    mut desired: PersistentVolumeClaim,
) -> Result<(PersistentVolumeClaim, bool)> {
    if let Some(patch) = claim::taken_back(&tenant, host) {
        tracing::info!(%key, "the host cannot have the volume on the chosen node");
        tenant = patch_tenant(ctx, key, &patch).await?;
        let again = claim::down(&ctx.cluster, &ctx.policy, &[], &tenant, Some(host))?;
        if let Down::Host(translated) = again {
            desired = translated.object;
        }
    }
    let api = ctx.host_api::<PersistentVolumeClaim>();
    let host_name = host.metadata.name.as_deref().unwrap_or_default();
    if let Some(patch) = claim::changes(&desired, host) {
        act::merge(&api, host_name, &patch).await?;
        ctx.wrote();
    }
    let Some(patch) = claim::resize(&desired, host) else {
        return Ok((tenant, true));
    };
    match act::merge(&api, host_name, &patch).await {
        Ok(_resized) => {
            ctx.wrote();
            Ok((tenant, true))
        }
        Err(error) if matches!(error.code(), Some(403 | 422)) && !error.is_conflict() => {
            let answer = error.message().unwrap_or("no reason given");
            let answer = claim::scrub(
                &ctx.cluster,
                &tenant,
                host,
                volume_of(ctx, host).as_deref(),
                &without_quota_name(answer),
            );
            let note = format!("the host refused the new size: {answer}");
            let about = teller::about(key.kind, &tenant.metadata);
            ctx.teller.warn(key, about, "VolumeResizeFailed", &note);
            Ok((tenant, false))
        }
        Err(error) => Err(Error::Act(error)),
    }
}

/// Binds the tenant's claim once it has its volume, and keeps its status as the host's.
async fn up(
    ctx: &Context,
    key: &Key,
    mut tenant: PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
) -> Result<()> {
    if claim::is_lost(host) {
        return lose(ctx, key, &tenant).await;
    }
    let Some(volume) = volume_of(ctx, host) else {
        return Ok(());
    };
    if !has_volume(ctx, &tenant, host) {
        if claim::is_bound_to(host, &volume)
            && let Some(key) = Key::volume_of_claim(host)
        {
            ctx.queue.add(key);
        }
        return Ok(());
    }
    if let Some(patch) = claim::bind(&tenant, host, &volume) {
        tracing::debug!(%key, "binding");
        tenant = patch_tenant(ctx, key, &patch).await?;
    }
    if let Some(patch) = claim::status(&ctx.cluster, &tenant, host, &volume) {
        let api = ctx.tenant_api::<PersistentVolumeClaim>(&key.tenant.namespace);
        act::merge_status(&api, key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
    }
    Ok(())
}

/// The host volume that the host claim names.
fn volume_of(ctx: &Context, host: &PersistentVolumeClaim) -> Option<Arc<PersistentVolume>> {
    let name = host.spec.as_ref()?.volume_name.as_deref()?;
    ctx.host.storage.volumes.get(&ObjectKey::new("", name))
}

/// Whether the tenant has the claim's volume, made for this very claim.
fn has_volume(ctx: &Context, tenant: &PersistentVolumeClaim, host: &PersistentVolumeClaim) -> bool {
    let Some(name) = persistent_volume::name_of(host) else {
        return false;
    };
    let volume = ctx.tenant.storage.volumes.get(&ObjectKey::new("", name));
    let claim = volume
        .as_ref()
        .and_then(|volume| volume.spec.as_ref()?.claim_ref.as_ref());
    claim.is_some_and(|claim| claim.uid.is_some() && claim.uid == tenant.metadata.uid)
}
