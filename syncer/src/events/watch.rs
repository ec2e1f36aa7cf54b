//! The watch of the host's Events: fills the intake, keeps no object.

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use warren_runtime::limits::LIST_PAGE;
use warren_runtime::log::Chain;
use warren_runtime::metrics::ByController;
use warren_runtime::patience::Patience;
use warren_translate::kinds::event::{is_for_tenant, is_of_claim, suffix};

use super::intake::Offered;
use super::{Events, key};

/// Runs for ever.
pub(super) async fn run(events: &Events) {
    let ctx = &events.ctx;
    let api: Api<DeserializeGuard<Event>> =
        Api::namespaced(ctx.host_client.client(), ctx.cluster.workload_namespace.as_str());
    let config = watcher::Config::default()
        .fields(events.stream.host)
        .page_size(LIST_PAGE);
    let mut stream = std::pin::pin!(watcher(api, config).backoff(Patience::default()));
    loop {
        match stream.try_next().await {
            Ok(Some(watcher::Event::Init)) => events.intake.begin_list(),
            Ok(Some(watcher::Event::InitDone)) => events.intake.end_list(),
            Ok(Some(watcher::Event::InitApply(event) | watcher::Event::Apply(event))) => {
                offer(events, event);
            }
            Ok(Some(watcher::Event::Delete(event))) => forget(events, &event),
            Ok(None) => return,
            Err(error) => {
                let label = ByController {
                    controller: events.stream.controller,
                };
                ctx.metrics.common.watch_errors.get_or_create(&label).inc();
                tracing::warn!(kind = "Event", error = %Chain(&error), "watch failed, retrying");
            }
        }
    }
}

fn offer(events: &Events, event: DeserializeGuard<Event>) {
    let Ok(mut event) = event.0 else {
        events
            .ctx
            .metrics
            .common
            .error(events.stream.controller, "Unreadable");
        return;
    };
    if !is_for_tenant(&event) && !is_of_claim(&event) {
        return;
    }
    event.metadata.managed_fields = None;
    let uid = event.metadata.uid.as_deref().unwrap_or_default();
    let Some(key) = key(&suffix(uid)) else { return };
    match events.intake.offer(key, event) {
        Offered::Waits => events.queue.add(key),
        Offered::Known => {}
        Offered::Full => events.limited("TooManyWaiting"),
    }
}

fn forget(events: &Events, event: &DeserializeGuard<Event>) {
    let metadata = match &event.0 {
        Ok(event) => &event.metadata,
        Err(unreadable) => &unreadable.metadata,
    };
    let uid = metadata.uid.as_deref().unwrap_or_default();
    if let Some(key) = key(&suffix(uid)) {
        events.intake.forget(key);
    }
}
