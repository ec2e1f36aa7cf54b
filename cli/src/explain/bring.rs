//! A Pod on its way to the host: whether it is accepted, and whether what it names is there.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ResourceQuota;
use warren_crds::keys;
use warren_translate::kinds::pod::{OwnCondition, words};

use super::help;
use super::{
    Host, Missing, Seen, Stage, condition, created, last, message, node_name, phase, seen_at, since, text,
};

const NAMED: &str = "What it names is there";
const ON_HOST: &str = "Accepted by the host";

/// Both stages.
pub(super) fn stages(seen: &Seen) -> [Stage; 2] {
    [named(seen), on_host(seen)]
}

/// ConfigMaps, Secrets and claims.
fn named(seen: &Seen) -> Stage {
    let pod = &seen.pod;
    // One that has started had everything.
    let runs = phase(pod) != "Pending";
    if let Some(told) = last(&seen.events, &[words::FAILED_DEPENDENCY])
        && !runs
        && started(seen).is_none()
    {
        let help = "change what is named, if it is yours; else ask who runs the host".to_owned();
        return Stage::here(NAMED, seen_at(told), text(told)).help([help]);
    }
    // A claim may wait for its Pod's node: then whoever finds one says so.
    let can_wait = |missing: &&Missing| missing.is_unbound && node_name(pod).is_none();
    let missing: Vec<&Missing> = seen.missing.iter().filter(|missing| !can_wait(missing)).collect();
    if missing.is_empty() || runs {
        return Stage::done(NAMED, None, "");
    }
    let of = |is_unbound: bool| {
        let all = missing.iter().filter(|missing| missing.is_unbound == is_unbound);
        all.map(|missing| missing.what.as_str()).collect::<Vec<_>>()
    };
    let (absent, unbound) = (of(false), of(true));
    let mut said = Vec::new();
    let mut helps = Vec::new();
    if !absent.is_empty() {
        said.push(format!("{} not there", is_or_are(&absent)));
        helps.push(format!(
            "create {} in the Pod's namespace, or mark what may be missing as `optional`",
            absent.join(", ")
        ));
    }
    if !unbound.is_empty() {
        said.push(format!("{} without a volume", is_or_are(&unbound)));
        helps.push("see why: kubectl describe pvc".to_owned());
    }
    Stage::here(NAMED, created(pod), said.join("; ")).help(helps)
}

fn is_or_are(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

/// Translation, the host's admission, its quota.
fn on_host(seen: &Seen) -> Stage {
    let pod = &seen.pod;
    if let Some(synced) = condition(pod, OwnCondition::SYNCED).filter(|synced| synced.status == "False")
        && started(seen).is_none()
    {
        let reason = synced.reason.as_deref().unwrap_or_default();
        let stage = match reason {
            words::EXCEEDED_QUOTA => Stage::here(ON_HOST, since(synced), message(synced)),
            _ => Stage::failed(ON_HOST, since(synced), message(synced)),
        };
        return stage.help(help::refusal(reason)).help(full(seen, reason));
    }
    if let Some(started) = started(seen) {
        return Stage::done(ON_HOST, started.at, "");
    }
    let stage = Stage::here(ON_HOST, created(pod), "it is not on the host yet");
    stage.help(silent(seen))
}

/// It is on the host.
struct Started {
    /// Since when, if that is known.
    at: Option<Timestamp>,
}

/// `None` if it is not on the host.
fn started(seen: &Seen) -> Option<Started> {
    let annotations = seen.pod.metadata.annotations.as_ref();
    let marker = annotations.and_then(|annotations| annotations.get(keys::STARTED));
    let marker = marker.map(|marker| Started {
        at: marker.parse().ok(),
    });
    match &seen.host {
        Host::Hidden(_) => marker,
        Host::Seen(host) => match &host.pod {
            Some(on_host) => Some(Started { at: created(on_host) }),
            None => marker.filter(|_| phase(&seen.pod) != "Pending"),
        },
    }
}

/// Agents without which nothing moves.
fn silent(seen: &Seen) -> Vec<String> {
    let Host::Seen(host) = &seen.host else {
        return Vec::new();
    };
    let help = host.silent.iter().map(|(agent, at)| {
        format!("the cluster's {agent} was last heard of at {at}: ask who runs the host to look at its Pods")
    });
    help.collect()
}

/// What is full, where the caller may see it.
fn full(seen: &Seen, reason: &str) -> Vec<String> {
    let Host::Seen(host) = &seen.host else {
        return Vec::new();
    };
    if reason != words::EXCEEDED_QUOTA {
        return Vec::new();
    }
    host.quotas.iter().flat_map(of_quota).collect()
}

fn of_quota(quota: &ResourceQuota) -> Vec<String> {
    let status = quota.status.clone().unwrap_or_default();
    let used = status.used.unwrap_or_default();
    let lines = status.hard.iter().flatten().filter_map(|(resource, hard)| {
        let used = used.get(resource)?;
        Some(format!("quota of {resource}: {} of {} in use", used.0, hard.0))
    });
    lines.collect()
}
