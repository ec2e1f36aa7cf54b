//! At rest nobody writes but leases, by the count of requests of both apiservers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use warren_tests::{Tenant, eventually};

/// Requests that write, as `VERB resource/subresource`.
type Writes = BTreeMap<String, f64>;

/// How long it may take to come to rest; a window takes up to two minutes.
const DEADLINE: Duration = Duration::from_mins(10);
/// Virtual nodes' leases are renewed every two minutes.
const RENEWAL: Duration = Duration::from_mins(4);

/// Waits for a window in which neither apiserver was written to.
///
/// The first may see what is still settling; a patch that is repeated for ever is in every one.
pub(crate) async fn silent(tenant: &Tenant) -> Result<()> {
    eventually("a window without writes", DEADLINE, || window(tenant)).await
}

/// The window: from now until the vkubelet has renewed every virtual node's lease, which proves that it is alive.
async fn window(tenant: &Tenant) -> Result<()> {
    let (before, host_before) = counts(tenant).await?;
    let leases = renewals(tenant).await?;
    ensure!(!leases.is_empty(), "no virtual node has a lease");
    eventually("all leases of virtual nodes are renewed", RENEWAL, || async {
        let now = renewals(tenant).await?;
        ensure!(
            leases.iter().all(|(node, time)| now.get(node) != Some(time)),
            "{now:?}"
        );
        Ok(())
    })
    .await?;
    let (after, host_after) = counts(tenant).await?;
    let (written, host_written) = (difference(&after, &before), difference(&host_after, &host_before));
    ensure!(
        written.is_empty() && host_written.is_empty(),
        "written in the tenant: {written:?}, on the host: {host_written:?}"
    );
    Ok(())
}

/// When the lease of each virtual node was renewed.
async fn renewals(tenant: &Tenant) -> Result<BTreeMap<String, String>> {
    let leases = tenant.items(&["leases", "-n", "kube-node-lease"]).await?;
    let renewal = |lease: &serde_json::Value| {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        text(&lease["metadata"]["name"]).zip(text(&lease["spec"]["renewTime"]))
    };
    leases
        .iter()
        .map(|lease| renewal(lease).with_context(|| format!("an unreadable lease: {lease}")))
        .collect()
}

/// Writes in the tenant, and on the host.
async fn counts(tenant: &Tenant) -> Result<(Writes, Writes)> {
    let metrics = ["get", "--raw", "/metrics"];
    let (own, host) = tokio::try_join!(tenant.kubectl(&metrics), tenant.stage.kubectl(&metrics))?;
    let mut host = writes(&host);
    // The host's kubelets report their nodes; no process of Warren's may.
    host.retain(|what, _| !what.ends_with(" nodes/status"));
    Ok((writes(&own), host))
}

/// Sums `apiserver_request_total` of what changes objects. Leases do, and are meant to; reviews and tokens change none.
fn writes(metrics: &str) -> Writes {
    let mut writes = Writes::new();
    for line in metrics.lines() {
        let Some((labels, value)) = line
            .strip_prefix("apiserver_request_total{")
            .and_then(|rest| rest.rsplit_once("} "))
        else {
            continue;
        };
        let labels: BTreeMap<&str, &str> = labels
            .split(',')
            .filter_map(|label| label.split_once('='))
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();
        let label = |name: &str| labels.get(name).copied().unwrap_or_default();
        let (verb, resource, subresource) = (label("verb"), label("resource"), label("subresource"));
        let write = matches!(
            verb,
            "POST" | "PUT" | "PATCH" | "APPLY" | "DELETE" | "DELETECOLLECTION"
        );
        if !write || resource == "leases" || resource.ends_with("reviews") || subresource == "token" {
            continue;
        }
        let what = match subresource {
            "" => format!("{verb} {resource}"),
            subresource => format!("{verb} {resource}/{subresource}"),
        };
        *writes.entry(what).or_default() += value.trim().parse().unwrap_or(0.0);
    }
    writes
}

/// What was added.
fn difference(after: &Writes, before: &Writes) -> Writes {
    after
        .iter()
        .map(|(what, count)| {
            (
                what.clone(),
                count - before.get(what).copied().unwrap_or_default(),
            )
        })
        .filter(|(_, added)| *added > 0.0)
        .collect()
}

#[test]
fn only_what_changes_objects_is_counted_and_leases_are_not() {
    let line = |verb: &str, resource: &str, subresource: &str, count: u32| {
        format!(
            "apiserver_request_total{{code=\"200\",resource=\"{resource}\",subresource=\"{subresource}\",verb=\"{verb}\"}} {count}\n"
        )
    };
    let before: String = [
        line("GET", "pods", "", 9),
        line("PUT", "leases", "", 9),
        line("POST", "subjectaccessreviews", "", 9),
        line("POST", "serviceaccounts", "token", 9),
        line("PATCH", "pods", "status", 2),
        "apiserver_request_total_other{verb=\"PUT\",resource=\"pods\"} 9\n".to_owned(),
    ]
    .concat();
    let after = before.clone() + &line("PATCH", "pods", "status", 1) + &line("APPLY", "nodes", "", 1);
    let added = difference(&writes(&after), &writes(&before));
    let expected = [
        ("APPLY nodes".to_owned(), 1.0),
        ("PATCH pods/status".to_owned(), 1.0),
    ];
    assert_eq!(added, Writes::from(expected));
    assert_eq!(
        writes(&before),
        Writes::from([("PATCH pods/status".to_owned(), 2.0)])
    );
}
