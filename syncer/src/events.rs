//! The host's Events about host Pods and claims, into the tenant: what the host's kubelet says of a Pod, and what its
//! volume controllers and provisioners say of a claim, its tenant reads.
//!
//! Nothing is kept of an Event but how often and when it happened last (`intake`): an Event goes up when that has
//! changed, under a name of its own, so that it is updated and never multiplied, and after a restart nothing is
//! written twice.

mod intake;
mod rate;
mod subject;
mod watch;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use warren_runtime::act;
use warren_runtime::limits::LIST_PAGE;
use warren_runtime::log::Chain;
use warren_runtime::metrics::ByReason;
use warren_runtime::queue::Queue;
use warren_translate::kinds::event::{Seen, suffix_of};

use crate::context::Context;
use intake::Intake;
use rate::Rate;

/// Events that are written at once.
const WORKERS: usize = 4;
/// How soon a tenant that does not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// One stream of Events: a watch of its own, and a memory of its own of what went up.
#[derive(Debug)]
struct Stream {
    /// Name of the loop in metrics.
    controller: &'static str,
    /// Selects the host's Events.
    host: &'static str,
    /// Selects what of it is in the tenant already; more is selected than that, which does no harm.
    tenant: &'static str,
}

/// What kubelets say, whichever API they say it in.
const OF_PODS: Stream = Stream {
    controller: "events",
    host: "involvedObject.kind=Pod,source=kubelet",
    tenant: "source=kubelet",
};
/// What anybody says of claims.
const OF_CLAIMS: Stream = Stream {
    controller: "claim-events",
    host: "involvedObject.kind=PersistentVolumeClaim",
    tenant: "involvedObject.kind=PersistentVolumeClaim",
};

/// What the watch and the workers of a stream share.
struct Events {
    stream: &'static Stream,
    ctx: Arc<Context>,
    queue: Queue<u64>,
    intake: Intake,
    rate: Mutex<Rate>,
}

impl Events {
    /// Counts that something was dropped, or had to wait.
    fn limited(&self, reason: &'static str) {
        let labels = ByReason {
            controller: self.stream.controller,
            reason,
        };
        self.ctx
            .metrics
            .common
            .limits_reached
            .get_or_create(&labels)
            .inc();
    }
}

/// Works until `shutdown`; writes that run are finished. Call it when every store is complete.
pub async fn run(ctx: Arc<Context>, shutdown: CancellationToken) {
    tokio::join!(
        run_stream(&OF_PODS, Arc::clone(&ctx), shutdown.clone()),
        run_stream(&OF_CLAIMS, ctx, shutdown),
    );
}

async fn run_stream(stream: &'static Stream, ctx: Arc<Context>, shutdown: CancellationToken) {
    let known = tokio::select! {
        known = gone_up(stream, &ctx) => known,
        () = shutdown.cancelled() => return,
    };
    let events = Arc::new(Events {
        stream,
        queue: Queue::new(stream.controller, ctx.metrics.common.clone()),
        intake: Intake::new(known),
        rate: Mutex::default(),
        ctx,
    });
    let work = {
        let events = Arc::clone(&events);
        move |key: u64| {
            let events = Arc::clone(&events);
            let span = tracing::info_span!("reconcile", kind = "Event", event = format!("{key:016x}"));
            async move { write::round(&events, key).await }.instrument(span)
        }
    };
    let workers = events.queue.run(WORKERS, shutdown.clone(), work);
    let watch = async {
        tokio::select! {
            () = watch::run(&events) => {}
            () = shutdown.cancelled() => {}
        }
    };
    tokio::join!(workers, watch);
}

/// What the tenant has already, read until it answers.
async fn gone_up(stream: &Stream, ctx: &Context) -> HashMap<u64, Seen> {
    loop {
        match list(stream, ctx).await {
            Ok(known) => return known,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the tenant's Events are not known yet");
                sleep(ASK_AGAIN).await;
            }
        }
    }
}

async fn list(stream: &Stream, ctx: &Context) -> Result<HashMap<u64, Seen>, act::Error> {
    let api: Api<Event> = Api::all(ctx.tenant_client.client());
    let mut page = ListParams::default().fields(stream.tenant).limit(LIST_PAGE);
    let mut known = HashMap::new();
    loop {
        let list = act::call("list the tenant's Events", api.list(&page)).await?;
        for event in &list.items {
            let name = event.metadata.name.as_deref().unwrap_or_default();
            if let Some(key) = suffix_of(name).and_then(key) {
                known.insert(key, Seen::of(event));
            }
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(known),
        }
    }
}

/// A suffix as a number: a fifth of its size in memory.
fn key(suffix: &str) -> Option<u64> {
    u64::from_str_radix(suffix, 16).ok()
}

#[cfg(test)]
mod tests;
