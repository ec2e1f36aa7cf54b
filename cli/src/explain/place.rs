//! Who finds a node for a Pod, and what they say.

use warren_translate::kinds::pod::{SCHEDULED, words};

use super::help;
use super::{Host, Seen, Stage, condition, created, last, message, node_name, phase, seen_at, since, text};

const BY_TENANT: &str = "Placed by the tenant's scheduler";
const BY_HOST: &str = "Placed by the host's scheduler";
/// `schedulerName` of Pods that name none.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// The tenant's own scheduler.
pub(super) fn by_tenant(seen: &Seen) -> Stage {
    let pod = &seen.pod;
    let said = condition(pod, SCHEDULED);
    if let Some(node) = node_name(pod) {
        return Stage::done(BY_TENANT, said.and_then(since), format!("on {node}"));
    }
    if let Some(gates) = gates(seen, BY_TENANT) {
        return gates;
    }
    if let Some(said) = said.filter(|said| said.status == "False") {
        let text = message(said);
        let help = help::scheduling(&text);
        return Stage::here(BY_TENANT, since(said), text).help(help);
    }
    let scheduler = scheduler(seen);
    let stage = Stage::here(
        BY_TENANT,
        created(pod),
        format!("scheduler '{scheduler}' has not looked at it yet"),
    );
    if scheduler == DEFAULT_SCHEDULER {
        return stage;
    }
    stage.help([format!(
        "check that '{scheduler}' runs in the tenant, or leave `spec.schedulerName` out"
    )])
}

/// The host's, which has the last word on every node.
pub(super) fn by_host(seen: &Seen) -> Stage {
    let pod = &seen.pod;
    if seen.placed_by_host && node_name(pod).is_none() {
        if let Some(gates) = gates(seen, BY_HOST) {
            return gates;
        }
        let scheduler = scheduler(seen);
        if let Some(said) = condition(pod, SCHEDULED).filter(|said| said.status == "False") {
            let text = message(said);
            let help = help::scheduling(&text);
            return Stage::here(BY_HOST, since(said), text).help(help);
        }
        let told = last(&seen.events, &[words::FAILED_SCHEDULING]);
        let at = told.and_then(seen_at).or_else(|| created(pod));
        let text = told.map_or_else(
            || format!("it is for '{scheduler}', which has not placed it yet"),
            text,
        );
        return Stage::here(BY_HOST, at, text);
    }
    let Host::Seen(host) = &seen.host else {
        let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
        return match (started, seen.placed_by_host, node_name(pod)) {
            (Some(started), ..) => Stage::done(BY_HOST, Some(started.0), ""),
            (None, true, Some(node)) => {
                let at = condition(pod, SCHEDULED).and_then(since);
                Stage::done(BY_HOST, at, format!("on {node}"))
            }
            _ => match last(&seen.events, &[words::WAITS_FOR_HOST]) {
                Some(told) => {
                    let text = text(told);
                    let help = help::scheduling(&text);
                    Stage::here(BY_HOST, seen_at(told), text).help(help)
                }
                None => Stage::here(BY_HOST, created(pod), "the host has not started it yet"),
            },
        };
    };
    let Some(on_host) = &host.pod else {
        return match phase(pod) {
            "Pending" => Stage::not_reached(BY_HOST),
            _ => Stage::done(BY_HOST, None, ""),
        };
    };
    let said = condition(on_host, SCHEDULED);
    if let Some(node) = node_name(on_host) {
        return Stage::done(BY_HOST, said.and_then(since), format!("on {node}"));
    }
    let nominated = on_host
        .status
        .as_ref()
        .and_then(|status| status.nominated_node_name.as_ref());
    if nominated.is_some() {
        return Stage::here(
            BY_HOST,
            said.and_then(since),
            "others of lower priority make room for it",
        );
    }
    let words = said
        .filter(|said| said.status == "False")
        .map(message)
        .unwrap_or_default();
    if words.is_empty() {
        return Stage::here(
            BY_HOST,
            created(on_host),
            "the host's scheduler has not looked at it yet",
        );
    }
    let help = help::scheduling(&words);
    Stage::here(BY_HOST, said.and_then(since), words).help(help)
}

/// Gates in the tenant keep every scheduler away.
fn gates(seen: &Seen, stage: &'static str) -> Option<Stage> {
    let gates = seen.pod.spec.as_ref()?.scheduling_gates.as_ref()?;
    let names: Vec<&str> = gates.iter().map(|gate| gate.name.as_str()).collect();
    let help = format!(
        "whoever set {} takes it out of `spec.schedulingGates` when the Pod may run",
        help::quoted(&names)
    );
    (!names.is_empty()).then(|| {
        let text = format!("held back by `spec.schedulingGates`: {}", names.join(", "));
        Stage::here(stage, created(&seen.pod), text).help([help])
    })
}

fn scheduler(seen: &Seen) -> &str {
    let named = seen
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduler_name.as_deref());
    named.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_SCHEDULER)
}
