//! Events on tenant objects: each thing is said once, in the background, and never holds up a round.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::api::ObjectMeta;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_runtime::metrics::{ByReason, Metrics};

use crate::key::{Key, Kind};

/// Events that are being written at once; more are dropped and counted.
const CONCURRENT: usize = 16;
/// Things remembered as said; beyond, everything may be said once more.
const REMEMBERED: usize = 20_000;
/// The API refuses longer notes.
const NOTE_BYTES: usize = 1000;

/// Writes Events in the tenant.
pub struct Teller {
    tenant: Client,
    reporter: Reporter,
    told: Mutex<HashMap<Key, HashSet<String>>>,
    permits: Arc<Semaphore>,
    metrics: Metrics,
}

impl Teller {
    /// Events appear as written by `warren-syncer`.
    pub fn new(tenant: Client, instance: String, metrics: Metrics) -> Self {
        let reporter = Reporter {
            controller: "warren-syncer".to_owned(),
            instance: Some(instance),
        };
        Self {
            reporter,
            tenant,
            told: Mutex::default(),
            permits: Arc::new(Semaphore::new(CONCURRENT)),
            metrics,
        }
    }

    /// A Warning on the object `about`; the same note on the same key is written once.
    pub fn warn(&self, key: &Key, about: ObjectReference, reason: &str, note: &str) {
        self.say(
            self.reporter.clone(),
            key,
            about,
            EventType::Warning,
            reason,
            note,
        );
    }

    /// As [`Self::warn`], for what is no fault.
    pub fn inform(&self, key: &Key, about: ObjectReference, reason: &str, note: &str) {
        self.say(self.reporter.clone(), key, about, EventType::Normal, reason, note);
    }

    /// As [`Self::warn`], said by the kubelet of `node`: for what a kubelet says of its Pods.
    pub fn warn_as_kubelet(
        &self,
        node: &str,
        key: &Key,
        about: ObjectReference,
        reason: &str,
        message: &str,
    ) {
        let reporter = Reporter {
            controller: "kubelet".to_owned(),
            instance: Some(node.to_owned()),
        };
        self.say(reporter, key, about, EventType::Warning, reason, message);
    }

    fn say(
        &self,
        reporter: Reporter,
        key: &Key,
        about: ObjectReference,
        type_: EventType,
        reason: &str,
        note: &str,
    ) {
        if !self.is_new(key, &about, reason, note) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            let labels = ByReason {
                controller: "events",
                reason: "TooMany",
            };
            self.metrics.limits_reached.get_or_create(&labels).inc();
            return;
        };
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: "Syncing".to_owned(),
            secondary: None,
        };
        // A recorder counts what has the same reason, and keeps the first note of it: each note has a recorder of its own.
        let recorder = Recorder::new(self.tenant.clone(), reporter);
        tokio::spawn(async move {
            let written = act::call("write an Event", recorder.publish(&event, &about)).await;
            if let Err(error) = written {
                tracing::warn!(reason = event.reason, error = %Chain(&error), "event not written");
            }
            drop(permit);
        });
    }

    /// The object is gone: a successor is told anew.
    pub fn forget(&self, key: &Key) {
        self.told.lock().remove(key);
    }

    fn is_new(&self, key: &Key, about: &ObjectReference, reason: &str, note: &str) -> bool {
        let uid = about.uid.as_deref().unwrap_or_default();
        let mut told = self.told.lock();
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.entry(key.clone())
            .or_default()
            .insert(format!("{uid} {reason} {note}"))
    }
}

/// The reference of the tenant object with this metadata, for an Event.
pub fn about(kind: Kind, tenant: &ObjectMeta) -> ObjectReference {
    let (api_version, kind) = match kind {
        Kind::FixedService | Kind::Service | Kind::ImportedService | Kind::ExportedService => {
            ("v1", "Service")
        }
        Kind::ConfigMap | Kind::MappedConfigMap => ("v1", "ConfigMap"),
        Kind::Secret | Kind::MappedSecret => ("v1", "Secret"),
        Kind::Token | Kind::PodCertificate => ("v1", "Pod"),
        // None of these is one object of the tenant's, or of a kind that is known here.
        Kind::ServiceEnvironment
        | Kind::TrustBundle
        | Kind::SharedPolicy
        | Kind::Definition
        | Kind::Custom => ("v1", "Namespace"),
        Kind::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
        Kind::Claim => ("v1", "PersistentVolumeClaim"),
        Kind::Volume => ("v1", "PersistentVolume"),
        Kind::StorageClass | Kind::CsiDriver | Kind::CsiNode | Kind::CsiStorageCapacity => {
            ("storage.k8s.io/v1", kind.as_str())
        }
        Kind::IngressClass => ("networking.k8s.io/v1", "IngressClass"),
        Kind::PriorityClass => ("scheduling.k8s.io/v1", "PriorityClass"),
        Kind::RuntimeClass => ("node.k8s.io/v1", "RuntimeClass"),
        Kind::DeviceClass | Kind::ResourceClaim => ("resource.k8s.io/v1", kind.as_str()),
        Kind::Budget => ("policy/v1", "PodDisruptionBudget"),
        Kind::Ingress => ("networking.k8s.io/v1", "Ingress"),
        Kind::NetworkPolicy => ("networking.k8s.io/v1", "NetworkPolicy"),
    };
    ObjectReference {
        api_version: Some(api_version.to_owned()),
        kind: Some(kind.to_owned()),
        namespace: tenant.namespace.clone(),
        name: tenant.name.clone(),
        uid: tenant.uid.clone(),
        ..ObjectReference::default()
    }
}

fn shortened(note: &str) -> String {
    if note.len() <= NOTE_BYTES {
        return note.to_owned();
    }
    let mut short = String::new();
    for character in note.chars() {
        if short.len() + character.len_utf8() > NOTE_BYTES {
            break;
        }
        short.push(character);
    }
    format!("{short}…")
}
