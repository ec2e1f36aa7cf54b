//! One loop over keys for all kinds: a round, then its answer to those who wait, its Event, its next time.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::ObjectMeta;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use warren_runtime::disposition::{Disposed, Disposition};
use warren_runtime::limits::SYNCER_WORKERS;
use warren_runtime::log::Chain;
use warren_runtime::queue::Outcome;

use crate::context::Context;
use crate::error::Error;
use crate::key::{Key, Kind};
use crate::kinds;
use crate::registry::{self, Round};
use crate::settlements::{State, Waiters};
use crate::teller;

/// Works until `shutdown`; rounds that run are finished. Call it when every store is complete.
pub async fn run(ctx: Arc<Context>, shutdown: CancellationToken) {
    let queue = ctx.queue.clone();
    let work = move |key: Key| {
        let ctx = Arc::clone(&ctx);
        let span = tracing::info_span!(
            "reconcile",
            kind = key.kind.as_str(),
            tenant_ns = key.tenant.namespace.as_str(),
            tenant_name = key.tenant.name.as_str(),
        );
        async move { work(&ctx, key).await }.instrument(span)
    };
    queue.run(SYNCER_WORKERS, shutdown, work).await;
}

async fn work(ctx: &Context, key: Key) -> Outcome {
    let waiters = ctx.settlements.begin(&key);
    match registry::round(ctx, &key).await {
        Ok(Round { state, again }) => {
            ctx.unsynced.settled(&key);
            waiters.answer(&state);
            again.map_or(Outcome::Done, Outcome::After)
        }
        Err(error) => failed(ctx, &key, &error, waiters),
    }
}

fn failed(ctx: &Context, key: &Key, error: &Error, waiters: Waiters) -> Outcome {
    ctx.metrics.common.error(key.kind.as_str(), error.reason());
    ctx.unsynced.failed(ctx, key, error);
    let told = error.told(&ctx.cluster, key);
    if let (Some((reason, note)), Some(about)) = (&told, about(ctx, key)) {
        ctx.teller.warn(key, about, reason, note);
    }
    match error.disposition() {
        Disposition::Retry => {
            if matches!(error, Error::Stale) {
                tracing::debug!("the store is behind, again");
            } else {
                tracing::warn!(reason = error.reason(), error = %Chain(error), "failed, trying again");
            }
            ctx.settlements.put_back(key, waiters);
            Outcome::Retry
        }
        Disposition::WaitForChange | Disposition::Fatal => {
            tracing::warn!(reason = error.reason(), error = %Chain(error), "failed until something changes");
            let why = told.map_or_else(
                || "it could not be brought to the host".to_owned(),
                |(_, note)| note,
            );
            waiters.answer(&State::Failed(why));
            Outcome::Done
        }
    }
}

/// The tenant object behind a key, for an Event. `None` when the tenant does not have it (any more).
fn about(ctx: &Context, key: &Key) -> Option<ObjectReference> {
    let stored = key.in_tenant();
    let metadata: ObjectMeta = match key.kind {
        Kind::Custom => {
            let object = ctx.customs.of(key)?.tenant.get(&stored)?;
            return Some(kinds::custom::about(&object));
        }
        Kind::FixedService | Kind::Service | Kind::ImportedService | Kind::ExportedService => {
            ctx.tenant.services.get(&stored)?.metadata.clone()
        }
        Kind::ConfigMap | Kind::MappedConfigMap => ctx.tenant.config_maps.get(&stored)?.metadata.clone(),
        Kind::Secret | Kind::MappedSecret => ctx.tenant.secrets.get(&stored)?.metadata.clone(),
        Kind::Token | Kind::PodCertificate => {
            let pod = ctx.tenant.pods.get(&stored)?;
            kube::Resource::meta(&*pod).clone()
        }
        Kind::Claim => ctx.tenant.storage.claims.get(&stored)?.metadata.clone(),
        Kind::ResourceClaim => ctx.resource_claims.tenant.get(&stored)?.metadata.clone(),
        Kind::Volume => ctx.tenant.storage.volumes.get(&stored)?.metadata.clone(),
        Kind::StorageClass
        | Kind::IngressClass
        | Kind::PriorityClass
        | Kind::RuntimeClass
        | Kind::DeviceClass
        | Kind::CsiDriver
        | Kind::CsiNode
        | Kind::CsiStorageCapacity => ctx.ups.in_tenant(key)?,
        Kind::EndpointSlice => ctx.tenant.endpoint_slices.get(&stored)?.metadata.clone(),
        Kind::Budget => ctx.budgets.tenant.get(&stored)?.metadata.clone(),
        Kind::Ingress => ctx.ingresses.tenant.get(&stored)?.metadata.clone(),
        Kind::NetworkPolicy => ctx.policies.both.tenant.get(&stored)?.metadata.clone(),
        // They stand for no single object; the Pods that need them are told when they cannot start.
        // What is wrong with the last two is the platform's.
        Kind::ServiceEnvironment | Kind::TrustBundle | Kind::SharedPolicy | Kind::Definition => return None,
    };
    Some(teller::about(key.kind, &metadata))
}
