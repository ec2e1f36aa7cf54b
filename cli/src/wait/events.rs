//! The last Events about a virtual cluster: on the object itself, and warnings of its control plane.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;

use crate::cluster::Cluster;
use crate::host::Host;
use crate::timespan;

/// How many Events of each place are shown.
const SHOWN: usize = 5;
/// Most Events asked for; a namespace can hold thousands.
const ASKED: u32 = 500;

/// What was found; Events help, so failing to read them is not an error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    /// Events on the `VirtualCluster`.
    pub(crate) cluster: Vec<Event>,
    /// Warnings in its control-plane namespace; often unreadable for tenants' owners.
    pub(crate) control_plane: Vec<Event>,
}

/// Reads the last Events about `cluster`, oldest first.
pub(crate) async fn around(host: &Host, cluster: Option<&Cluster>) -> Reports {
    let Some(cluster) = cluster else {
        return Reports::default();
    };
    let uid = cluster.object.metadata.uid.clone().unwrap_or_default();
    let namespace = cluster.namespace();
    let own = fetch(host, &namespace, format!("involvedObject.uid={uid}"));
    let system = cluster
        .status
        .namespaces
        .as_ref()
        .map(|namespaces| namespaces.system.clone());
    let parts = async {
        match system {
            Some(system) => fetch(host, &system, "type=Warning".to_owned()).await,
            None => Vec::new(),
        }
    };
    let (own, parts) = futures::join!(own, parts);
    Reports {
        cluster: last(own),
        control_plane: last(parts),
    }
}

async fn fetch(host: &Host, namespace: &str, selector: String) -> Vec<Event> {
    let events: Api<Event> = Api::namespaced(host.client.clone(), namespace);
    let list = events
        .list(&ListParams::default().fields(&selector).limit(ASKED))
        .await;
    list.map(|list| list.items).unwrap_or_default()
}

fn last(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(when);
    events.split_off(events.len().saturating_sub(SHOWN))
}

/// When it was last seen; writers fill different fields.
pub(crate) fn when(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    series
        .or_else(|| event.last_timestamp.as_ref().map(|time| time.0))
        .or_else(|| event.event_time.as_ref().map(|time| time.0))
        .or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// One line for an Event: age, type, reason, object, message.
pub(crate) fn line(event: &Event, now: Timestamp) -> String {
    let age = when(event).map_or_else(|| "?".to_owned(), |time| timespan::age(time, now));
    let kind = event
        .involved_object
        .kind
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let name = event.involved_object.name.as_deref().unwrap_or_default();
    let type_ = event.type_.as_deref().unwrap_or("Normal");
    let reason = event.reason.as_deref().unwrap_or_default();
    let message = event.message.as_deref().unwrap_or_default().trim();
    format!("{age:<5} {type_:<7} {reason}  {kind}/{name}: {message}")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// An Event on Pod `etcd-0`, seen last at `time`.
    pub(crate) fn event(time: &str, reason: &str, message: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {"name": reason}, "type": "Warning", "reason": reason, "message": message,
            "lastTimestamp": time, "involvedObject": {"kind": "Pod", "name": "etcd-0"},
        }))
        .unwrap()
    }

    #[test]
    fn the_newest_are_kept_oldest_first() {
        let events = (0..9)
            .rev()
            .map(|minute| event(&format!("2026-01-01T00:0{minute}:00Z"), &format!("R{minute}"), ""))
            .collect();
        let reasons: Vec<String> = last(events)
            .into_iter()
            .filter_map(|event| event.reason)
            .collect();
        assert_eq!(reasons, ["R4", "R5", "R6", "R7", "R8"]);
    }

    #[test]
    fn an_event_is_one_line() {
        let event = event(
            "2026-01-01T00:00:00Z",
            "FailedScheduling",
            "0/2 nodes are available\n",
        );
        let now = "2026-01-01T00:03:12Z".parse().unwrap();
        assert_eq!(
            line(&event, now),
            "3m12s Warning FailedScheduling  pod/etcd-0: 0/2 nodes are available"
        );
    }
}
