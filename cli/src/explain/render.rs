//! The explanation for people: one screen.

use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

use super::{Host, Seen, Stage, State, current, phase, seen_at};
use crate::output::escape;
use crate::output::style::Style;
use crate::timespan;
use crate::wait::events;

/// How many Events are shown.
const SHOWN: usize = 5;

/// Title, the sentence, the stages, what would help, the last Events.
pub(crate) fn text(seen: &Seen, stages: &[Stage], cluster: &str, style: Style, now: Timestamp) -> String {
    let metadata = &seen.pod.metadata;
    let (namespace, name) = (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    );
    let mut text = String::new();
    let title = format!("Pod {namespace}/{name} of {cluster}: {}", phase(&seen.pod));
    let _ = writeln!(text, "{}", escape::line(&title));
    let _ = writeln!(text, "{}", escape::line(&sentence(stages, now)));
    text.push('\n');
    let width = stages
        .iter()
        .map(|stage| stage.name.chars().count())
        .max()
        .unwrap_or(0);
    for stage in stages {
        let mark = match stage.state {
            State::Done => style.good("✓"),
            State::Here => style.busy("…"),
            State::Failed => style.bad("✗"),
            State::NotReached => style.faint("·"),
        };
        let line = format!("{:width$}  {}", stage.name, note(stage, now));
        let _ = writeln!(text, "  {mark} {}", escape::line(line.trim_end()));
    }
    if let Some(stage) = current(stages).filter(|stage| !stage.help.is_empty()) {
        text.push_str("\nWhat would help:\n");
        for help in &stage.help {
            let _ = writeln!(text, "  - {}", escape::line(help));
        }
    }
    let all = of_both(seen);
    if !all.is_empty() {
        text.push_str("\nLast Events:\n");
        for event in all {
            let _ = writeln!(text, "  {}", escape::line(&events::line(event, now)));
        }
    }
    if let Host::Hidden(why) = &seen.host {
        let _ = writeln!(text, "\nOnly the tenant's half: {}", escape::line(why));
    }
    text
}

/// Where it stands, in one line.
fn sentence(stages: &[Stage], now: Timestamp) -> String {
    match current(stages) {
        Some(stage) => format!("{}: {}", stage.name, note(stage, now)),
        None => stages
            .last()
            .map(|stage| format!("{}: {}", stage.name, note(stage, now)))
            .unwrap_or_default(),
    }
}

fn note(stage: &Stage, now: Timestamp) -> String {
    let since = stage.since.map(|at| match stage.state {
        State::Done => format!("{} ago", timespan::age(at, now)),
        _ => format!("since {}", timespan::age(at, now)),
    });
    let parts = [since.unwrap_or_default(), stage.message.clone()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

/// Those of the host are in the tenant as well, as far as they went up.
fn of_both(seen: &Seen) -> Vec<&Event> {
    let of_host: &[Event] = match &seen.host {
        Host::Seen(host) => &host.events,
        Host::Hidden(_) => &[],
    };
    let known = |event: &&Event| {
        let same = |other: &Event| other.reason == event.reason && other.message == event.message;
        !seen.events.iter().any(same)
    };
    let mut all: Vec<&Event> = seen.events.iter().chain(of_host.iter().filter(known)).collect();
    all.sort_by_key(|event| seen_at(event));
    all.split_off(all.len().saturating_sub(SHOWN))
}
