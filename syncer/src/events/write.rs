//! One Event of the host into the tenant.

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use tokio::time::Instant;
use warren_runtime::act;
use warren_runtime::disposition::Disposed;
use warren_runtime::log::Chain;
use warren_runtime::queue::Outcome;
use warren_translate::kinds::event::{Seen, update};

use super::Events;
use super::rate::Verdict;
use super::subject::Subject;

/// One round: nothing to do when nothing waits.
pub(super) async fn round(events: &Events, key: u64) -> Outcome {
    let Some((host, known)) = events.intake.take(key) else {
        return Outcome::Done;
    };
    let seen = Seen::of(&host);
    let subject = match Subject::find(&events.ctx, &host).await {
        Ok(subject) => subject,
        Err(error) => return failed(events, key, host, &error),
    };
    let up = subject.and_then(|subject| Some((subject.up(&events.ctx, &host)?, subject)));
    let Some((event, subject)) = up else {
        events.intake.done(key, seen);
        return Outcome::Done;
    };
    let warning = event.type_.as_deref() == Some("Warning");
    let verdict = events.rate.lock().judge(subject.uid(), warning, Instant::now());
    match verdict {
        Verdict::Go => {}
        Verdict::Drop => {
            events.limited("SubjectSaysTooMuch");
            return Outcome::Done;
        }
        Verdict::Wait(wait) => {
            events.limited("TooMany");
            events.intake.put_back(key, host);
            return Outcome::After(wait);
        }
    }
    match write(events, &event, known).await {
        Ok(()) => {
            events.ctx.wrote();
            events.intake.done(key, seen);
            Outcome::Done
        }
        // The namespace is being deleted, or the tenant's apiserver does not want it: it will not want it later.
        Err(error) if matches!(error.code(), Some(400 | 403 | 404 | 422)) => {
            tracing::debug!(error = %Chain(&error), "the tenant does not take the Event");
            events
                .ctx
                .metrics
                .common
                .error(events.stream.controller, error.reason());
            events.intake.done(key, seen);
            Outcome::Done
        }
        Err(error) => failed(events, key, host, &error),
    }
}

fn failed(events: &Events, key: u64, host: Event, error: &act::Error) -> Outcome {
    tracing::debug!(error = %Chain(error), "event not written, trying again");
    events
        .ctx
        .metrics
        .common
        .error(events.stream.controller, error.reason());
    events.intake.put_back(key, host);
    Outcome::Retry
}

/// Updates the tenant's Event if it is `known` to be there, else makes it; whichever turns out to be wrong, the other.
async fn write(events: &Events, event: &Event, known: bool) -> Result<(), act::Error> {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(events.ctx.tenant_client.client(), namespace);
    let patch = async || {
        let (params, patch) = (PatchParams::default(), update(event));
        let patched = api.patch_metadata(name, &params, &Patch::Merge(&patch)).await;
        patched.map(|_| ())
    };
    let create = async || api.create(&PostParams::default(), event).await.map(|_| ());
    let what = || format!("write Event {namespace}/{name}");
    if known {
        match act::call(what(), patch()).await {
            Err(error) if error.is_not_found() => act::call(what(), create()).await,
            written => written,
        }
    } else {
        match act::call(what(), create()).await {
            Err(error) if error.is_conflict() => act::call(what(), patch()).await,
            written => written,
        }
    }
}
