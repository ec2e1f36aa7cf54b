//! `warren list`: the virtual clusters of a namespace, or of all of them.

use anyhow::Result;
use jiff::Timestamp;
use kube::ResourceExt as _;
use warren_crds::condition;
use warren_crds::virtual_cluster::conditions;

use crate::cluster::{self, Cluster};
use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::lowargs::Format;
use crate::output::{self, machine, table};
use crate::timespan;

/// Arguments of `list`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
}

/// Runs the command.
///
/// # Errors
/// See [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<()> {
    let host = Host::new(args).await?;
    let namespace = (!command.all_namespaces).then_some(host.namespace.as_str());
    let clusters = cluster::list(&host, namespace).await?;
    match args.output {
        Some(Format::Json) => return output::print(&machine::to_json(&as_list(&clusters)?)?),
        Some(Format::Yaml) => return output::print(&machine::to_yaml(&as_list(&clusters)?)?),
        Some(Format::Name) => {
            return output::print(
                &clusters
                    .iter()
                    .map(|c| super::resource_name(&c.name()) + "\n")
                    .collect::<String>(),
            );
        }
        Some(Format::Wide) | None => {}
    }
    if clusters.is_empty() {
        if !args.quiet {
            output::note(&empty(&host, namespace));
        }
        return Ok(());
    }
    output::print(&render(
        &clusters,
        command.all_namespaces,
        args.output == Some(Format::Wide),
        Timestamp::now(),
    ))
}

fn as_list(clusters: &[Cluster]) -> Result<serde_json::Value> {
    let items = clusters.iter().map(super::as_value).collect::<Result<Vec<_>>>()?;
    Ok(machine::list(&items))
}

fn empty(host: &Host, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!(
            "no virtual clusters in namespace '{namespace}'; in all of them: {program} list -A; create one: {program} create NAME -n {namespace} --wait",
            program = host.program
        ),
        None => format!(
            "no virtual clusters in any namespace; create one: {} create NAME --wait",
            host.program
        ),
    }
}

/// The table; the same columns as kubectl's, from the CRD.
fn render(clusters: &[Cluster], all_namespaces: bool, wide: bool, now: Timestamp) -> String {
    let mut headings = vec!["NAME", "VERSION", "READY", "REASON"];
    if all_namespaces {
        headings.insert(0, "NAMESPACE");
    }
    if wide {
        headings.extend(["CLASS", "ENDPOINT", "WORKLOADS"]);
    }
    headings.push("AGE");
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .map(|cluster| row(cluster, all_namespaces, wide, now))
        .collect();
    table::render(&headings, &rows)
}

fn row(cluster: &Cluster, all_namespaces: bool, wide: bool, now: Timestamp) -> Vec<String> {
    let (ready, reason) = state(cluster);
    let mut cells = vec![
        cluster.name(),
        cluster.status.version.clone().unwrap_or_default(),
        ready,
        reason,
    ];
    if all_namespaces {
        cells.insert(0, cluster.namespace());
    }
    if wide {
        let namespaces = cluster.status.namespaces.as_ref();
        let class = cluster
            .status
            .class
            .as_deref()
            .or_else(|| cluster.spec_text(&["class"]));
        cells.push(class.unwrap_or_default().to_owned());
        cells.push(cluster.status.endpoint.clone().unwrap_or_default());
        cells.push(
            namespaces
                .map(|namespaces| namespaces.workloads.clone())
                .unwrap_or_default(),
        );
    }
    cells.push(
        cluster
            .object
            .creation_timestamp()
            .map(|time| timespan::age(time.0, now))
            .unwrap_or_default(),
    );
    cells
}

/// What the columns READY and REASON say.
fn state(cluster: &Cluster) -> (String, String) {
    if cluster.is_deleting() {
        let deleting = condition::get(&cluster.status.conditions, conditions::DELETING);
        return (
            "False".to_owned(),
            deleting.map_or_else(|| "Deleting".to_owned(), |c| format!("Deleting:{}", c.reason)),
        );
    }
    match condition::get(&cluster.status.conditions, conditions::READY) {
        Some(ready) if cluster.is_current(ready.observed_generation) => {
            (ready.status.clone(), ready.reason.clone())
        }
        Some(_) => ("Unknown".to_owned(), "SpecChanged".to_owned()),
        None => ("Unknown".to_owned(), "WaitingForOperator".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::wait::state::tests::{cluster, from_json};

    fn clusters() -> Vec<Cluster> {
        let ready = from_json(
            &json!({
                "version": "v1.37.0", "class": "default", "endpoint": "https://10.96.3.4:443",
                "namespaces": {"system": "wc-x-system", "workloads": "wc-x"},
                "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "",
                    "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            }),
            &json!({"name": "nightly"}),
        );
        let deleting = from_json(
            &json!({}),
            &json!({"name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}),
        );
        vec![
            ready,
            cluster(&[("Ready", "Unknown", "WaitingForDatastore", "", 2)]),
            cluster(&[("Ready", "True", "Ready", "", 1)]),
            from_json(&Value::Null, &json!({"name": "new"})),
            deleting,
        ]
    }

    fn now() -> Timestamp {
        "2026-01-01T00:03:12Z".parse().unwrap()
    }

    #[test]
    fn one_row_a_cluster_within_eighty_columns() {
        let text = render(&clusters(), false, false, now());
        assert!(text.lines().all(|line| line.len() <= 80));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn wide_and_all_namespaces_add_columns() {
        insta::assert_snapshot!(render(&clusters(), true, true, now()));
    }
}
