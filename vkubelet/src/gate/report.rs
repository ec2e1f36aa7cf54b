//! Tells of denials: a counter for every one, a log line and an Event in the tenant for each target now and then.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::policy::Denial;
use super::target::Target;
use crate::events::Events;
use crate::metrics::{ByDecision, Own};

/// A target is told of again after this long.
const AGAIN: Duration = Duration::from_mins(10);
/// Targets that are told of in that time; more are only counted.
const TARGETS: usize = 20;

/// Where denials are reported.
pub struct Reporter {
    events: Events,
    own: Own,
    told: Mutex<HashMap<Target, Instant>>,
}

impl Reporter {
    /// With Events in the tenant.
    pub fn new(events: Events, own: Own) -> Self {
        Self {
            events,
            own,
            told: Mutex::default(),
        }
    }

    /// Counts one decision.
    pub fn count(&self, decision: &'static str) {
        self.own.gate.get_or_create(&ByDecision { decision }).inc();
    }

    /// Counts, and tells when this target was not told of lately.
    pub fn denied(&self, target: &Target, denial: Denial) {
        self.count(denial.reason());
        if !self.is_news(target, Instant::now()) {
            return;
        }
        tracing::warn!(%target, reason = denial.reason(), "egress denied");
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Namespace".to_owned()),
            name: Some("kube-system".to_owned()),
            namespace: Some("kube-system".to_owned()),
            ..ObjectReference::default()
        };
        let note = format!("the API server may not connect to {target}: {}", denial.message());
        self.events.warn(&about, "EgressDenied", "Connect", &note);
    }

    fn is_news(&self, target: &Target, now: Instant) -> bool {
        let mut told = self.told.lock();
        told.retain(|_, at| now.duration_since(*at) < AGAIN);
        if told.len() >= TARGETS || told.contains_key(target) {
            return false;
        }
        told.insert(target.clone(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use kube::Client;
    use warren_runtime::metrics::Metrics;

    use super::super::target::parse;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_target_is_told_of_once_in_a_while_and_not_too_many() {
        let service = tower::service_fn(|_request: http::Request<kube::client::Body>| async {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("unused"))
        });
        let events = Events::spawn(Client::new(service, "default"), "test".to_owned(), Metrics::new());
        let reporter = Reporter::new(events, Own::default());
        let now = Instant::now();
        let target = |last: usize| parse(&format!("10.0.0.{last}:80")).unwrap();
        assert!(reporter.is_news(&target(1), now));
        assert!(!reporter.is_news(&target(1), now));
        let news = (2..200)
            .filter(|last| reporter.is_news(&target(*last), now))
            .count();
        assert_eq!(news, TARGETS - 1);
        assert!(reporter.is_news(&target(1), now + AGAIN));
    }
}
