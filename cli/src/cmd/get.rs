//! `warren get NAME`: one virtual cluster and the state of its parts.

use std::fmt::Write as _;

use anyhow::Result;
use jiff::Timestamp;
use kube::ResourceExt as _;

use crate::cluster::{self, Cluster};
use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::lowargs::Format;
use crate::output::style::Style;
use crate::output::{self, escape};
use crate::timespan;
use crate::wait::events::{self, Reports};
use crate::wait::progress;
use crate::wait::state::{self, Goal};

/// Arguments of `get`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the virtual cluster
    name: String,
}

/// Runs the command.
///
/// # Errors
/// See [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<()> {
    let host = Host::new(args).await?;
    let cluster = cluster::get(&host, &command.name).await?;
    if let Some(Format::Json | Format::Yaml | Format::Name) = args.output {
        return super::done(args, &cluster, "");
    }
    let wide = args.output == Some(Format::Wide);
    let reports = if wide {
        events::around(&host, Some(&cluster)).await
    } else {
        Reports::default()
    };
    output::print(&render(
        &cluster,
        &reports,
        Style::new(args.screen.color_out),
        args.program,
        Timestamp::now(),
    ))
}

/// The view for people: one fact a line, then the tree of conditions, then Events and the next command.
fn render(cluster: &Cluster, reports: &Reports, style: Style, program: &str, now: Timestamp) -> String {
    let status = &cluster.status;
    let mut text = String::new();
    let mut fact = |name: &str, value: Option<&str>| {
        let shown = value
            .filter(|value| !value.is_empty())
            .map_or_else(|| style.faint("<none>"), escape::line);
        let _ = writeln!(text, "{:<12}{shown}", format!("{name}:"));
    };
    fact("Name", Some(&cluster.name()));
    fact("Namespace", Some(&cluster.namespace()));
    fact(
        "Class",
        status.class.as_deref().or_else(|| cluster.spec_text(&["class"])),
    );
    fact("Version", status.version.as_deref());
    fact(
        "Exposed",
        Some(cluster.spec_text(&["access", "expose"]).unwrap_or("ClusterIP")),
    );
    fact("Endpoint", status.endpoint.as_deref());
    if let Some(namespaces) = &status.namespaces {
        fact(
            "On host",
            Some(&format!(
                "{} (control plane), {} (workloads)",
                namespaces.system, namespaces.workloads
            )),
        );
    }
    let age = cluster
        .object
        .creation_timestamp()
        .map(|time| timespan::age(time.0, now));
    fact("Age", age.as_deref());
    text.push_str("State:\n");
    for line in progress::tree(&state::steps(cluster, Goal::Ready), style) {
        let _ = writeln!(text, "  {line}");
    }
    for (heading, list) in [
        ("Events:", &reports.cluster),
        ("Warnings of its control plane:", &reports.control_plane),
    ] {
        if !list.is_empty() {
            let _ = writeln!(text, "{heading}");
            for event in list {
                let _ = writeln!(text, "  {}", escape::line(&events::line(event, now)));
            }
        }
    }
    if status.conditions.is_empty() {
        text.push_str("Next:       is the operator running? kubectl -n warren-system get pods\n");
    }
    if cluster.is_ready() && !cluster.is_deleting() {
        let next = format!(
            "{program} connect {} -n {} -- kubectl get nodes",
            cluster.name(),
            cluster.namespace()
        );
        let _ = writeln!(text, "{:<12}{}", "Next:", escape::line(&next));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wait::events::tests::event;
    use crate::wait::state::tests::from_json;

    #[test]
    fn a_cluster_on_its_way_shows_what_it_waits_for() {
        let condition = |type_: &str, status: &str, reason: &str, message: &str| {
            json!({"type": type_, "status": status, "reason": reason, "message": message,
                "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let status = json!({
            "class": "default", "version": "v1.37.0",
            "namespaces": {"system": "wc-x-system", "workloads": "wc-x"},
            "conditions": [
                condition("CertificatesValid", "True", "Valid", ""),
                condition("DatastoreHealthy", "Unknown", "PodPending", "etcd-0 waits\nfor a volume\u{1b}[31m"),
            ],
        });
        let reports = Reports {
            cluster: vec![event("2026-01-01T00:01:00Z", "Provisioning", "2 of 7")],
            control_plane: vec![],
        };
        let now = "2026-01-01T00:03:12Z".parse().unwrap();
        let text = render(
            &from_json(&status, &json!({})),
            &reports,
            Style::default(),
            "warren",
            now,
        );
        insta::assert_snapshot!(text);
    }
}
