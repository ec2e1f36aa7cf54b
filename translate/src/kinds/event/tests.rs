//! Events: which go up, under which name, and that nothing of the host goes with them.

use k8s_openapi::api::core::v1::{Event, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::kinds::pod::{self, Need, PodNames, Scrub, needs};
use crate::testing::{cluster, object};
use crate::{HostName, TenantKey, TenantUid};

const HOST_UID: &str = "0f7a7f0c-host-uid";

fn tenant() -> Pod {
    object(json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "tenant-uid" },
        "spec": {
            "serviceAccountName": "robot", "nodeName": "node-1",
            "containers": [{ "name": "main", "envFrom": [{ "configMapRef": { "name": "settings" } }] }],
            "imagePullSecrets": [{ "name": "registry" }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
                { "name": "v", "projected": { "sources": [
                { "serviceAccountToken": { "path": "token" } },
                { "clusterTrustBundle": { "name": "corp", "path": "ca.pem" } },
                { "podCertificate": { "signerName": "a/b", "keyType": "ED25519", "credentialBundlePath": "c" } },
            ] } }],
        },
    }))
}

struct World {
    key: TenantKey,
    uid: TenantUid,
    containers: Vec<String>,
    needs: Vec<Need>,
    host: HostName,
    node: Option<&'static str>,
}

impl World {
    fn new() -> Self {
        let key = TenantKey::new("shop", "web");
        Self {
            host: pod::host_name(&cluster(), &key),
            key,
            uid: TenantUid::new("tenant-uid"),
            containers: vec!["main".to_owned()],
            needs: needs(&tenant()),
            node: Some("node-1"),
        }
    }

    fn up(&self, host: &Value) -> Option<Event> {
        let names = PodNames {
            key: &self.key,
            uid: Some(&self.uid),
            service_account: "robot",
            needs: &self.needs,
            host: &self.host,
            host_uid: HOST_UID,
        };
        let about = About {
            key: &self.key,
            uid: &self.uid,
            node: self.node,
            containers: &self.containers,
            scrub: &Scrub::of_names(&cluster(), &names),
        };
        up(&about, &object(host.clone()))
    }

    /// Everything that a text may name and the tenant must not read.
    fn hidden(&self) -> Vec<String> {
        let cluster = cluster();
        let references = crate::reference::References::new(&cluster, &self.key.namespace);
        let named = self.needs.iter().map(|need| match need {
            Need::ConfigMap { name, .. } => references.host_name(crate::name::CONFIG_MAP, name.as_str()),
            Need::Secret { name, .. } => references.host_name(crate::name::SECRET, name.as_str()),
            Need::Claim { name, .. } => {
                references.host_name(crate::name::PERSISTENT_VOLUME_CLAIM, name.as_str())
            }
            Need::ResourceClaim { name, .. } => {
                references.host_name(crate::name::RESOURCE_CLAIM, name.as_str())
            }
            Need::Token(_) => crate::kinds::token::secret_name(&cluster, &self.key, &self.uid),
            Need::TrustBundle(ask) => {
                crate::kinds::trust_bundle::host_name(&cluster, &self.key.namespace, ask)
            }
            Need::PodCertificate(need) => crate::kinds::pod_certificate::secret_name(
                &cluster,
                &self.key,
                &self.uid,
                &need.volume,
                need.index,
            ),
            Need::ServiceEnvironment => {
                crate::kinds::service_environment::host_name(&cluster, &self.key.namespace)
            }
        });
        let mut hidden: Vec<String> = named.map(|name| name.to_string()).collect();
        hidden.extend([self.host.to_string(), "wc-ci".to_owned(), HOST_UID.to_owned()]);
        hidden
    }
}

fn event(message: &str) -> Value {
    let host = World::new().host;
    json!({
        "metadata": { "name": format!("{host}.18a7"), "namespace": "wc-ci", "uid": "event-uid" },
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "namespace": "wc-ci", "name": host.as_str(), "uid": HOST_UID,
            "fieldPath": "spec.containers{main}", "resourceVersion": "77",
        },
        "reason": "Unhealthy", "message": message, "type": "Warning", "count": 3,
        "firstTimestamp": "2026-11-21T12:00:00Z", "lastTimestamp": "2026-11-21T12:00:20Z",
        "source": { "component": "kubelet", "host": "node-1" },
        "reportingComponent": "kubelet", "reportingInstance": "node-1",
    })
}

fn with(patch: &Value) -> Value {
    let mut event = event("Readiness probe failed");
    json_patch::merge(&mut event, patch);
    event
}

#[test]
fn what_others_than_a_kubelet_say_stays_on_the_host() {
    let by = |component: &str| {
        with(&json!({ "source": { "component": component }, "reportingComponent": component }))
    };
    for component in [
        "default-scheduler",
        "taint-eviction-controller",
        "node-controller",
        "",
    ] {
        assert_eq!(World::new().up(&by(component)), None, "{component}");
    }
    assert!(World::new().up(&by("kubelet")).is_some());
    let node = with(&json!({ "involvedObject": { "kind": "Node" } }));
    assert_eq!(World::new().up(&node), None);
}

#[test]
fn a_kubelet_of_the_new_api_is_known_by_its_reporting_component() {
    let new = with(&json!({ "source": null, "count": null, "series": { "count": 4 } }));
    let up = World::new().up(&new).unwrap();
    assert_eq!(up.source, None);
    assert_eq!(up.reporting_component.as_deref(), Some("kubelet"));
    assert_eq!(up.series.unwrap().count, Some(4));
}

#[test]
fn a_container_that_the_hosts_admission_added_is_not_spoken_of() {
    let sidecar = with(&json!({ "involvedObject": { "fieldPath": "spec.initContainers{istio-proxy}" } }));
    assert_eq!(World::new().up(&sidecar), None);
}

#[test]
fn the_name_is_the_pods_and_stays_the_same() {
    let up = World::new().up(&event("x")).unwrap();
    let name = up.metadata.name.unwrap();
    assert_eq!(name, format!("web.{}", suffix("event-uid")));
    assert_eq!(suffix_of(&name), Some(suffix("event-uid").as_str()));
    assert_eq!(suffix_of("web.17a1b2"), None);
    assert_ne!(suffix("event-uid"), suffix("other-uid"));
    let long = TenantKey::new("shop", "x".repeat(253));
    assert_eq!(super::name(&long, &suffix("u")).len(), 253);
}

#[test]
fn an_event_has_changed_when_it_happened_again() {
    let seen = |patch: &Value| Seen::of(&object(with(patch)));
    let first = seen(&json!({}));
    assert_eq!(first, Seen::of(&World::new().up(&event("x")).unwrap()));
    assert_ne!(first, seen(&json!({ "count": 4 })));
    assert_ne!(first, seen(&json!({ "lastTimestamp": "2026-11-21T12:00:30Z" })));
    let series =
        |count: i32| json!({ "series": { "count": count, "lastObservedTime": "2026-11-21T12:00:30.5Z" } });
    assert_ne!(seen(&series(1)), seen(&series(2)));
}

#[test]
fn a_later_state_is_a_patch_of_what_a_recorder_changes() {
    let first = World::new().up(&event("first")).unwrap();
    let later = World::new()
        .up(&with(&json!({ "count": 9, "message": "later" })))
        .unwrap();
    let mut patched = serde_json::to_value(&first).unwrap();
    json_patch::merge(&mut patched, &update(&later));
    assert_eq!(patched, serde_json::to_value(&later).unwrap());
}

fn message() -> impl Strategy<Value = String> {
    let mut parts = World::new().hidden();
    parts.extend(["MountVolume.SetUp failed for ", "/", " \"", "\" not found", "web"].map(str::to_owned));
    proptest::collection::vec(proptest::sample::select(parts), 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_name_of_the_host_goes_up(message in message(), action in message(), path in message()) {
        let world = World::new();
        let event = with(&json!({ "message": message, "action": action, "involvedObject": { "fieldPath": path } }));
        let sent = serde_json::to_string(&world.up(&event).unwrap()).unwrap();
        for hidden in world.hidden() {
            prop_assert!(!sent.contains(&hidden), "{} in {}", hidden, sent);
        }
        prop_assert!(!sent.contains("event-uid") && !sent.contains("\"77\""));
    }
}
