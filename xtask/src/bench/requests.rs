//! Counts the host API's requests from its own metrics. They do not say who asked, so two windows are compared: one
//! before the tenant came, and one with the tenant at rest.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use kube::Client;

/// What is counted: `VERB resource/subresource`.
pub(super) type Counts = BTreeMap<String, f64>;

/// Requests per second over a window, by verb and resource.
pub(super) async fn rates(client: &Client, window: Duration) -> Result<Counts> {
    let before = read(client).await?;
    tokio::time::sleep(window).await;
    let after = read(client).await?;
    Ok(scaled(&difference(&after, &before), 1.0 / window.as_secs_f64()))
}

async fn read(client: &Client) -> Result<Counts> {
    let request = http::Request::get("/metrics")
        .body(Vec::new())
        .context("failed to ask for metrics")?;
    let text = client.request_text(request).await;
    Ok(parse(&text.context("failed to read the host API's metrics")?))
}

/// Sums `apiserver_request_total` over everything but verb and resource. Watches are left out: they are counted when
/// they end, after minutes.
fn parse(metrics: &str) -> Counts {
    let mut counts = Counts::new();
    for line in metrics.lines() {
        let Some((labels, value)) = line
            .strip_prefix("apiserver_request_total{")
            .and_then(|rest| rest.rsplit_once("} "))
        else {
            continue;
        };
        let (verb, resource) = (label(labels, "verb"), label(labels, "resource"));
        let Ok(value) = value.trim().parse::<f64>() else {
            continue;
        };
        if resource.is_empty() || matches!(verb, "WATCH" | "CONNECT") {
            continue;
        }
        let key = match label(labels, "subresource") {
            "" => format!("{verb} {resource}"),
            subresource => format!("{verb} {resource}/{subresource}"),
        };
        *counts.entry(key).or_default() += value;
    }
    counts
}

/// The value of a label; none of these values has a quote in it.
fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let value = labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.trim_matches('"'))
    });
    value.unwrap_or_default()
}

/// `left - right`, key by key, without those that are equal.
pub(super) fn difference(left: &Counts, right: &Counts) -> Counts {
    let keys = left.keys().chain(right.keys());
    let value = |counts: &Counts, key: &String| counts.get(key).copied().unwrap_or_default();
    keys.map(|key| (key.clone(), value(left, key) - value(right, key)))
        .filter(|(_, difference)| difference.abs() > f64::EPSILON)
        .collect()
}

fn scaled(counts: &Counts, factor: f64) -> Counts {
    counts
        .iter()
        .map(|(key, value)| (key.clone(), value * factor))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 12
apiserver_request_total{code="409",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="status",verb="PATCH",version="v1"} 1e+03
apiserver_request_total{code="0",component="apiserver",dry_run="",group="",resource="pods",scope="cluster",subresource="",verb="WATCH",version="v1"} 5
apiserver_request_total{code="200",component="",dry_run="",group="",resource="",scope="",subresource="/readyz",verb="GET",version=""} 9
apiserver_request_duration_seconds_count{verb="GET"} 7
"#;

    #[test]
    fn requests_are_summed_by_verb_and_resource_without_watches() {
        let expected = [
            ("PATCH pods/status".to_owned(), 1000.0),
            ("PUT leases".to_owned(), 15.0),
        ];
        assert_eq!(parse(METRICS), Counts::from(expected));
    }

    #[test]
    fn a_difference_has_what_either_side_has() {
        let counts = |pairs: &[(&str, f64)]| -> Counts {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), *value))
                .collect()
        };
        let (left, right) = (
            counts(&[("a", 3.0), ("b", 1.0), ("same", 2.0)]),
            counts(&[("a", 1.0), ("c", 1.0), ("same", 2.0)]),
        );
        assert_eq!(
            difference(&left, &right),
            counts(&[("a", 2.0), ("b", 1.0), ("c", -1.0)])
        );
    }

    #[test]
    fn a_label_is_not_taken_for_another_that_ends_alike() {
        assert_eq!(
            label(r#"subresource="status",resource="pods""#, "resource"),
            "pods"
        );
    }
}
