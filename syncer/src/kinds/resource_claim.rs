//! ResourceClaims: down always, and the host's allocation up, as long as somebody is behind it.

use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimConsumerReference};
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::HostName;
use warren_translate::kinds::resource_claim::{self as claim, Living, Seen, Write};
use warren_translate::{Denied, Outcome, meta};

use super::content::in_host;
use super::down::STANDS_STILL;
use super::gone;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::perform;
use crate::plan::{Action, HostKind};
use crate::registry::Round;
use crate::settlements::State;
use crate::teller;

/// The finalizer, the allocation taken back, the new one, what drivers say of it.
const WRITES_MAX: usize = 4;
/// What a Pod is told that needs a claim whose host claim somebody on the host deleted.
const IS_GOING: &str =
    "the platform is taking the claim's devices away: it gets others when no Pod uses these any more";

impl HostKind for ResourceClaim {
    /// Only labels and annotations change, by patch.
    fn needs_update(&self, _desired: &Self) -> bool {
        false
    }

    /// Pods have its devices: it goes only when the tenant's goes.
    fn must_replace(&self, _desired: &Self) -> bool {
        false
    }
}

/// One round.
///
/// # Errors
/// Failed calls to either cluster, what `gone::remove` returns, and [`Error::Stale`] while a predecessor of the same name goes.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    if !ctx.resource_claims.is_ready() {
        // Nothing may be taken for absent.
        return Ok(Round::done(State::Failed(STANDS_STILL.to_owned())));
    }
    let name = claim::host_name(&ctx.cluster, &key.tenant);
    let host = ctx.resource_claims.host.get(&in_host(&ctx.cluster, &name));
    let Some(tenant) = ctx.resource_claims.tenant.get(&key.in_tenant()) else {
        ctx.teller.forget(key);
        gone::remove(ctx, key, &name, host.as_deref()).await?;
        return Ok(Round::done(State::Absent));
    };
    let Some(host) = host else {
        return create(ctx, key, &name, &tenant).await;
    };
    if !claim::stands_for(&tenant, &host) {
        gone::remove(ctx, key, &name, Some(&*host)).await?;
        return Err(Error::Stale);
    }
    if let Some(patch) = claim::changes(&ctx.cluster, &ctx.policy, &tenant, &host)? {
        let name_on_host = name.as_str().to_owned();
        let action = Action::<ResourceClaim>::Patch {
            name: name_on_host,
            patch,
        };
        perform(ctx, key, &name, vec![action]).await?;
    }
    up(ctx, key, (*tenant).clone(), &host).await?;
    let is_going = host.metadata.deletion_timestamp.is_some() && tenant.metadata.deletion_timestamp.is_none();
    Ok(Round::done(if is_going {
        State::Failed(IS_GOING.to_owned())
    } else {
        State::Ready
    }))
}

/// The first time.
async fn create(ctx: &Context, key: &Key, name: &HostName, tenant: &ResourceClaim) -> Result<Round> {
    if tenant.metadata.deletion_timestamp.is_some() {
        return Ok(Round::done(State::Absent));
    }
    match claim::down(&ctx.cluster, &ctx.policy, tenant)? {
        Outcome::Translated(translated) => {
            let action = Action::Create(Box::new(translated.object));
            perform(ctx, key, name, vec![action]).await?;
            Ok(Round::done(State::Ready))
        }
        Outcome::Denied(denied) => {
            let note = denied.to_string();
            let about = teller::about(key.kind, &tenant.metadata);
            ctx.teller.warn(key, about, Denied::REASON, &note);
            Ok(Round::done(State::Failed(note)))
        }
    }
}

/// Brings the tenant's claim to what the host has allocated, write by write.
async fn up(ctx: &Context, key: &Key, mut tenant: ResourceClaim, host: &ResourceClaim) -> Result<()> {
    let api = ctx.tenant_api::<ResourceClaim>(&key.tenant.namespace);
    let living = living(ctx, key, host);
    let mut former: Vec<ResourceClaimConsumerReference> = Vec::new();
    for _ in 0..WRITES_MAX {
        let seen = Seen {
            cluster: &ctx.cluster,
            tenant: &tenant,
            host,
            living: &living,
            former: &former,
        };
        let Some(write) = claim::up(seen) else {
            return Ok(());
        };
        let written = match &write {
            Write::Protect(patch) => act::merge(&api, key.tenant.name.as_str(), patch).await,
            Write::TakeBack(object) => {
                tracing::info!(%key, "the host has allocated other devices than the tenant");
                act::replace_status(&api, &**object).await
            }
            Write::Status(object) => act::replace_status(&api, &**object).await,
        };
        let written = match written {
            // Somebody in the tenant was first: that is looked at before anything is said.
            Err(error) if error.is_conflict() => return Err(Error::Stale),
            written => written?,
        };
        ctx.wrote();
        if let Write::TakeBack(_) = write {
            former = tenant
                .status
                .and_then(|status| status.reserved_for)
                .unwrap_or_default();
        }
        tenant = written;
    }
    Ok(())
}

/// The tenant's Pods behind what the host has reserved the claim for: each has its host Pod, and neither has ended.
fn living(ctx: &Context, key: &Key, host: &ResourceClaim) -> Vec<Living> {
    let status = host.status.as_ref();
    let reserved = status.and_then(|status| status.reserved_for.as_deref());
    let living = reserved.unwrap_or_default().iter().filter_map(|consumer| {
        let ResourceClaimConsumerReference {
            api_group: _, // Pods are in none, and have their own names
            name,
            resource: _,
            uid,
        } = consumer;
        let stored = ObjectKey::new(ctx.cluster.workload_namespace.as_str(), name.as_str());
        let pod = ctx.host.pods.get(&stored)?;
        let origin = meta::origin(&pod.metadata)?;
        let is_it =
            pod.metadata.uid.as_deref() == Some(uid.as_str()) && origin.key.namespace == key.tenant.namespace;
        let stored = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
        let tenant = ctx.tenant.pods.get(&stored).filter(|_| is_it)?;
        let (name, uid) = tenant.identity()?;
        let lives = uid == origin.uid && !tenant.never_runs();
        lives.then_some(Living { name: name.name, uid })
    });
    living.collect()
}

#[cfg(test)]
mod tests;
