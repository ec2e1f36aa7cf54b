//! The full pass over everything that either cluster has, and the end of pins.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kube::api::ObjectMeta;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;

use crate::context::Context;
use crate::host_names;
use crate::key::{Key, Kind};
use warren_translate::identity::TenantKey;
use warren_translate::kinds::service;

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
    // What is not watched is read again.
    ctx.verified.forget(&Key::shared_policy());
    for area in ctx.areas() {
        for key in area.keys(&ctx.cluster) {
            ctx.queue.add(key);
        }
    }
}

/// What could not be read at the start is looked at as a whole once it can; what is no longer wanted is known then, too.
pub async fn when_areas_come(ctx: Arc<Context>, shutdown: CancellationToken) {
    let areas = ctx.areas();
    let missing = areas.iter().filter(|area| !area.is_read());
    let each = missing.map(|area| async {
        area.until_read().await;
        tracing::info!(kind = area.name(), "can be read");
        for key in area.keys(&ctx.cluster) {
            ctx.queue.add(key);
        }
    });
    tokio::select! {
        _all = join_all(each) => {}
        () = shutdown.cancelled() => {}
    }
}
