//! Events in the tenant, written beside the work and never in its way.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Reporter};
use tokio::sync::mpsc;
use warren_runtime::act;
use warren_runtime::events::Recorder;
use warren_runtime::log::Chain;
use warren_runtime::metrics::{ByReason, Metrics};

/// The reporting controller that users see.
pub const REPORTER: &str = "warren-vkubelet";
/// Events that wait to be written; more are dropped and counted.
const WAITING: usize = 256;
/// Longest note the API takes, in bytes.
const NOTE_MAX: usize = 1000;

/// Where Events go. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::Sender<(Event, ObjectReference)>,
    metrics: Metrics,
}

impl Events {
    /// Starts the task that writes them into the tenant; it ends when the last clone is dropped.
    pub fn spawn(tenant: Client, instance: String, metrics: Metrics) -> Self {
        let (sender, mut receiver) = mpsc::channel::<(Event, ObjectReference)>(WAITING);
        let reporter = Reporter {
            controller: REPORTER.to_owned(),
            instance: Some(instance),
        };
        let recorder = Recorder::new(tenant, reporter);
        tokio::spawn(async move {
            while let Some((event, about)) = receiver.recv().await {
                let what = format!("write Event {}", event.reason);
                if let Err(error) = act::call(what, recorder.publish(&event, &about)).await {
                    tracing::warn!(error = %Chain(&error), "event not written");
                }
            }
        });
        Self { sender, metrics }
    }

    /// Something the user should look at.
    pub fn warn(&self, about: &ObjectReference, reason: &str, action: &str, note: &str) {
        self.send(EventType::Warning, about, reason, action, note);
    }

    /// Something worth knowing.
    pub fn tell(&self, about: &ObjectReference, reason: &str, action: &str, note: &str) {
        self.send(EventType::Normal, about, reason, action, note);
    }

    fn send(&self, type_: EventType, about: &ObjectReference, reason: &str, action: &str, note: &str) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: action.to_owned(),
            secondary: None,
        };
        if self.sender.try_send((event, about.clone())).is_err() {
            let labels = ByReason {
                controller: "events",
                reason: "QueueFull",
            };
            self.metrics.limits_reached.get_or_create(&labels).inc();
        }
    }
}

fn shortened(note: &str) -> String {
    if note.len() <= NOTE_MAX {
        return note.to_owned();
    }
    let mut end = NOTE_MAX - '…'.len_utf8();
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", note.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let cut = shortened(&"ä".repeat(800));
        assert!(cut.len() <= NOTE_MAX && cut.ends_with('…'));
    }
}
