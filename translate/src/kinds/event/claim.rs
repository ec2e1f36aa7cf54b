//! One Event of the host's about a claim as the tenant's Event.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::up::{name, suffix};
use crate::identity::{Cluster, HostName, TenantKey, TenantUid};
use crate::kinds::pod::scrub;

const KIND: &str = "PersistentVolumeClaim";

/// What goes up: how far the host is with a volume. Others speak of what the syncer or the tenant's own scheduler says
/// in the tenant's words (`FailedBinding`, `ClaimLost`), or name Pods of the host (`WaitForPodScheduled`).
const REASONS: [&str; 12] = [
    "ExternalExpanding",
    "ExternalProvisioning",
    "FileSystemResizeRequired",
    "FileSystemResizeSuccessful",
    "Provisioning",
    "ProvisioningCleanupFailed",
    "ProvisioningFailed",
    "ProvisioningSucceeded",
    "Resizing",
    "VolumeResizeFailed",
    "VolumeResizeSuccessful",
    "WaitForFirstConsumer",
];

/// The claim on both sides.
pub struct AboutClaim<'a> {
    /// The virtual cluster.
    pub cluster: &'a Cluster,
    /// The tenant claim.
    pub key: &'a TenantKey,
    /// Its UID.
    pub uid: &'a TenantUid,
    /// The host claim.
    pub host: &'a HostName,
}

/// True for what the tenant may read about a claim: cheap, before anything else is looked up.
pub fn is_of_claim(host: &Event) -> bool {
    let about = &host.involved_object;
    let has_uid = about.uid.as_ref().is_some_and(|uid| !uid.is_empty());
    let reason = host.reason.as_deref().unwrap_or_default();
    about.kind.as_deref() == Some(KIND) && has_uid && REASONS.contains(&reason)
}

/// The tenant's Event. `None` when it is not [`is_of_claim`], or was never stored.
pub fn up_claim(about: &AboutClaim<'_>, host: &Event) -> Option<Event> {
    if !is_of_claim(host) {
        return None;
    }
    let Event {
        action,
        count,
        event_time,
        first_timestamp,
        // Who it is about is known; a version of the host claim means nothing in the tenant.
        involved_object: _,
        last_timestamp,
        message,
        metadata,
        reason,
        // Another object of the host's.
        related: _,
        reporting_component,
        // The host's Pod that said it.
        reporting_instance,
        series,
        source,
        type_,
    } = host;
    let text = |text: &String| scrub(about.cluster, about.key, about.host, text);
    Some(Event {
        action: action.as_ref().map(text),
        count: *count,
        event_time: event_time.clone(),
        first_timestamp: first_timestamp.clone(),
        involved_object: ObjectReference {
            api_version: Some("v1".to_owned()),
            field_path: None,
            kind: Some(KIND.to_owned()),
            name: Some(about.key.name.as_str().to_owned()),
            namespace: Some(about.key.namespace.as_str().to_owned()),
            resource_version: None,
            uid: Some(about.uid.as_str().to_owned()),
        },
        last_timestamp: last_timestamp.clone(),
        message: message.as_ref().map(text),
        metadata: ObjectMeta {
            name: Some(name(about.key, &suffix(metadata.uid.as_deref()?))),
            namespace: Some(about.key.namespace.as_str().to_owned()),
            ..ObjectMeta::default()
        },
        reason: reason.clone(),
        related: None,
        reporting_component: reporting_component.as_deref().map(component),
        // The API wants one where there is an `eventTime`: the component stands for it.
        reporting_instance: reporting_instance
            .as_ref()
            .and(reporting_component.as_deref())
            .map(component),
        series: series.clone(),
        source: source.as_ref().map(|source| EventSource {
            component: source.component.as_deref().map(component),
            host: None,
        }),
        type_: type_.clone(),
    })
}

/// Provisioners append to their name which of the host's Pods they are (`driver_pod_uuid`), resizers which driver they
/// serve.
fn component(host: &str) -> String {
    let name = host.split(['_', ' ']).next().unwrap_or_default();
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::cluster;

    fn said(reason: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": { "namespace": "wc-ci", "name": "data-x.1", "uid": "host-event" },
            "involvedObject": { "kind": KIND, "namespace": "wc-ci", "name": "data-x", "uid": "host-claim",
                "resourceVersion": "7" },
            "reason": reason, "type": "Warning", "count": 2,
            "message": "provisioning for claim \"wc-ci/data-x\": waiting for pvc-host-claim",
            "source": { "component": "rancher.io/local-path_provisioner-7f9-abc_2b1c", "host": "node-1" },
            "reportingComponent": "rancher.io/local-path_provisioner-7f9-abc_2b1c",
            "reportingInstance": "provisioner-7f9-abc",
        }))
        .unwrap()
    }

    fn up(event: &Event) -> Option<Value> {
        let cluster = cluster();
        let meta = ObjectMeta {
            name: Some("data-x".to_owned()),
            ..ObjectMeta::default()
        };
        let about = AboutClaim {
            cluster: &cluster,
            key: &TenantKey::new("team", "data"),
            uid: &TenantUid::new("tenant-claim"),
            host: &HostName::of(&meta).unwrap(),
        };
        up_claim(&about, event).map(|event| serde_json::to_value(event).unwrap())
    }

    #[test]
    fn what_a_provisioner_says_goes_up_without_the_names_of_the_host() {
        let up = up(&said("ProvisioningFailed")).unwrap();
        assert_eq!(
            up["message"],
            "provisioning for claim \"team/data\": waiting for pvc-host-claim"
        );
        assert_eq!(up["involvedObject"]["uid"], "tenant-claim");
        assert_eq!(up["source"], json!({ "component": "rancher.io/local-path" }));
        let text = up.to_string();
        for host in ["wc-ci", "data-x", "7f9-abc", "node-1"] {
            assert!(!text.contains(host), "{host} in {text}");
        }
    }

    #[test]
    fn what_names_others_or_was_said_of_no_claim_stays() {
        assert!(up(&said("WaitForPodScheduled")).is_none());
        assert!(up(&said("ClaimLost")).is_none());
        let mut of_pod = said("ProvisioningFailed");
        of_pod.involved_object.kind = Some("Pod".to_owned());
        assert!(up(&of_pod).is_none());
    }
}
