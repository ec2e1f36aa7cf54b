//! Services of the host that are mapped into the tenant: there under the host's own address, and never down again.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use warren_runtime::act;
use warren_translate::kinds::endpoint_slice;
use warren_translate::kinds::from_host::{self, Imported};
use warren_translate::meta;
use warren_translate::mirrored::is_mirrored;

use super::mapped::{NOT_MAPPED, has_namespace, name_taken, tell_namespace};
use super::tenant_write;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::flip::{self, Address};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::verified::LAG;

/// One round; `key` is the tenant's Service.
///
/// # Errors
/// Failed calls to the tenant, and what [`flip::drive`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let services = &ctx.mapped.services;
    if !services.is_ready() {
        return Ok(Round::done(State::Absent));
    }
    let tenant = ctx.tenant.services.get(&key.in_tenant());
    let own = tenant.as_deref().filter(|tenant| is_mirrored(&tenant.metadata));
    let host = services.map_to(&key.tenant).and_then(|map| services.find(map));
    let Some(host) = host else {
        return gone(ctx, key, own, State::Unneeded).await;
    };
    if !has_namespace(ctx, key) {
        return Ok(Round::done(State::Absent));
    }
    let imported = match from_host::import(&host, &key.tenant) {
        Ok(imported) => imported,
        Err(why) => {
            tell_namespace(ctx, key, NOT_MAPPED, &why);
            return gone(ctx, key, own, State::Absent).await;
        }
    };
    match (own, tenant.as_deref()) {
        (Some(own), _) => keep(ctx, key, own, &imported).await,
        (None, Some(taken)) => {
            name_taken(ctx, key, &taken.metadata);
            Ok(Round::done(State::Absent))
        }
        (None, None) => create(ctx, key, &imported).await,
    }
}

async fn create(ctx: &Context, key: &Key, imported: &Imported) -> Result<Round> {
    let api = ctx.tenant_api::<Service>(&key.tenant.namespace);
    match tenant_write::create(ctx, key, &api, &imported.service).await {
        Ok(created) => {
            keep_endpoints(ctx, key, &created, imported).await?;
            Ok(Round::done(State::Ready))
        }
        // Another Service of the tenant was given the address; it cannot keep it on the host either.
        Err(Error::Act(error)) => Err(flip::busy(ctx, &Address::fixed(&imported.cluster_ip), error)),
        Err(error) => Err(error),
    }
}

async fn keep(ctx: &Context, key: &Key, tenant: &Service, imported: &Imported) -> Result<Round> {
    let has = tenant.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref());
    if has != Some(&imported.cluster_ip) || flip::is_changing(&tenant.metadata) {
        flip::drive(ctx, &key.tenant, &Address::fixed(&imported.cluster_ip)).await?;
        return Ok(Round::again(State::Ready, LAG));
    }
    if let Some(patch) = from_host::service_changes(tenant, &imported.service) {
        let api = ctx.tenant_api::<Service>(&key.tenant.namespace);
        act::merge(&api, key.tenant.name.as_str(), &patch).await?;
        ctx.wrote();
    }
    keep_endpoints(ctx, key, tenant, imported).await?;
    Ok(Round::done(State::Ready))
}

/// One of the tenant's own in its place is left alone: nothing is reached through the slice but what dials it.
async fn keep_endpoints(ctx: &Context, key: &Key, service: &Service, imported: &Imported) -> Result<()> {
    let mut desired = from_host::endpoints(imported, &key.tenant, service);
    let api = ctx.tenant_api::<EndpointSlice>(&key.tenant.namespace);
    let Some(slice) = ctx.tenant.endpoint_slices.get(&key.in_tenant()) else {
        return tenant_write::create(ctx, key, &api, &desired).await.map(drop);
    };
    let is_own = is_mirrored(&slice.metadata);
    let owners = |slice: &EndpointSlice| slice.metadata.owner_references.clone();
    let differs = endpoint_slice::needs_update(&slice, &desired) || owners(&slice) != owners(&desired);
    if is_own && slice.address_type != desired.address_type {
        tenant_write::delete(ctx, key, &api, &*slice).await?;
    } else if is_own && differs {
        let owners = owners(&desired);
        meta::carry_over(&slice.metadata, &mut desired.metadata);
        desired.metadata.owner_references = owners;
        act::replace(&api, &desired).await?;
        ctx.wrote();
    }
    Ok(())
}

/// The tenant's Service goes; the slice goes with it, as its owner's.
async fn gone(ctx: &Context, key: &Key, own: Option<&Service>, state: State) -> Result<Round> {
    if let Some(own) = own {
        let api = ctx.tenant_api::<Service>(&key.tenant.namespace);
        tenant_write::delete(ctx, key, &api, own).await?;
    }
    Ok(Round::done(state))
}

#[cfg(test)]
mod tests;
