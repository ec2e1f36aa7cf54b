//! `metrics.k8s.io/v1beta1` as the host says it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

/// A `PodMetricsList`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PodMetricsList {
    /// One a Pod.
    #[serde(default)]
    pub items: Vec<PodMetrics>,
}

/// A `PodMetrics`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PodMetrics {
    /// The Pod's namespace and name.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// End of the time in which it was measured, RFC 3339.
    #[serde(default)]
    pub timestamp: String,
    /// That time, as Go writes durations.
    #[serde(default)]
    pub window: String,
    /// One a container that runs.
    #[serde(default)]
    pub containers: Vec<ContainerMetrics>,
}

/// What one container uses.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ContainerMetrics {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `cpu` (cores) and `memory` (bytes).
    #[serde(default)]
    pub usage: BTreeMap<String, Quantity>,
}

/// Seconds of a Go duration such as `15.123s`, `1m0s` or `500ms`; `None` for what is none.
pub fn seconds(duration: &str) -> Option<f64> {
    let mut rest = duration.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let number: f64 = number.parse().ok()?;
        let units = [
            ("ns", 1e-9),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("ms", 1e-3),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
        ];
        let (unit, factor) = units.iter().find(|(unit, _)| tail.starts_with(unit))?;
        seconds += number * factor;
        rest = tail.strip_prefix(unit)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_durations() {
        for (text, wanted) in [
            ("15s", Some(15.0)),
            ("1m0s", Some(60.0)),
            ("1h2m3.5s", Some(3723.5)),
            ("500ms", Some(0.5)),
            ("0s", Some(0.0)),
            ("", None),
            ("15", None),
            ("s", None),
            ("-1s", None),
            ("1.2.3s", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }
}
