//! How many Pods run, by one watch.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, stream::BoxStream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};

/// A watch of Pods, and what it has shown.
pub(super) struct Running {
    events: BoxStream<'static, watcher::Result<Event<Pod>>>,
    seen: Seen,
}

impl Running {
    /// Of the Pods with these labels, those that `counts` says of that they run.
    pub(super) fn of(api: Api<Pod>, labels: &str, counts: fn(&Pod) -> bool) -> Self {
        let config = watcher::Config::default().labels(labels);
        Self {
            events: watcher(api, config).default_backoff().boxed(),
            seen: Seen::of(counts),
        }
    }

    /// Waits until it has shown everything that there is and as many run as are `enough`.
    pub(super) async fn until(&mut self, enough: impl Fn(usize) -> bool) -> Result<()> {
        while !(self.seen.is_complete && enough(self.seen.running.len())) {
            let event = self.events.next().await;
            // It begins anew by itself.
            if let Ok(event) = event.context("the watch of the Pods ended")? {
                self.seen.take(event);
            }
        }
        Ok(())
    }
}

/// Whether a Pod runs.
pub(super) fn runs(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    status.and_then(|status| status.phase.as_deref()) == Some("Running")
}

/// What the watch has shown.
struct Seen {
    counts: fn(&Pod) -> bool,
    /// By namespace and name.
    running: BTreeSet<(Option<String>, String)>,
    /// Whether it has shown everything that there was.
    is_complete: bool,
}

impl Seen {
    fn of(counts: fn(&Pod) -> bool) -> Self {
        Self {
            counts,
            running: BTreeSet::new(),
            is_complete: false,
        }
    }

    fn take(&mut self, event: Event<Pod>) {
        let key = |pod: &Pod| (pod.namespace(), pod.name_any());
        match event {
            Event::Init => *self = Self::of(self.counts),
            Event::InitDone => self.is_complete = true,
            Event::Apply(pod) | Event::InitApply(pod) if (self.counts)(&pod) => {
                self.running.insert(key(&pod));
            }
            Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod) => {
                self.running.remove(&key(&pod));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(number: u16, phase: &str) -> Pod {
        let pod = json!({ "metadata": { "name": format!("many-{number}") }, "status": { "phase": phase } });
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn pods_count_while_they_run() {
        let mut seen = Seen::of(runs);
        seen.take(Event::Init);
        seen.take(Event::InitApply(pod(1, "Running")));
        assert!(!seen.is_complete);
        seen.take(Event::InitDone);
        seen.take(Event::Apply(pod(2, "Pending")));
        assert_eq!((seen.is_complete, seen.running.len()), (true, 1));
        seen.take(Event::Apply(pod(2, "Running")));
        seen.take(Event::Apply(pod(2, "Running")));
        assert_eq!(seen.running.len(), 2);
        seen.take(Event::Delete(pod(1, "Running")));
        seen.take(Event::Apply(pod(3, "Failed")));
        assert_eq!(seen.running, BTreeSet::from([(None, "many-2".to_owned())]));
        seen.take(Event::Apply(pod(2, "Failed")));
        assert!(seen.running.is_empty());
        seen.take(Event::Init);
        assert!(!seen.is_complete && seen.running.is_empty());
    }

    #[tokio::test]
    async fn a_watch_that_ends_too_early_is_an_error() {
        let events = [Event::Init, Event::InitApply(pod(1, "Running")), Event::InitDone];
        let mut running = Running {
            events: futures::stream::iter(events.map(Ok)).boxed(),
            seen: Seen::of(runs),
        };
        assert!(running.until(|count| count >= 1).await.is_ok());
        assert!(running.until(|count| count >= 2).await.is_err());
    }
}
