//! Services of the tenant that are exported: under a fixed name beside the VirtualCluster, with the endpoints that the
//! tenant's Service has on the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, ResourceExt};
use warren_crds::sync::ExportedService;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_translate::identity::{HostName, tenant_uid};
use warren_translate::kinds::endpoint_slice::SERVICE_NAME;
use warren_translate::kinds::service::{dns_only, keep_address};
use warren_translate::kinds::to_host::{self, Place};
use warren_translate::{mapping, meta, name};

use super::content::in_host;
use crate::context::Context;
use crate::error::Result;
use crate::key::{Key, Kind};
use crate::perform::perform_in;
use crate::plan::{HostKind, plan_copy};
use crate::registry::Round;
use crate::settlements::State;

/// One round; `key` is the tenant's Service.
///
/// # Errors
/// What [`perform_in`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let Some(place) = ctx.exports.place.as_ref().filter(|_| ctx.exports.is_ready()) else {
        return Ok(Round::done(State::Absent));
    };
    let mut services = there(&ctx.exports.services, key);
    let mut slices = there(&ctx.exports.slices, key);
    for export in ctx.exports.of(&key.tenant) {
        let Some((service, wanted)) = wanted(ctx, place, export)? else {
            continue;
        };
        let host = services.remove(&service.name_any());
        bring(ctx, place, key, service, host.as_deref(), keep_address).await?;
        for slice in wanted {
            let host = slices.remove(&slice.name_any());
            bring(ctx, place, key, slice, host.as_deref(), |_slice, _host| {}).await?;
        }
    }
    for service in services.into_values() {
        take(ctx, place, key, &*service).await?;
    }
    for slice in slices.into_values() {
        take(ctx, place, key, &*slice).await?;
    }
    ctx.queue.add(Key::shared_policy());
    Ok(Round::done(State::Ready))
}

/// The exported Service and its slices. `None` where the tenant has no such Service, or none that leads anywhere.
fn wanted(
    ctx: &Context,
    place: &Place,
    export: &ExportedService,
) -> Result<Option<(Service, Vec<EndpointSlice>)>> {
    let key = mapping::export_source(export);
    let tenant = ctx.tenant.services.get(&stored(export));
    let Some(tenant) = tenant.filter(|tenant| !dns_only(tenant)) else {
        return Ok(None);
    };
    let service = to_host::service(&ctx.cluster, place, export, &tenant)?;
    let uid = tenant_uid(&tenant.metadata)?;
    let host_name = name::host_name(&ctx.cluster, name::SERVICE, &key);
    let sources = ctx.exports.sources.filter(|slice| {
        let of = slice
            .metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(SERVICE_NAME));
        of.is_some_and(|of| of == host_name.as_str())
    });
    let slices = sources
        .iter()
        .map(|source| to_host::slice(&ctx.cluster, place, export, (&key, &uid), source));
    Ok(Some((service, slices.collect())))
}

/// The tenant's Service on the host, in the workload namespace.
pub(super) fn on_host(ctx: &Context, export: &ExportedService) -> Option<Arc<Service>> {
    let key = mapping::export_source(export);
    let host_name = name::host_name(&ctx.cluster, name::SERVICE, &key);
    let host = ctx.host.services.get(&in_host(&ctx.cluster, &host_name))?;
    meta::belongs(&ctx.cluster, &host.metadata).then_some(host)
}

fn stored(export: &ExportedService) -> ObjectKey {
    ObjectKey::new(export.namespace.as_str(), export.name.as_str())
}

/// What is there for the tenant's Service, by name.
fn there<K>(store: &Store<K>, key: &Key) -> BTreeMap<String, Arc<K>>
where
    K: Stored + kube::Resource<DynamicType = ()>,
{
    let all = store.all().into_iter();
    let own = all.filter(|host| Key::of_host(Kind::ExportedService, host.meta()).as_ref() == Some(key));
    own.map(|host| (host.name_any(), host)).collect()
}

async fn bring<K: HostKind>(
    ctx: &Context,
    place: &Place,
    key: &Key,
    mut desired: K,
    host: Option<&K>,
    keep: impl Fn(&mut K, &K),
) -> Result<()> {
    let Some(name) = HostName::of(desired.meta()) else {
        return Ok(());
    };
    if let Some(host) = host.filter(|host| !host.must_replace(&desired)) {
        keep(&mut desired, host);
    }
    let actions = plan_copy(&ctx.cluster, Some(desired), host);
    perform_in(ctx, &api(ctx, place), key, &name, actions)
        .await
        .map(drop)
}

async fn take<K: HostKind>(ctx: &Context, place: &Place, key: &Key, host: &K) -> Result<()> {
    let Some(name) = HostName::of(host.meta()) else {
        return Ok(());
    };
    let actions = plan_copy(&ctx.cluster, None, Some(host));
    perform_in(ctx, &api(ctx, place), key, &name, actions)
        .await
        .map(drop)
}

fn api<K: HostKind>(ctx: &Context, place: &Place) -> Api<K> {
    Api::namespaced(ctx.host_client.client(), place.namespace.as_str())
}

#[cfg(test)]
mod tests;
