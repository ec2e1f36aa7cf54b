//! What is made of measured times: percentiles and ratios.

use std::time::Duration;

use serde::Serialize;

/// How measured times are spread, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Spread {
    /// How many were measured.
    pub(super) count: usize,
    /// The shortest.
    pub(super) min: u64,
    /// Half took no longer.
    pub(super) p50: u64,
    /// Nine of ten took no longer.
    pub(super) p90: u64,
    /// 99 of 100 took no longer.
    pub(super) p99: u64,
    /// The longest.
    pub(super) max: u64,
}

impl Spread {
    /// The spread of some times; none of no times.
    pub(super) fn of(times: &[Duration]) -> Option<Self> {
        let mut sorted: Vec<u64> = times
            .iter()
            .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
            .collect();
        sorted.sort_unstable();
        Some(Self {
            count: sorted.len(),
            min: *sorted.first()?,
            p50: percentile(&sorted, 50)?,
            p90: percentile(&sorted, 90)?,
            p99: percentile(&sorted, 99)?,
            max: *sorted.last()?,
        })
    }
}

/// The smallest value that so many percent of all do not exceed (nearest rank, so always a measured one).
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// How many times `base` goes into `value`; none of nothing.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of a benchmark are far below 2^52"
)]
pub(super) fn ratio(value: u64, base: u64) -> Option<f64> {
    (base > 0).then(|| value as f64 / base as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        milliseconds.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_measured_values_by_nearest_rank() {
        let spread = Spread::of(&times((1..=20).rev().map(|n| n * 10))).unwrap();
        let expected = Spread {
            count: 20,
            min: 10,
            p50: 100,
            p90: 180,
            p99: 200,
            max: 200,
        };
        assert_eq!(spread, expected);
        let five = Spread::of(&times([5, 1, 4, 2, 3])).unwrap();
        assert_eq!((five.p50, five.p90), (3, 5));
    }

    #[test]
    fn one_time_is_its_own_spread_and_none_has_none() {
        let one = Spread::of(&times([7])).unwrap();
        assert_eq!((one.min, one.p50, one.p90, one.max), (7, 7, 7, 7));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn nothing_is_no_base() {
        assert_eq!(ratio(30, 20), Some(1.5));
        assert_eq!(ratio(30, 0), None);
    }
}
