//! A Pod's containers on their node: images, starts, ends, readiness.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};

use super::{Seen, Stage, condition, last, message, phase, seen_at, since, text};
use super::{devices, help};

const STARTED: &str = "Started by the kubelet";
const READY: &str = "Ready";
/// Why a container of a Pod that has just come waits: nothing is wrong.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// What a kubelet says of volumes and networks that it cannot set up.
const SETUP: [&str; 4] = [
    "FailedMount",
    "FailedAttachVolume",
    "FailedCreatePodSandBox",
    "FailedMapVolume",
];

/// Both stages.
pub(super) fn stages(seen: &Seen) -> [Stage; 2] {
    [started(seen), ready(seen)]
}

fn started(seen: &Seen) -> Stage {
    let status = seen.pod.status.clone().unwrap_or_default();
    let at = status.start_time.as_ref().map(|time| time.0);
    let init = status.init_container_statuses.unwrap_or_default();
    let main = status.container_statuses.unwrap_or_default();
    let waits = init
        .iter()
        .chain(&main)
        .find_map(|container| waiting(seen, container, at));
    if let Some(stage) = waits {
        return stage;
    }
    let is_over = |container: &ContainerStatus| {
        let terminated = container
            .state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        terminated.is_some_and(|ended| ended.exit_code == 0) || container.ready
    };
    if let Some(running) = init.iter().find(|container| !is_over(container)) {
        let done = init.iter().filter(|container| is_over(container)).count();
        let text = format!(
            "init container {} runs ({done} of {} are through)",
            running.name,
            init.len()
        );
        return Stage::here(STARTED, at, text).help([format!(
            "see what it does: kubectl logs {} -c {}",
            help::POD,
            running.name
        )]);
    }
    if let Some(said) = last(&seen.events, &SETUP).filter(|_| main.is_empty()) {
        return Stage::here(STARTED, seen_at(said), text(said)).help(help::setup(said.reason.as_deref()));
    }
    if main.is_empty() && phase(&seen.pod) == "Pending" {
        return Stage::here(STARTED, at, "the kubelet has not said anything yet");
    }
    let started = Stage::done(STARTED, at, devices::held(&seen.pod, &seen.claimed));
    if devices::broken(&seen.pod) {
        return started.help([help::DEVICE.to_owned()]);
    }
    started
}

/// What a container waits for, if it does.
fn waiting(seen: &Seen, container: &ContainerStatus, at: Option<Timestamp>) -> Option<Stage> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let name = &container.name;
    if ON_ITS_WAY.contains(&reason) {
        // It waits for something that only Events name.
        let said = last(&seen.events, &SETUP);
        let text = said.map_or_else(|| format!("container {name} is being made"), text);
        let help = said
            .map(|said| help::setup(said.reason.as_deref()))
            .unwrap_or_default();
        return Some(Stage::here(STARTED, said.and_then(seen_at).or(at), text).help(help));
    }
    let mut text = format!("container {name}: {reason}");
    if let Some(ended) = container
        .last_state
        .as_ref()
        .and_then(|last| last.terminated.as_ref())
    {
        text = format!(
            "{text}, restarted {} times; {}",
            container.restart_count,
            how(ended)
        );
    } else if let Some(message) = waiting.message.as_deref().filter(|message| !message.is_empty()) {
        text = format!("{text}: {message}");
    }
    Some(Stage::here(STARTED, at, text).help(help::container(reason, name, container.restart_count)))
}

fn how(ended: &ContainerStateTerminated) -> String {
    let reason = ended.reason.as_deref().unwrap_or_default();
    match (reason, ended.exit_code) {
        ("OOMKilled", _) => "the last time it used more memory than its limit".to_owned(),
        ("" | "Error" | "Completed", code) => format!("the last time it ended with exit code {code}"),
        (reason, code) => format!("the last time it ended with {reason}, exit code {code}"),
    }
}

fn ready(seen: &Seen) -> Stage {
    let pod = &seen.pod;
    let Some(ready) = condition(pod, "Ready") else {
        return Stage::not_reached(READY);
    };
    if ready.status == "True" {
        return lost(seen).unwrap_or_else(|| Stage::done(READY, since(ready), ""));
    }
    if let Some(lost) = lost(seen) {
        return lost;
    }
    let reason = ready.reason.as_deref().unwrap_or_default();
    let probe = last(&seen.events, &["Unhealthy"]).filter(|_| reason == "ContainersNotReady");
    let said = match probe {
        Some(probe) => text(probe),
        None => message(ready),
    };
    Stage::here(READY, since(ready), said).help(help::readiness(reason, probe.is_some()))
}

/// The Pod's node does not answer.
fn lost(seen: &Seen) -> Option<Stage> {
    let conditions = seen.node.as_ref()?.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready")?;
    if ready.status == "True" {
        return None;
    }
    let at = ready.last_transition_time.as_ref().map(|time| time.0);
    let node = seen.node.as_ref()?.metadata.name.as_deref().unwrap_or_default();
    let why = ready.reason.as_deref().unwrap_or("it is not ready");
    let text = format!("node {node} does not answer ({why}): what is said of the Pod may be old");
    let help =
        "wait for the node, or delete the Pod so that its controller makes another elsewhere".to_owned();
    Some(Stage::here(READY, at, text).help([help]))
}
