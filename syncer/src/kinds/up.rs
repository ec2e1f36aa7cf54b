//! Kinds that simply come up: what the host has and the class offers is in the tenant under the same name. Such a kind is
//! a file in `translate/src/kinds`, an implementation of [`ComesUp`], and its lines in the registries. What the tenant
//! makes under the same name is its own and stays.

use std::fmt::Debug;
use std::sync::Arc;

use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use warren_runtime::act;
use warren_runtime::store::Stored;
use warren_translate::mirrored::{self, Mirrored, is_mirrored};

use super::tenant_write;
use crate::context::Context;
use crate::error::Result;
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::Both;
use crate::teller;

/// Reason of the Event on an object of the tenant's own.
pub(super) const HIDDEN: &str = "HidesOffer";

/// A kind that comes up.
pub trait ComesUp: Resource<DynamicType = ()> + Mirrored + Stored
where
    Self: Clone + Debug + DeserializeOwned + Serialize + Send + Sync + 'static,
{
    /// What both sides have.
    fn both(ctx: &Context) -> &Both<Self>;

    /// Whether what [`Self::wanted`] reads is complete: before, nothing may be taken for absent.
    fn is_ready(ctx: &Context) -> bool {
        Self::both(ctx).is_ready()
    }

    /// Where the tenant's objects are.
    fn api(ctx: &Context) -> Api<Self> {
        Api::all(ctx.tenant_client.client())
    }

    /// The host's object.
    fn on_host(ctx: &Context, key: &Key) -> Option<Arc<Self>> {
        Self::both(ctx).host.get(&key.in_tenant())
    }

    /// What the tenant should have of the host's object. `None`: nothing, because it is not on offer.
    fn wanted(ctx: &Context, host: &Self) -> Option<Self>;

    /// What else has to be looked at after a round: every object that changed on either side comes by here.
    fn raise(_ctx: &Context, _key: &Key) {}
}

/// One round.
///
/// # Errors
/// Failed writes in the tenant.
pub async fn round<K: ComesUp>(ctx: &Context, key: &Key) -> Result<Round> {
    if !K::is_ready(ctx) {
        return Ok(Round::done(State::Absent));
    }
    let tenant = K::both(ctx).tenant.get(&key.in_tenant());
    let desired = K::on_host(ctx, key).and_then(|host| K::wanted(ctx, &host));
    match (tenant.as_deref(), desired.as_ref()) {
        (None, None) => {}
        (None, Some(desired)) => {
            tenant_write::create(ctx, key, &K::api(ctx), desired).await?;
        }
        (Some(own), desired) if !is_mirrored(Resource::meta(own)) => {
            if desired.is_some() {
                tell(ctx, key, own);
            }
        }
        (Some(tenant), None) => tenant_write::delete(ctx, key, &K::api(ctx), tenant).await?,
        (Some(tenant), Some(desired)) => keep(ctx, key, tenant, desired).await?,
    }
    if tenant.is_none() {
        ctx.teller.forget(key);
    }
    K::raise(ctx, key);
    Ok(Round::done(desired.map_or(State::Absent, |_| State::Ready)))
}

/// Names of what the host has and the class offers, sorted. Says nothing before both sides are listed
/// ([`Both::is_ready`]).
pub(super) fn offered<K: ComesUp>(ctx: &Context) -> Vec<String> {
    let offered = K::both(ctx).host.all().into_iter();
    let mut names: Vec<String> = offered
        .filter(|host| K::wanted(ctx, host).is_some())
        .map(|host| host.name_any())
        .collect();
    names.sort();
    names
}

async fn keep<K: ComesUp>(ctx: &Context, key: &Key, tenant: &K, desired: &K) -> Result<()> {
    if mirrored::must_replace(tenant, desired) {
        tenant_write::delete(ctx, key, &K::api(ctx), tenant).await?;
        return tenant_write::create(ctx, key, &K::api(ctx), desired)
            .await
            .map(drop);
    }
    if let Some(patch) = mirrored::changes(tenant, desired) {
        act::merge(&K::api(ctx), key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
    }
    Ok(())
}

/// Once: what names it gets the host's all the same.
fn tell<K: ComesUp>(ctx: &Context, key: &Key, own: &K) {
    let note = "the platform offers one of this name, too; it does not show while this one is there, but what names it \
                gets the platform's";
    let about = teller::about(key.kind, Resource::meta(own));
    ctx.teller.inform(key, about, HIDDEN, note);
}

#[cfg(test)]
mod tests;
