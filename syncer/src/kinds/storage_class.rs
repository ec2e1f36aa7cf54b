//! StorageClasses: the host's that the class offers, in the tenant.

use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::{persistent_volume_claim, storage_class};

use super::up::ComesUp;
use crate::context::Context;
use crate::key::{Key, Kind};
use crate::stores::Both;

impl ComesUp for StorageClass {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.storage_classes
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        is_offered(ctx, host).then(|| storage_class::up(host)).flatten()
    }

    fn raise(ctx: &Context, key: &Key) {
        raise_waiting(ctx, key.tenant.name.as_str());
        for key in ctx.ups.csi_keys(&ctx.cluster) {
            ctx.queue.add(key);
        }
    }
}

/// Whether tenants of the class see and may use this class of the host's.
fn is_offered(ctx: &Context, host: &StorageClass) -> bool {
    let labels = host.metadata.labels.as_ref();
    ctx.policy.classes.storage.offers(&host.name_any(), labels)
}

/// Whether the host has a class of this name on offer.
pub(super) fn offers(ctx: &Context, name: &str) -> bool {
    let host = ctx.ups.storage_classes.host.get(&ObjectKey::new("", name));
    host.is_some_and(|host| is_offered(ctx, &host))
}

/// Whether volumes of a class on offer are made by this driver.
pub(super) fn has_driver(ctx: &Context, driver: &str) -> bool {
    let classes = &ctx.ups.storage_classes.host;
    classes.any(|class| class.provisioner == driver && is_offered(ctx, class))
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
    let classes = &ctx.ups.storage_classes.tenant;
    let defaults = classes.filter(|class| storage_class::is_default(&class.metadata));
    let newest = defaults.iter().max_by(|a, b| {
        let by_time = a.metadata.creation_timestamp.cmp(&b.metadata.creation_timestamp);
        by_time.then_with(|| b.name_any().cmp(&a.name_any()))
    });
    newest.map(|class| class.name_any())
}

#[cfg(test)]
mod tests;
