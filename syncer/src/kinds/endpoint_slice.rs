//! EndpointSlices that the tenant wrote for its Services without selector: on the host for the host's Service, with
//! what the tenant may reach, and only while that Service is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::endpoint_slice::{self, Allowed, Backend};
use warren_translate::kinds::service;
use warren_translate::{Translated, meta, name};

use super::content::in_host;
use super::gone;
use crate::context::Context;
use crate::error::Result;
use crate::host_pod::HostPod;
use crate::key::{Key, Kind};
use crate::perform::perform;
use crate::plan::{HostKind, plan_copy};
use crate::registry::Round;
use crate::settlements::State;
use crate::teller;

impl HostKind for EndpointSlice {
    fn needs_update(&self, desired: &Self) -> bool {
        endpoint_slice::needs_update(self, desired)
    }

    fn must_replace(&self, desired: &Self) -> bool {
        endpoint_slice::must_replace(self, desired)
    }
}

/// One round.
///
/// # Errors
/// What [`perform`] and `gone::remove` return.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let host_name = endpoint_slice::host_name(&ctx.cluster, &key.tenant);
    let host = ctx.host.endpoint_slices.get(&in_host(&ctx.cluster, &host_name));
    let tenant = ctx.tenant.endpoint_slices.get(&key.in_tenant());
    let Some(tenant) = tenant else {
        ctx.teller.forget(key);
        gone::remove(ctx, key, &host_name, host.as_deref()).await?;
        return Ok(Round::done(State::Unneeded));
    };
    let Some(service) = service_on_host(ctx, &tenant) else {
        let actions = plan_copy(&ctx.cluster, None, host.as_deref());
        perform(ctx, key, &host_name, actions).await?;
        return Ok(Round::done(State::Unneeded));
    };
    let allowed = Allowed::new(&ctx.policy, own_pods(ctx));
    let Translated { object, notes } =
        endpoint_slice::down(&ctx.cluster, &ctx.policy, &allowed, &service, &tenant)?;
    for note in notes {
        let about = teller::about(key.kind, &tenant.metadata);
        ctx.teller.warn(key, about, note.reason, &note.to_string());
    }
    let actions = plan_copy(&ctx.cluster, Some(object), host.as_deref());
    perform(ctx, key, &host_name, actions).await?;
    Ok(Round::done(State::Ready))
}

/// The tenant's Service of a slice, if it has endpoints of its own and is on the host.
fn service_on_host(ctx: &Context, slice: &EndpointSlice) -> Option<TenantKey> {
    let key = endpoint_slice::service_of(slice).filter(|key| !service::excluded(key))?;
    let stored = ObjectKey::new(key.namespace.as_str(), key.name.as_str());
    let tenant = ctx.tenant.services.get(&stored)?;
    let host_name = name::host_name(&ctx.cluster, name::SERVICE, &key);
    let host = ctx.host.services.get(&in_host(&ctx.cluster, &host_name))?;
    let is_there = meta::belongs(&ctx.cluster, &host.metadata) && host.metadata.deletion_timestamp.is_none();
    (is_there && service::has_own_endpoints(&tenant)).then_some(key)
}

/// The addresses of this cluster's Pods, as the host has them.
fn own_pods(ctx: &Context) -> BTreeMap<std::net::IpAddr, Backend> {
    let mut own = BTreeMap::new();
    let add = |pod: Arc<HostPod>| {
        if meta::belongs(&ctx.cluster, &pod.metadata) {
            for address in &pod.addresses {
                let node = pod.node.clone();
                own.insert(*address, Backend { node });
            }
        }
    };
    ctx.host.pods.visit(|_| true, add);
    own
}

/// Something happened to a Service: its slices are looked at.
pub(super) fn raise_of(ctx: &Context, service: &TenantKey) {
    let slices = ctx
        .tenant
        .endpoint_slices
        .filter(|slice| endpoint_slice::service_of(slice).is_some_and(|of| of == *service));
    for slice in slices {
        if let Ok(tenant) = TenantKey::of(&slice.metadata) {
            ctx.queue.add(Key::new(Kind::EndpointSlice, tenant));
        }
    }
}

#[cfg(test)]
mod tests;
