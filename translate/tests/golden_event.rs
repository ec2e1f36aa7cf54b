//! Golden tests of Events: what the host says, and what the tenant reads.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use k8s_openapi::api::core::v1::{Event, Pod};
use serde::Deserialize;
use warren_translate::identity::tenant_uid;
use warren_translate::kinds::event::{self, About};
use warren_translate::kinds::pod::{self, PodNames, Scrub, needs};
use warren_translate::name::{CONFIG_MAP, host_name};
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantKey};

/// `HOST_NAME` and `HOST_CONFIG_MAP` in the document stand for computed names.
#[derive(Deserialize)]
struct EventCase {
    pod: Pod,
    events: Vec<Event>,
}

#[test]
fn events_go_up_as_written_in_the_cases() {
    let cluster = Cluster {
        id: ClusterId::new("ci-42-x7k2q"),
        uid: ClusterUid::new("00000000-0000-0000-0000-00000000c042"),
        workload_namespace: HostNamespace::new("wc-ci-42-x7k2q"),
    };
    insta::glob!("cases/event/*.yaml", |path| {
        let host = pod::host_name(&cluster, &TenantKey::new("shop", "web"));
        let config_map = host_name(&cluster, CONFIG_MAP, &TenantKey::new("shop", "settings"));
        let text = std::fs::read_to_string(path)
            .unwrap()
            .replace("HOST_NAME", host.as_str())
            .replace("HOST_CONFIG_MAP", config_map.as_str());
        let EventCase { pod, events } = serde_saphyr::from_str(&text).unwrap();
        let key = TenantKey::of(&pod.metadata).unwrap();
        let uid = tenant_uid(&pod.metadata).unwrap();
        let spec = pod.spec.as_ref().unwrap();
        let names = PodNames {
            key: &key,
            uid: Some(&uid),
            service_account: "default",
            needs: &needs(&pod),
            host: &host,
            host_uid: "h-uid-1234",
        };
        let containers: Vec<String> = spec.containers.iter().map(|c| c.name.clone()).collect();
        let about = About {
            key: &key,
            uid: &uid,
            node: spec.node_name.as_deref(),
            containers: &containers,
            scrub: &Scrub::of_names(&cluster, &names),
        };
        let up: Vec<Option<Event>> = events.iter().map(|host| event::up(&about, host)).collect();
        insta::assert_yaml_snapshot!(up);
    });
}
