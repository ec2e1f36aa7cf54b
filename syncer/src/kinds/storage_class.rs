//! StorageClasses: the host's that the class offers, in the tenant. What the tenant makes under the same name is its own.

use k8s_openapi::api::storage::v1::StorageClass;
use kube::{Api, ResourceExt};
use warren_runtime::act;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::{persistent_volume_claim, storage_class};

use super::tenant_write;
use crate::context::Context;
use crate::error::Result;
use crate::key::{Key, Kind};
use crate::registry::Round;
use crate::settlements::State;

/// One round. Every class that changed on either side comes by here, so the claims that wait for it are raised here.
///
/// # Errors
/// Failed writes in the tenant.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    if !ctx.has_storage() {
        return Ok(Round::done(State::Absent));
    }
    let stored = ObjectKey::new("", key.tenant.name.as_str());
    let tenant = ctx.tenant.storage.classes.get(&stored);
    let host = ctx.host.storage.classes.get(&stored);
    let desired = host.filter(|host| is_offered(ctx, host));
    let desired = desired.and_then(|host| storage_class::up(&host));
    write(ctx, key, tenant.as_deref(), desired.as_ref()).await?;
    raise_waiting(ctx, key.tenant.name.as_str());
    Ok(Round::done(desired.map_or(State::Absent, |_| State::Ready)))
}

/// Whether tenants of the class see and may use this class of the host's.
fn is_offered(ctx: &Context, host: &StorageClass) -> bool {
    let labels = host.metadata.labels.as_ref();
    ctx.policy.classes.storage.offers(&host.name_any(), labels)
}

/// Names of the host's classes that the tenant may use, sorted.
pub(super) fn offered(ctx: &Context) -> Vec<String> {
    let offered = ctx.host.storage.classes.filter(|host| is_offered(ctx, host));
    let mut names: Vec<String> = offered.iter().map(|class| class.name_any()).collect();
    names.sort();
    names
}

async fn write(
    ctx: &Context,
    key: &Key,
    tenant: Option<&StorageClass>,
    desired: Option<&StorageClass>,
) -> Result<()> {
    let api: Api<StorageClass> = Api::all(ctx.tenant_client.client());
    let Some(tenant) = tenant else {
        return match desired {
            Some(desired) => tenant_write::create(ctx, key, &api, desired).await.map(drop),
            None => Ok(()),
        };
    };
    if !storage_class::is_mirrored(&tenant.metadata) {
        return Ok(());
    }
    let Some(desired) = desired else {
        return tenant_write::delete(ctx, key, &api, tenant).await;
    };
    if storage_class::must_replace(tenant, desired) {
        tenant_write::delete(ctx, key, &api, tenant).await?;
        return tenant_write::create(ctx, key, &api, desired).await.map(drop);
    }
    if let Some(patch) = storage_class::changes(tenant, desired) {
        act::merge(&api, key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
    }
    Ok(())
}

/// Claims that name this class, or none at all, and have no volume: they may be brought to the host now.
fn raise_waiting(ctx: &Context, class: &str) {
    let waiting = ctx.tenant.storage.claims.filter(|claim| {
        let spec = claim.spec.as_ref();
        let unbound = spec.is_some_and(|spec| spec.volume_name.as_deref().unwrap_or_default().is_empty());
        unbound && persistent_volume_claim::class_of(claim).is_none_or(|named| named == class)
    });
    for claim in waiting {
        if let Ok(tenant) = TenantKey::of(&claim.metadata) {
            ctx.queue.add(Key::new(Kind::Claim, tenant));
        }
    }
}

/// The tenant's default class, as its admission would choose it: the newest, of equals the first by name.
pub(super) fn default_of_tenant(ctx: &Context) -> Option<String> {
    let defaults = ctx
        .tenant
        .storage
        .classes
        .filter(|class| storage_class::is_default(&class.metadata));
    let newest = defaults.iter().max_by(|a, b| {
        let by_time = a.metadata.creation_timestamp.cmp(&b.metadata.creation_timestamp);
        by_time.then_with(|| b.name_any().cmp(&a.name_any()))
    });
    newest.map(|class| class.name_any())
}

#[cfg(test)]
mod tests;
