//! Pods that have ended, or are about to go.

use super::help;
use super::{Host, Seen, Stage, State, phase};

const ENDED: &str = "Ended";
const GONE: &str = "Gone";

/// Adds the end, if there is one: it is where the Pod stands, whatever came before.
pub(super) fn apply(seen: &Seen, stages: &mut Vec<Stage>) {
    let end = going(seen).or_else(|| ended(seen));
    if let Some(end) = end {
        for stage in stages.iter_mut().filter(|stage| stage.state != State::Done) {
            *stage = Stage::not_reached(stage.name);
        }
        stages.push(end);
    }
}

fn ended(seen: &Seen) -> Option<Stage> {
    let status = seen.pod.status.as_ref()?;
    let containers = status.container_statuses.iter().flatten();
    let last = containers
        .filter_map(|container| {
            container
                .state
                .as_ref()?
                .terminated
                .as_ref()?
                .finished_at
                .as_ref()
        })
        .map(|time| time.0)
        .max();
    match phase(&seen.pod) {
        "Succeeded" => Some(Stage::done(ENDED, last, "every container ended well")),
        "Failed" => {
            let reason = status.reason.as_deref().unwrap_or_default();
            let message = status.message.as_deref().unwrap_or_default();
            let said = match (reason.is_empty(), message.is_empty()) {
                (false, false) => format!("{reason}: {message}"),
                (true, true) => failed_containers(seen),
                _ => format!("{reason}{message}"),
            };
            Some(Stage::failed(ENDED, last, said).help(help::failure(reason)))
        }
        _ => None,
    }
}

fn failed_containers(seen: &Seen) -> String {
    let statuses = seen
        .pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let ended = statuses.filter_map(|container| {
        let ended = container.state.as_ref()?.terminated.as_ref()?;
        (ended.exit_code != 0).then(|| {
            format!(
                "container {} ended with exit code {}",
                container.name, ended.exit_code
            )
        })
    });
    ended.collect::<Vec<_>>().join("; ")
}

fn going(seen: &Seen) -> Option<Stage> {
    let metadata = &seen.pod.metadata;
    let asked = metadata.deletion_timestamp.as_ref()?.0;
    let grace = metadata.deletion_grace_period_seconds.unwrap_or_default();
    let finalizers = metadata.finalizers.clone().unwrap_or_default();
    let on_host = matches!(&seen.host, Host::Seen(host) if host.pod.is_some());
    let hidden = matches!(seen.host, Host::Hidden(_));
    let mut help = Vec::new();
    let text = if on_host || (hidden && phase(&seen.pod) == "Running") {
        help.push("it goes when its containers have ended".to_owned());
        format!("its containers have {grace} s to end")
    } else if finalizers.is_empty() {
        format!("it is being deleted, with {grace} s for its containers to end")
    } else {
        let names: Vec<&str> = finalizers.iter().map(String::as_str).collect();
        help.push(format!("whoever set {} must take it off", help::quoted(&names)));
        format!("nothing of it runs; finalizers keep it: {}", names.join(", "))
    };
    Some(Stage::here(GONE, Some(asked), text).help(help))
}
