//! What a tenant serves, and that nobody waits for what it does not.

use serde_json::json;
use tokio_util::sync::CancellationToken;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_translate::identity::{Cluster, ClusterId, ClusterUid, HostNamespace};

use super::*;
use crate::references::References;
use crate::testing::FakeApi;

fn serves(api: &FakeApi, version: &str, plurals: &[&str]) {
    let resource = |plural: &&str| json!({ "name": plural, "singularName": "", "namespaced": false, "kind": "X", "verbs": [] });
    let resources: Vec<_> = plurals.iter().map(resource).collect();
    let path = format!("/apis/{GROUP}/{version}");
    api.put(
        &path,
        json!({ "groupVersion": format!("{GROUP}/{version}"), "resources": resources }),
    );
}

#[tokio::test]
async fn the_newest_version_that_is_served_counts() {
    let tenant = FakeApi::new("t");
    serves(&tenant, "v1beta1", &[BUNDLES, REQUESTS]);
    let found = discover(&tenant.client()).await.unwrap();
    assert_eq!(found, (Some("v1beta1"), Some("v1beta1")));
    serves(&tenant, "v1", &["certificatesigningrequests", BUNDLES]);
    let found = discover(&tenant.client()).await.unwrap();
    assert_eq!(found, (Some("v1"), Some("v1beta1")));
}

#[tokio::test]
async fn a_tenant_that_does_not_answer_is_not_one_that_serves_nothing() {
    let tenant = FakeApi::new("t");
    tenant.refuse(Some(("GET", 503)));
    assert!(discover(&tenant.client()).await.is_err());
}

#[tokio::test]
async fn nobody_waits_for_what_a_tenant_does_not_serve() {
    let tenant = FakeApi::new("t");
    serves(&tenant, "v1", &["certificatesigningrequests"]);
    let metrics = Metrics::new();
    let wiring = Wiring {
        cluster: Cluster {
            id: ClusterId::new("ci"),
            uid: ClusterUid::new("uid"),
            workload_namespace: HostNamespace::new("wc-ci"),
        },
        placed_by_host: false,
        queue: Queue::new("syncer", metrics.clone()),
        named_addresses: Arc::default(),
        unsynced: Arc::default(),
        sync: Arc::default(),
        gateways: Arc::default(),
        named_ranges: Arc::default(),
        references: Arc::new(References::default()),
        metrics,
        shutdown: CancellationToken::new(),
    };
    let apis = CertificateApis::start(&tenant.client(), &wiring);
    apis.wait_until_settled().await;
    assert!(apis.bundles(tenant.client()).is_none());
    assert!(
        apis.requests(tenant.client(), &TenantNamespace::new("team"))
            .is_none()
    );
    wiring.shutdown.cancel();
}
