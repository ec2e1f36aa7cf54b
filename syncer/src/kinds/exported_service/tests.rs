//! A Service of the tenant beside its VirtualCluster, on a host in memory.

use std::sync::Arc;

use serde_json::{Value, json};
use warren_translate::identity::{HostNamespace, TenantKey};
use warren_translate::kinds::to_host::Place;
use warren_translate::name;

use crate::key::{Key, Kind};
use crate::testing::{FakeApi, TEAM, World, refill};

const EXPORTED: &str = "/api/v1/namespaces/team-a/services/";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/team-a/endpointslices/";
const SOURCES: &str = "/apis/discovery.k8s.io/v1/namespaces/wc-ci/endpointslices/";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/wc-ci/networkpolicies/";
const TENANT: &str = "/api/v1/namespaces/team/services/web";
const HOST: &str = "/api/v1/namespaces/wc-ci/services/";

impl World {
    async fn with_exports(exports: &Value) -> Self {
        let mut world = Self::new().await;
        world.export(exports).await;
        world
    }

    async fn export(&mut self, exports: &Value) {
        self.restart().await;
        let list: Vec<_> = serde_json::from_value(exports.clone()).unwrap();
        let owner = json!({ "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster", "name": "ci", "uid": "v" });
        let exports = &mut Arc::get_mut(&mut self.ctx).unwrap().exports;
        exports.list = list.into();
        exports.place = Some(Place {
            namespace: HostNamespace::new("team-a"),
            owner: serde_json::from_value(owner).unwrap(),
        });
    }

    /// The host's watches see what carries the cluster's label.
    fn exports_catch_up(&self) {
        let own = |api: &FakeApi, path: &str| {
            let mut objects = api.list(path);
            objects.retain(|object| object["metadata"]["labels"]["warren.dev/cluster"] == "ci");
            objects
        };
        let exports = &self.ctx.exports;
        refill(&exports.services, own(&self.host, EXPORTED));
        refill(&exports.slices, own(&self.host, SLICES));
        refill(&exports.sources, self.host.list(SOURCES));
        refill(&self.ctx.tenant.services, self.tenant.list(TENANT));
        refill(&self.ctx.host.services, own(&self.host, HOST));
    }

    async fn exports_at_rest(&self) {
        for _ in 0..10 {
            let before = self.host.version();
            self.exports_catch_up();
            for key in self.ctx.exports.keys() {
                let _tried_again_by_the_queue = self.round(&key).await;
            }
            let _tried_again_by_the_queue = self.round(&Key::shared_policy()).await;
            if before == self.host.version() {
                return;
            }
        }
        panic!("never at rest");
    }

    /// The tenant has the Service `web`, and the host its counterpart with one ready Pod.
    fn web(&self) {
        let spec = json!({ "clusterIP": "10.96.1.1", "selector": { "app": "web" },
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080 }] });
        let tenant = json!({ "metadata": { "namespace": TEAM, "uid": "t" }, "spec": spec });
        self.tenant.put(TENANT, tenant);
        let name = self.host_web();
        let labels = json!({ "warren.dev/cluster": "ci" });
        let host = json!({ "metadata": { "namespace": "wc-ci", "labels": labels }, "spec": spec });
        self.host.put(&format!("{HOST}{name}"), host);
        self.host.put(
            &format!("{SOURCES}{name}-x1"),
            json!({ "metadata": { "namespace": "wc-ci", "labels": { "kubernetes.io/service-name": name } },
                "addressType": "IPv4", "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
                "endpoints": [{ "addresses": ["10.244.1.7"], "conditions": { "ready": true } }] }),
        );
    }

    fn host_web(&self) -> String {
        let key = TenantKey::new(TEAM, "web");
        name::host_name(&self.ctx.cluster, name::SERVICE, &key)
            .as_str()
            .to_owned()
    }
}

fn export() -> Value {
    json!([{ "namespace": TEAM, "name": "web", "toName": "shop" }])
}

#[tokio::test]
async fn a_service_is_beside_its_cluster_with_the_endpoints_of_its_pods_and_they_let_it_in() {
    let world = World::with_exports(&export()).await;
    world.web();
    world.exports_at_rest().await;
    let (path, service) = world.host.only(EXPORTED);
    assert_eq!(path, format!("{EXPORTED}shop"));
    assert!(service["spec"].get("selector").is_none());
    assert_eq!(service["metadata"]["ownerReferences"][0]["uid"], "v");
    let (slice_path, slice) = world.host.only(SLICES);
    assert_eq!(slice["endpoints"][0]["addresses"], json!(["10.244.1.7"]));
    assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "shop");
    let policy = world.host.only(POLICIES).1;
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"]["app"], "web");

    // The Pod is replaced.
    let source = format!("{SOURCES}{}-x1", world.host_web());
    World::change(&world.host, &source, |slice| {
        slice["endpoints"][0]["addresses"] = json!(["10.244.1.8"]);
    });
    world.exports_at_rest().await;
    assert_eq!(
        world.host.only(&slice_path).1["endpoints"][0]["addresses"],
        json!(["10.244.1.8"])
    );

    world.host.calls();
    world.exports_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_longer_exported_goes_and_so_does_what_the_tenant_deletes() {
    let mut world = World::with_exports(&export()).await;
    world.web();
    world.exports_at_rest().await;
    world
        .export(&json!([{ "namespace": TEAM, "name": "web", "toName": "other" }]))
        .await;
    world.exports_at_rest().await;
    assert_eq!(world.host.only(EXPORTED).0, format!("{EXPORTED}other"));
    assert_eq!(world.host.list(SLICES).len(), 1);
    world.tenant.remove(TENANT);
    world.host.remove(&format!("{HOST}{}", world.host_web()));
    world.exports_at_rest().await;
    for left in [EXPORTED, SLICES, POLICIES] {
        assert!(world.host.list(left).is_empty(), "{left}");
    }
}

#[tokio::test]
async fn a_service_of_somebody_elses_is_never_touched() {
    let world = World::with_exports(&export()).await;
    world.web();
    let theirs = json!({ "metadata": { "namespace": "team-a" }, "spec": { "clusterIP": "10.96.9.9" } });
    world.host.put(&format!("{EXPORTED}shop"), theirs);
    world.exports_catch_up();
    let key = Key::new(Kind::ExportedService, TenantKey::new(TEAM, "web"));
    let refused = world.round(&key).await;
    assert!(
        matches!(refused, Err(crate::error::Error::Foreign { .. })),
        "{refused:?}"
    );
    assert_eq!(world.host.only(EXPORTED).1["spec"]["clusterIP"], "10.96.9.9");
}
