//! Durations: reading `--timeout`, and writing ages as kubectl does.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Longest `--timeout` accepted: a day, in seconds. More is a typing error.
const LONGEST_SECONDS: u64 = 86_400;

/// Reads `5m`, `90s`, `1h30m` or plain seconds.
///
/// # Errors
/// A sentence for the user, for anything that is not a duration between one second and a day.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|duration| u64::try_from(duration.as_secs()).ok())
            .ok_or("must be a duration such as '90s', '5m' or '1h30m'")?,
    };
    if (1..=LONGEST_SECONDS).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err("must be between '1s' and '24h'".to_owned())
    }
}

/// How long ago `since` was, in kubectl's words: `45s`, `3m12s`, `5h`, `2d4h`, `400d`. The future is `0s`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    human(Duration::from_secs(
        u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0),
    ))
}

/// `span` with at most two units, precise where it is short.
pub(crate) fn human(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit}{small}{small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_with_and_without_units() {
        for (text, seconds) in [
            ("300", 300),
            ("90s", 90),
            ("5m", 300),
            ("1h30m", 5400),
            ("24h", 86_400),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "soon", "-5m", "5x"] {
            assert!(parse(text).unwrap_err().contains("'5m'"), "{text}");
        }
        for text in ["0", "0s", "100ms", "25h", "99999999999"] {
            assert!(parse(text).unwrap_err().contains("between"), "{text}");
        }
    }

    #[test]
    fn ages_read_like_kubectls() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (192, "3m12s"),
            (3_600, "60m"),
            (18_000, "5h"),
            (11_100, "3h5m"),
            (100_000, "27h"),
            (187_200, "2d4h"),
            (34_560_000, "400d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_time_in_the_future_is_now() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        assert_eq!(age(later, now), "0s");
        assert_eq!(age(now, later), "60s");
    }
}
