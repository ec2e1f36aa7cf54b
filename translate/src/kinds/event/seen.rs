//! How often and when an Event happened last: whether it has changed since it went up.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::jiff::Timestamp;

/// Two Events of the same name differ when this does: nothing else of an Event ever changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often.
    count: i32,
    /// When last, in seconds since the epoch; the old timestamps have no fractions.
    last_seconds: i64,
}

impl Seen {
    /// Of an Event of either side, of either API.
    pub fn of(event: &Event) -> Self {
        let series = event.series.as_ref();
        let count = series.and_then(|series| series.count).or(event.count);
        let observed = series.and_then(|series| series.last_observed_time.as_ref());
        let last = observed
            .map(|time| time.0)
            .or_else(|| event.last_timestamp.as_ref().map(|time| time.0))
            .or_else(|| event.event_time.as_ref().map(|time| time.0));
        Self {
            count: count.unwrap_or_default(),
            last_seconds: last.map(Timestamp::as_second).unwrap_or_default(),
        }
    }
}
