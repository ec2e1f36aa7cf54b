//! Pure: how a component is, from its Pods on the host.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// How far the best Pod of a component is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is no Pod, or only ones on their way out.
    #[default]
    Absent,
    /// It waits: for a node, an image, a volume.
    Waiting,
    /// Some container runs.
    Begun,
    /// All containers run.
    Running,
    /// Its probes succeed.
    Ready,
}

/// How a component is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How far its best Pod is.
    pub level: Level,
    /// Ready Pods.
    pub ready_pods: i32,
    /// Why it does not run, in the host's words, if the host says so.
    pub problem: Option<String>,
}

/// Reads the state of a component from its Pods.
pub fn state<'a>(pods: impl Iterator<Item = &'a Pod>) -> State {
    let mut state = State::default();
    for pod in pods.filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let level = level(pod);
        state.level = state.level.max(level);
        state.ready_pods += i32::from(level == Level::Ready);
        state.problem = state.problem.or_else(|| problem(pod));
    }
    if state.level == Level::Ready {
        state.problem = None;
    }
    state
}

fn level(pod: &Pod) -> Level {
    if is_ready(pod) {
        Level::Ready
    } else if is_running(pod) {
        Level::Running
    } else if containers(pod).any(runs) {
        Level::Begun
    } else {
        Level::Waiting
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Sidecars as well: kube-apiserver is one.
fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| {
        let sidecars = status.init_container_statuses.iter().flatten();
        sidecars.chain(status.container_statuses.iter().flatten())
    })
}

fn runs(container: &ContainerStatus) -> bool {
    container
        .state
        .as_ref()
        .is_some_and(|state| state.running.is_some())
}

fn is_running(pod: &Pod) -> bool {
    let mut statuses = containers(pod).peekable();
    statuses.peek().is_some() && statuses.all(runs)
}

/// The first thing that the host says is wrong: not scheduled, image not there, crashing.
fn problem(pod: &Pod) -> Option<String> {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let unscheduled = conditions
        .into_iter()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.clone().unwrap_or_default();
        return Some(format!("its Pod is not scheduled: {}", first_line(&message)));
    }
    containers(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting
            .reason
            .as_deref()
            .filter(|r| !matches!(*r, "ContainerCreating" | "PodInitializing"))?;
        let ended = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
        let last_words = ended
            .and_then(|t| t.message.as_deref())
            .and_then(|m| m.trim().lines().last());
        let detail = last_words.or(waiting.message.as_deref()).unwrap_or_default();
        Some(format!("{}: {reason}: {}", container.name, first_line(detail)))
    })
}

fn first_line(text: &str) -> String {
    /// Characters of a foreign message that go into a condition.
    const MOST: usize = 200;
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: &serde_json::Value) -> Pod {
        serde_json::from_value(
            json!({ "metadata": { "name": "a" }, "spec": { "containers": [] }, "status": status }),
        )
        .unwrap()
    }

    fn container(state: &serde_json::Value) -> serde_json::Value {
        json!({ "name": "etcd", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state })
    }

    #[test]
    fn tells_what_the_host_says() {
        let crashing = pod(&json!({ "containerStatuses": [
            { "name": "etcd", "image": "", "imageID": "", "ready": false, "restartCount": 3,
              "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } },
              "lastState": { "terminated": { "exitCode": 1, "message": "starting\npanic: no disk\n" } } },
        ]}));
        assert_eq!(
            state([&crashing].into_iter()).problem.unwrap(),
            "etcd: CrashLoopBackOff: panic: no disk"
        );

        let pending = pod(&json!({ "conditions": [
            { "type": "PodScheduled", "status": "False", "message": "0/2 nodes are available" },
        ]}));
        let pending = state([&pending].into_iter());
        assert_eq!(
            pending.problem.unwrap(),
            "its Pod is not scheduled: 0/2 nodes are available"
        );
        assert_eq!(pending.level, Level::Waiting);

        let creating = pod(
            &json!({ "containerStatuses": [container(&json!({ "waiting": { "reason": "ContainerCreating" } }))] }),
        );
        assert_eq!(state([&creating].into_iter()).problem, None);
        let running = pod(&json!({ "containerStatuses": [container(&json!({ "running": {} }))] }));
        assert_eq!(state([&running].into_iter()).level, Level::Running);
    }

    #[test]
    fn one_ready_pod_is_enough_and_terminating_ones_do_not_count() {
        let ready = pod(&json!({ "conditions": [{ "type": "Ready", "status": "True" }] }));
        let mut leaving = ready.clone();
        leaving.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            jiff::Timestamp::UNIX_EPOCH,
        ));
        assert_eq!(state([&leaving].into_iter()), State::default());
        assert_eq!(state([&leaving, &ready].into_iter()).ready_pods, 1);
    }
}
