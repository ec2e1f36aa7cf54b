//! What to tell when waiting ended without reaching its goal. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use warren_crds::virtual_cluster::conditions;

use super::Target;
use super::events::{self, Reports};
use super::state::{self, Goal, Mark, Step};
use crate::cluster::Cluster;
use crate::exit::{Code, Failure};
use crate::host::Host;
use crate::output::escape;
use crate::timespan;

/// The failure for a timeout: what is not true yet and why, the last Events, the next command.
pub(crate) fn timed_out(
    host: &Host,
    target: &Target,
    last: Option<&Cluster>,
    reports: &Reports,
    now: Timestamp,
) -> Failure {
    let steps = last
        .map(|cluster| state::steps(cluster, target.goal))
        .unwrap_or_default();
    let text = text(
        &format!("{}/{}", host.namespace, target.name),
        target,
        &steps,
        reports,
        now,
    );
    let mut failure = Failure::new(Code::Timeout, text);
    for hint in next(host.program, &host.namespace, target, last, &steps) {
        failure = failure.hint(hint);
    }
    failure
}

/// The failure for a spec that the operator refuses: its words say what to do.
pub(crate) fn refused(host: &Host, target: &Target, last: Option<&Cluster>) -> Failure {
    let steps = last
        .map(|cluster| state::steps(cluster, target.goal))
        .unwrap_or_default();
    let why = steps.last().map(Step::why).unwrap_or_default();
    let Host {
        program, namespace, ..
    } = host;
    Failure::new(
        Code::NotReady,
        format!("{namespace}/{} cannot become ready: {why}", target.name),
    )
    .hint("it starts by itself once that is changed")
    .hint(format!(
        "or remove it: {program} delete {} -n {namespace}",
        target.name
    ))
}

/// The failure for Ctrl-C: nothing was undone.
pub(crate) fn interrupted(host: &Host, target: &Target) -> Failure {
    let Host {
        program, namespace, ..
    } = host;
    let name = &target.name;
    match target.goal {
        Goal::Ready => Failure::new(
            Code::Interrupted,
            format!("stopped waiting; {namespace}/{name} goes on by itself"),
        )
        .hint(format!("see how far it is: {program} get {name} -n {namespace}"))
        .hint(format!("or remove it: {program} delete {name} -n {namespace}")),
        Goal::Gone => Failure::new(
            Code::Interrupted,
            format!("stopped waiting; the deletion of {namespace}/{name} goes on"),
        )
        .hint(format!("see how far it is: {program} get {name} -n {namespace}")),
    }
}

fn text(key: &str, target: &Target, steps: &[Step], reports: &Reports, now: Timestamp) -> String {
    let state = match target.goal {
        Goal::Ready => "not ready",
        Goal::Gone => "still there",
    };
    let mut lines = vec![format!(
        "{key} is {state} after {}",
        timespan::human(target.limit)
    )];
    let unfinished = steps
        .iter()
        .filter(|step| matches!(step.mark, Mark::Waiting | Mark::Failed) && !step.why().is_empty());
    lines.extend(
        unfinished.map(|step| format!("  {}: {}", escape::line(&step.part), escape::line(&step.why()))),
    );
    if steps.iter().all(|step| step.mark == Mark::Unreported) {
        lines.push("  the operator has not reported anything about it".to_owned());
    }
    add_events(&mut lines, "last events:", &reports.cluster, now);
    add_events(
        &mut lines,
        "last warnings of its control plane:",
        &reports.control_plane,
        now,
    );
    lines.join("\n")
}

fn add_events(lines: &mut Vec<String>, heading: &str, events: &[Event], now: Timestamp) {
    if !events.is_empty() {
        lines.push(heading.to_owned());
        lines.extend(
            events
                .iter()
                .map(|event| format!("  {}", escape::line(&events::line(event, now)))),
        );
    }
}

/// The commands that show more about what is missing.
fn next(
    program: &str,
    namespace: &str,
    target: &Target,
    last: Option<&Cluster>,
    steps: &[Step],
) -> Vec<String> {
    if steps.iter().all(|step| step.mark == Mark::Unreported) {
        return vec!["is the operator running? kubectl -n warren-system get pods".to_owned()];
    }
    let mut hints = Vec::new();
    let missing = |part: &str| {
        steps
            .iter()
            .any(|step| step.part == part && step.mark != Mark::Done)
    };
    let system = last
        .and_then(|cluster| cluster.status.namespaces.as_ref())
        .map(|namespaces| &namespaces.system);
    let parts = [
        conditions::DATASTORE_HEALTHY,
        conditions::CONTROL_PLANE_AVAILABLE,
        conditions::SYNC_HEALTHY,
        conditions::NODES_READY,
        conditions::DELETING,
    ];
    if let Some(system) = system
        && parts.into_iter().any(missing)
    {
        hints.push(format!("kubectl -n {system} get pods"));
    }
    hints.push(format!(
        "follow it: {program} get {} -n {namespace} -o wide",
        target.name
    ));
    hints
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::wait::events::tests::event;
    use crate::wait::state::tests::{cluster, from_json};

    // `from_mins` is newer than the oldest Rust supported.
    const LIMIT: Duration = Duration::from_secs(301);

    fn target(goal: Goal) -> Target {
        Target {
            name: "ci-42".to_owned(),
            uid: None,
            goal,
            limit: LIMIT,
        }
    }

    fn render(cluster: &Cluster, goal: Goal, reports: &Reports) -> String {
        let (target, steps) = (target(goal), state::steps(cluster, goal));
        let now = "2026-01-01T00:05:00Z".parse().unwrap();
        let text = text("demo/ci-42", &target, &steps, reports, now);
        let hints = next("warren", "demo", &target, Some(cluster), &steps);
        format!("{text}\n--\n{}", hints.join("\n"))
    }

    #[test]
    fn a_timeout_names_what_is_missing_and_the_next_command() {
        let mut cluster = cluster(&[
            ("CertificatesValid", "True", "Valid", "", 2),
            (
                "DatastoreHealthy",
                "Unknown",
                "PodPending",
                "etcd-0 waits for a volume",
                2,
            ),
            ("Ready", "Unknown", "WaitingForDatastore", "", 2),
        ]);
        cluster.status.namespaces =
            serde_json::from_value(json!({"system": "wc-x-system", "workloads": "wc-x"})).unwrap();
        let reports = Reports {
            cluster: vec![],
            control_plane: vec![event(
                "2026-01-01T00:04:00Z",
                "FailedScheduling",
                "0/2 nodes: no volume",
            )],
        };
        insta::assert_snapshot!(render(&cluster, Goal::Ready, &reports));
    }

    #[test]
    fn silence_points_to_the_operator() {
        let new = from_json(&json!({}), &json!({}));
        insta::assert_snapshot!(render(&new, Goal::Ready, &Reports::default()));
    }

    #[test]
    fn a_stuck_deletion_names_its_blocker() {
        let status = json!({
            "namespaces": {"system": "wc-x-system", "workloads": "wc-x"},
            "conditions": [{"type": "Deleting", "status": "True", "reason": "WaitingForPods",
                "message": "Pod web-0 has finalizer example.com/x", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        });
        let deleting = from_json(&status, &json!({"deletionTimestamp": "2026-01-01T00:01:00Z"}));
        insta::assert_snapshot!(render(&deleting, Goal::Gone, &Reports::default()));
    }
}
