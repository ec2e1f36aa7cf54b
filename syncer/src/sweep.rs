//! The full pass over everything that either cluster has, and the end of pins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::api::ObjectMeta;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;

use crate::context::Context;
use crate::key::{Key, Kind};
use crate::stores::storage;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::service;
use warren_translate::mirrored::is_mirrored;

/// How often pins are looked at.
const PINS: Duration = Duration::from_secs(10);

/// Until `shutdown`: raises all keys now and every ten minutes, and releases pins that are over.
pub async fn run(ctx: Arc<Context>, shutdown: CancellationToken) {
    let mut next_pass = Instant::now();
    loop {
        let now = Instant::now();
        let released = ctx.references.expire(now);
        let pass = now >= next_pass;
        if pass || !released.is_empty() {
            // A pin may have stood in the way of a newer Pod of the same name.
            ctx.tenant.pods.visit(
                |_| true,
                |pod| {
                    ctx.references.watched(&pod);
                },
            );
        }
        for key in released {
            ctx.queue.add(key);
        }
        if pass {
            // A watch on a datastore that was swapped hangs in silence; this sets the readiness check.
            if let Err(error) = ctx.identity.prove().await {
                tracing::error!(error = %Chain(&error), "the tenant was not identified");
            }
            full_pass(&ctx);
            next_pass = now + FULL_PASS;
        }
        tokio::select! {
            () = sleep(PINS) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Raises every key that either side has: what watches missed is found here, orphans on the host as well.
fn full_pass(ctx: &Context) {
    for key in ctx.references.keys() {
        ctx.queue.add(key);
    }
    for service in ctx.tenant.services.keys() {
        let tenant = TenantKey::new(service.namespace, service.name);
        let kind = if service::excluded(&tenant) {
            Kind::FixedService
        } else {
            Kind::Service
        };
        ctx.queue.add(Key::new(kind, tenant));
    }
    for slice in ctx.tenant.endpoint_slices.keys() {
        let tenant = TenantKey::new(slice.namespace, slice.name);
        ctx.queue.add(Key::new(Kind::EndpointSlice, tenant));
    }
    let raise = |kind, metadata: &ObjectMeta| {
        if let Some(key) = Key::of_host(kind, metadata) {
            ctx.queue.add(key);
        }
    };
    let host = &ctx.host;
    host.config_maps
        .visit(|_| true, |map| raise(Kind::ConfigMap, &map.metadata));
    host.secrets
        .visit(|_| true, |secret| raise(Kind::Secret, &secret.metadata));
    host.services
        .visit(|_| true, |service| raise(Kind::Service, &service.metadata));
    host.endpoint_slices
        .visit(|_| true, |slice| raise(Kind::EndpointSlice, &slice.metadata));
    for key in storage_keys(ctx)
        .into_iter()
        .chain(ctx.budgets.keys(Kind::Budget))
        .chain(ctx.ups.keys())
    {
        ctx.queue.add(key);
    }
}

/// Storage that could not be read at the start is looked at as a whole once it can.
pub async fn when_storage_comes(ctx: Arc<Context>, shutdown: CancellationToken) {
    if ctx.has_storage() {
        return;
    }
    let comes = async {
        storage::wait_until_ready(&ctx.tenant.storage, &ctx.host.storage).await;
        ctx.ups.storage_classes.wait_until_ready().await;
    };
    tokio::select! {
        () = comes => {}
        () = shutdown.cancelled() => return,
    }
    tracing::info!("claims, volumes and StorageClasses can be read");
    for key in storage_keys(&ctx) {
        ctx.queue.add(key);
    }
}

/// As [`when_storage_comes`], for budgets.
pub async fn when_budgets_come(ctx: Arc<Context>, shutdown: CancellationToken) {
    if ctx.budgets.is_ready() {
        return;
    }
    tokio::select! {
        () = ctx.budgets.wait_until_ready() => {}
        () = shutdown.cancelled() => return,
    }
    tracing::info!("PodDisruptionBudgets can be read");
    for key in ctx.budgets.keys(Kind::Budget) {
        ctx.queue.add(key);
    }
}

/// Every claim and volume that either side has.
pub(crate) fn storage_keys(ctx: &Context) -> BTreeSet<Key> {
    let (tenant, host) = (&ctx.tenant.storage, &ctx.host.storage);
    let claims = tenant.claims.keys().into_iter();
    let mut keys: BTreeSet<Key> = claims
        .map(|claim| Key::new(Kind::Claim, TenantKey::new(claim.namespace, claim.name)))
        .collect();
    for claim in host.claims.all() {
        keys.extend(Key::of_host(Kind::Claim, &claim.metadata));
        keys.extend(Key::volume_of_claim(&claim));
    }
    let volumes = tenant.volumes.filter(|volume| is_mirrored(&volume.metadata));
    let names = volumes
        .iter()
        .filter_map(|volume| volume.metadata.name.as_deref());
    keys.extend(names.map(|name| Key::cluster(Kind::Volume, name)));
    let volumes = host.volumes.all();
    keys.extend(
        volumes
            .iter()
            .filter_map(|volume| Key::of_host_volume(&ctx.cluster, volume)),
    );
    keys
}
