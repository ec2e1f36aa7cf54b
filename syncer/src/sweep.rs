//! The full pass over everything that either cluster has, and the end of pins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ObjectMeta;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;
use warren_runtime::store::ObjectKey;

use crate::context::Context;
use crate::host_names;
use crate::key::{Key, Kind};
use crate::kinds::{custom, mapped};
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
            // What a process that was killed had claimed, or not given back yet.
            ctx.host_names.unsettle();
            if let Err(error) = host_names::release(&ctx, None).await {
                tracing::warn!(error = %Chain(&error), "host names were not given back");
            }
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
    for area in ctx.areas() {
        for key in area.keys(&ctx.cluster) {
            ctx.queue.add(key);
        }
    }
    for key in shared_keys(ctx) {
        ctx.queue.add(key);
    }
}

/// Everything that comes from the host by name, or should: also what an earlier registration or mapping left.
pub(crate) fn shared_keys(ctx: &Context) -> BTreeSet<Key> {
    let mut keys = ctx.mapped.keys();
    let key = |kind| move |stored: ObjectKey| Key::new(kind, TenantKey::new(stored.namespace, stored.name));
    let config_maps = mapped::mirrored::<ConfigMap>(ctx).into_iter();
    let secrets = mapped::mirrored::<Secret>(ctx).into_iter();
    keys.extend(config_maps.map(key(Kind::MappedConfigMap)));
    keys.extend(secrets.map(key(Kind::MappedSecret)));
    let services = ctx
        .tenant
        .services
        .filter(|service| is_mirrored(&service.metadata));
    let services = services.iter().map(|service| ObjectKey::of(&**service));
    keys.extend(services.map(key(Kind::ImportedService)));
    keys.extend(ctx.customs.keys());
    keys.extend(ctx.exports.keys());
    // What is not watched is read again.
    ctx.verified.forget(&Key::shared_policy());
    keys.insert(Key::shared_policy());
    keys
}

/// What mappings read comes with the rights to it; then what is no longer mapped is known as well.
pub async fn when_mappings_come(ctx: Arc<Context>, shutdown: CancellationToken) {
    let raise = || {
        for key in shared_keys(&ctx) {
            ctx.queue.add(key);
        }
    };
    let mapped = async {
        ctx.mapped.wait_until_ready().await;
        raise();
    };
    let exports = async {
        ctx.exports.wait_until_ready().await;
        raise();
    };
    tokio::select! {
        _both = futures::future::join(mapped, exports) => {}
        () = shutdown.cancelled() => {}
    }
}

/// Kinds come one by one; with each all of its objects are known, orphans on the host as well.
pub async fn when_customs_come(ctx: Arc<Context>, shutdown: CancellationToken) {
    let each = ctx.customs.kinds.iter().map(async |(definition, stores)| {
        tokio::join!(stores.tenant.wait_until_ready(), stores.host.wait_until_ready());
        tracing::info!(definition, "custom resources can be read");
        custom::raise_all(&ctx, definition);
    });
    tokio::select! {
        _all = join_all(each) => {}
        () = shutdown.cancelled() => {}
    }
}

/// What could not be read at the start is looked at as a whole once it can.
pub async fn when_areas_come(ctx: Arc<Context>, shutdown: CancellationToken) {
    let areas = ctx.areas();
    let missing = areas.iter().filter(|area| !area.is_read());
    let each = missing.map(|area| async {
        area.until_read().await;
        tracing::info!(kind = area.kind.as_str(), "can be read");
        for key in area.keys(&ctx.cluster) {
            ctx.queue.add(key);
        }
    });
    tokio::select! {
        _all = join_all(each) => {}
        () = shutdown.cancelled() => {}
    }
}
