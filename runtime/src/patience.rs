//! The delays between tries of a watch.

use std::time::Duration;

use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use tokio::time::Instant;

use crate::limits::WATCH_CALM;

/// kube's delays, but that only time calms them. kube begins anew with everything that arrives: a watch whose list is
/// answered and that is refused right after would be listed once a second, for as long as that goes on.
#[derive(Default)]
pub struct Patience {
    delays: DefaultBackoff,
    /// When the last try began.
    tried: Option<Instant>,
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self
            .tried
            .is_some_and(|tried| now.saturating_duration_since(tried) >= WATCH_CALM)
        {
            self.delays.reset();
        }
        let delay = self.delays.next()?;
        self.tried = Some(now + delay);
        Some(delay)
    }
}

impl Backoff for Patience {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_refused_after_each_list_is_tried_less_and_less() {
        let mut patience = Patience::default();
        let begun = Instant::now();
        for _ in 0..8 {
            advance(patience.next().unwrap()).await;
            // The list has arrived.
            patience.reset();
        }
        assert!(begun.elapsed() > Duration::from_mins(1), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_went_well_for_a_while_is_tried_at_once() {
        let mut patience = Patience::default();
        for _ in 0..8 {
            advance(patience.next().unwrap()).await;
        }
        advance(WATCH_CALM).await;
        assert!(patience.next().unwrap() < Duration::from_secs(2));
    }
}
