//! Shows what is being built, for how long, and an honest guess of the time left.
use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::Component;

/// Progress over a list of components. A bar on a terminal, plain lines elsewhere (CI logs).
pub(super) struct Progress {
    left: Vec<Component>,
    total: usize,
    bar: Option<ProgressBar>,
    /// Seconds spent, and seconds a cold build on two cores would have taken: their ratio is this machine's speed.
    spent: Duration,
    expected: Duration,
}

/// One component being built.
pub(super) struct Step {
    component: Component,
    start: Instant,
}

impl Progress {
    pub(super) fn new(components: &[Component]) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(components.len() as u64);
            let style =
                ProgressStyle::with_template("{spinner} [{pos}/{len}] building {msg}  {elapsed_precise}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            left: components.to_vec(),
            total: components.len(),
            bar,
            spent: Duration::ZERO,
            expected: Duration::ZERO,
        }
    }

    pub(super) fn start(&mut self, component: Component) -> Step {
        let message = format!(
            "{} (about {} min left in all)",
            component.program(),
            self.minutes_left()
        );
        let number = self.total - self.left.len() + 1;
        match &self.bar {
            Some(bar) => bar.set_message(message),
            None => eprintln!("building [{number}/{}] {message}", self.total),
        }
        Step {
            component,
            start: Instant::now(),
        }
    }

    pub(super) fn finish(&mut self, step: &Step) {
        let Step { component, start } = *step;
        self.left.retain(|other| *other != component);
        self.spent += start.elapsed();
        self.expected += Duration::from_secs(component.cold_seconds());
        let text = format!(
            "built {} in {:.1} s",
            component.program(),
            start.elapsed().as_secs_f64()
        );
        match &self.bar {
            Some(bar) => {
                bar.println(text);
                bar.inc(1);
                if self.left.is_empty() {
                    bar.finish_and_clear();
                }
            }
            None => eprintln!("{text}"),
        }
    }

    fn minutes_left(&self) -> u64 {
        let seconds: u64 = self.left.iter().map(|component| component.cold_seconds()).sum();
        minutes_left(seconds, self.spent, self.expected)
    }
}

/// Rounded up; before anything is measured, the table's seconds count as they are.
fn minutes_left(cold_seconds: u64, spent: Duration, expected: Duration) -> u64 {
    if expected.is_zero() {
        return cold_seconds.div_ceil(60);
    }
    let milliseconds = u128::from(cold_seconds) * 1000 * spent.as_millis() / expected.as_millis().max(1);
    u64::try_from(milliseconds.div_ceil(60_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_machine_gets_a_shorter_estimate() {
        let seconds = Duration::from_secs;
        assert_eq!(minutes_left(600, Duration::ZERO, Duration::ZERO), 10);
        assert_eq!(minutes_left(600, seconds(30), seconds(60)), 5);
        assert_eq!(minutes_left(0, seconds(1), seconds(1)), 0);
    }
}
