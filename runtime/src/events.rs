//! Events, each note told: kube's recorder counts what has the same reason about the same object, and keeps the first note
//! of it. Here each note has a recorder of its own; only a note that is repeated is counted.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, Recorder as OfOneNote, Reporter};
use parking_lot::Mutex;

use crate::limits::NOTES_COUNTED;

/// Writes Events. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    reporter: Reporter,
    by_note: Arc<Mutex<HashMap<String, OfOneNote>>>,
}

impl Recorder {
    /// Events appear as written by `reporter`.
    pub fn new(client: Client, reporter: Reporter) -> Self {
        Self {
            client,
            reporter,
            by_note: Arc::default(),
        }
    }

    /// Writes an Event about an object, or counts one more of it.
    ///
    /// # Errors
    /// When the API refuses it.
    pub async fn publish(&self, event: &Event, about: &ObjectReference) -> kube::Result<()> {
        self.of(event).publish(event, about).await
    }

    fn of(&self, event: &Event) -> OfOneNote {
        let mut by_note = self.by_note.lock();
        if by_note.len() >= NOTES_COUNTED {
            by_note.clear();
        }
        let new = || OfOneNote::new(self.client.clone(), self.reporter.clone());
        by_note
            .entry(event.note.clone().unwrap_or_default())
            .or_insert_with(new)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use kube::client::Body;
    use kube::runtime::events::EventType;

    use super::*;

    #[tokio::test]
    async fn each_note_is_an_event_and_the_same_one_again_is_counted() {
        let methods: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, count) = (Arc::clone(&methods), Arc::new(AtomicUsize::new(0)));
        let service = tower::service_fn(move |request: Request<Body>| {
            log.lock().push(request.method().to_string());
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                let metadata = serde_json::json!({ "name": format!("e{number}"), "namespace": "ns" });
                let event = serde_json::json!({ "metadata": metadata, "eventTime": null, "regarding": {} });
                Response::builder().body(Body::from(event.to_string().into_bytes()))
            }
        });
        let reporter = Reporter {
            controller: "test".to_owned(),
            instance: None,
        };
        let recorder = Recorder::new(Client::new(service, "ns"), reporter);
        let about = ObjectReference {
            kind: Some("Pod".to_owned()),
            name: Some("web".to_owned()),
            namespace: Some("ns".to_owned()),
            ..ObjectReference::default()
        };
        for note in ["the first", "the second", "the first"] {
            let event = Event {
                type_: EventType::Warning,
                reason: "Same".to_owned(),
                note: Some(note.to_owned()),
                action: "Sync".to_owned(),
                secondary: None,
            };
            recorder.publish(&event, &about).await.unwrap();
        }
        assert_eq!(*methods.lock(), ["POST", "POST", "PATCH"]);
    }
}
