//! Ingresses between two APIs, of one cluster and of two that want the same names.

mod secrets;
mod shared;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use warren_runtime::limits::HOST_NAMES;
use warren_runtime::store::Store;
use warren_translate::TenantPolicy;
use warren_translate::identity::TenantKey;

use crate::key::{Key, Kind};
use crate::registry;
use crate::settlements::State;
use crate::testing::{TEAM, World, refill};

const TENANT: &str = "/apis/networking.k8s.io/v1/namespaces/team/ingresses/";
const CLASSES: &str = "/apis/networking.k8s.io/v1/ingressclasses/";
const CLAIMS: &str = "/apis/warren.dev/v1alpha1/hostnameclaims/";

fn key(name: &str) -> Key {
    Key::new(Kind::Ingress, TenantKey::new(TEAM, name))
}

fn class(default: bool, mirrored: bool) -> Value {
    let mut metadata = json!({ "annotations": {}, "labels": {} });
    if default {
        metadata["annotations"]["ingressclass.kubernetes.io/is-default-class"] = json!("true");
    }
    if mirrored {
        metadata["labels"]["warren.dev/from-host"] = json!("true");
    }
    json!({ "metadata": metadata, "spec": { "controller": "example.com/c" } })
}

impl World {
    /// The host offers the class `public`; names below `example.com` are allowed.
    async fn with_ingresses() -> Self {
        let mut world = Self::new().await;
        world.allow(&["*.example.com"]);
        world.host.put(&format!("{CLASSES}public"), class(false, false));
        world.host.calls();
        world.tenant.calls();
        world
    }

    fn allow(&mut self, names: &[&str]) {
        self.set_policy(TenantPolicy {
            allowed_host_names: names.iter().map(|&name| name.to_owned()).collect(),
            ..TenantPolicy::default()
        });
    }

    /// The tenant has an Ingress for these names.
    fn ingress(&self, name: &str, hosts: &[&str]) {
        self.ingress_of(name, hosts, &json!({ "ingressClassName": "public" }));
    }

    /// As [`Self::ingress`], with more in its spec.
    fn ingress_of(&self, name: &str, hosts: &[&str], extra: &Value) {
        let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
        let rule = |host: &&str| {
            let path = json!({ "path": "/", "pathType": "Prefix", "backend": backend });
            json!({ "host": host, "http": { "paths": [path] } })
        };
        let mut ingress = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "namespace": TEAM, "uid": format!("t-{name}") },
            "spec": { "rules": hosts.iter().map(rule).collect::<Vec<_>>() },
        });
        for (field, value) in extra.as_object().into_iter().flatten() {
            ingress["spec"][field] = value.clone();
        }
        self.tenant.put(&format!("{TENANT}{name}"), ingress);
    }

    fn below(&self) -> String {
        let namespace = &self.ctx.cluster.workload_namespace;
        format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/")
    }

    /// What the host has of this cluster's Ingresses.
    fn host_ingresses(&self) -> Vec<Value> {
        self.host.list(&self.below())
    }

    /// Names of all claims of the host.
    fn claims(&self) -> Vec<String> {
        let claims = self.host.list(CLAIMS);
        let hosts = claims
            .iter()
            .map(|claim| claim["spec"]["hostName"].as_str().unwrap().to_owned());
        hosts.collect()
    }

    fn claims_catch_up(&self) {
        refill(&self.ctx.host_names.claims, self.host.list(CLAIMS));
    }

    fn ingresses_catch_up(&self) {
        refill(&self.ctx.customs.tenant_definitions, Vec::new());
        refill(&self.ctx.ingresses.tenant, self.tenant.list(TENANT));
        refill(&self.ctx.ingresses.host, self.host_ingresses());
        refill(&self.ctx.ups.ingress_classes.tenant, self.tenant.list(CLASSES));
        refill(&self.ctx.ups.ingress_classes.host, self.host.list(CLASSES));
        self.claims_catch_up();
    }

    /// One round of each Ingress.
    async fn ingress_rounds(&self) {
        self.ingresses_catch_up();
        self.rounds_of(&self.keys(Kind::Ingress)).await;
    }

    /// One round of each, with watches that show what the one before wrote.
    async fn rounds_of(&self, keys: &BTreeSet<Key>) {
        for key in keys {
            let _tried_again_by_the_queue = registry::round(&self.ctx, key).await;
            self.ingresses_catch_up();
        }
    }

    /// Rounds until nothing changes any more, also of what is gone by then: its watches raise it.
    async fn ingresses_at_rest(&self) {
        let mut keys = self.keys(Kind::Ingress);
        for _ in 0..10 {
            let before = (self.host.version(), self.tenant.version());
            self.ingresses_catch_up();
            keys.extend(self.keys(Kind::Ingress));
            self.rounds_of(&keys).await;
            if before == (self.host.version(), self.tenant.version()) {
                return;
            }
        }
        panic!("never at rest");
    }

    async fn state(&self, name: &str) -> State {
        registry::round(&self.ctx, &key(name)).await.unwrap().state
    }
}

#[tokio::test]
async fn names_are_claimed_before_the_host_has_the_ingress_and_given_back_after_it() {
    let world = World::with_ingresses().await;
    world.ingress("web", &["b.example.com", "a.example.com"]);
    world.ingresses_at_rest().await;
    assert_eq!(
        world.host.writes(),
        ["POST hostnameclaims", "POST hostnameclaims", "POST ingresses"]
    );
    let (path, claim) = world.host.only(&format!("{CLAIMS}h.a."));
    assert!(path.ends_with("/h.a.example.com"), "{path}");
    assert_eq!(claim["metadata"]["labels"]["warren.dev/cluster"], "ci");
    assert_eq!(
        claim["spec"],
        json!({ "hostName": "a.example.com", "clusterId": "ci", "virtualCluster": "team-a/ci" })
    );
    let host = &world.host_ingresses()[0];
    assert_eq!(host["spec"]["ingressClassName"], "public");
    assert_ne!(
        host["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"],
        "web"
    );
    world.ingresses_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new(), "at rest");
    assert_eq!(world.tenant.calls(), Vec::<String>::new(), "at rest");

    world.tenant.remove(&format!("{TENANT}web"));
    world.ingresses_at_rest().await;
    assert_eq!(
        world.host.writes(),
        [
            "DELETE ingresses",
            "DELETE hostnameclaims",
            "DELETE hostnameclaims"
        ]
    );
    assert!(world.claims().is_empty());
}

#[tokio::test]
async fn a_name_is_given_back_only_when_the_host_says_that_it_serves_it_no_more() {
    let world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    // The host's controller holds it with a finalizer, and this process's watch shows neither.
    let (path, held) = world.host.only(&world.below());
    refill(&world.ctx.ingresses.host, Vec::new());
    refill(&world.ctx.ingresses.tenant, Vec::new());
    assert_eq!(world.state("web").await, State::Absent);
    assert_eq!(world.claims(), ["a.example.com"]);
    world.host.remove(&path);
    assert_eq!(world.state("web").await, State::Absent);
    assert!(world.claims().is_empty(), "{held}");
}

#[tokio::test]
async fn a_new_name_is_claimed_before_the_old_one_is_given_back() {
    let world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    world.host.writes();
    world.ingress("web", &["b.example.com"]);
    world.ingresses_at_rest().await;
    assert_eq!(
        world.host.writes(),
        ["POST hostnameclaims", "PUT ingresses", "DELETE hostnameclaims"]
    );
    assert_eq!(world.claims(), ["b.example.com"]);
}

#[tokio::test]
async fn what_the_class_does_not_allow_is_told_and_nothing_is_on_the_host() {
    let mut world = World::with_ingresses().await;
    world.allow(&[]);
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    assert_eq!(world.host.writes(), Vec::<String>::new());
    let said = world.told("PolicyViolation").await;
    assert!(
        said.contains("`spec.rules[0].host` a.example.com") && said.contains("`allowedHostNames`"),
        "{said}"
    );
}

#[tokio::test]
async fn an_ingress_that_is_not_allowed_any_more_goes_and_its_status_with_it() {
    let world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    let (path, mut host) = world.host.only(&world.below());
    host["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    world.host.put(&path, host);
    world.ingresses_at_rest().await;
    let status = || world.tenant.only(&format!("{TENANT}web")).1["status"]["loadBalancer"].clone();
    assert_eq!(status(), json!({ "ingress": [{ "ip": "192.0.2.1" }] }));
    World::change(&world.tenant, &format!("{TENANT}web"), |ingress| {
        ingress["spec"]["rules"][0]["host"] = json!("a.elsewhere.org");
    });
    world.ingresses_at_rest().await;
    assert!(world.host_ingresses().is_empty() && world.claims().is_empty());
    assert_eq!(status(), json!({}));
}

#[tokio::test]
async fn the_status_of_what_is_not_this_clusters_stays_below() {
    let world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    let (path, mut host) = world.host.only(&world.below());
    host["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    host["metadata"]["labels"]["warren.dev/cluster"] = json!("another");
    world.host.put(&path, host);
    world.ingress_rounds().await;
    assert_eq!(
        world.tenant.only(&format!("{TENANT}web")).1["status"],
        Value::Null
    );
    assert_eq!(world.host_ingresses().len(), 1, "it is left alone");
}

#[tokio::test]
async fn a_class_that_is_not_offered_is_told_and_one_of_the_tenants_own_is_not_touched() {
    let world = World::with_ingresses().await;
    world.ingress_of(
        "web",
        &["a.example.com"],
        &json!({ "ingressClassName": "secret" }),
    );
    world.ingresses_at_rest().await;
    let said = world.told("PolicyViolation").await;
    assert!(
        said.contains("names secret, which is not offered: the platform offers public"),
        "{said}"
    );
    assert_eq!(world.host.writes(), Vec::<String>::new());

    let world = World::with_ingresses().await;
    world.tenant.put(&format!("{CLASSES}own"), class(true, false));
    world.ingress_of("web", &["a.example.com"], &json!({ "ingressClassName": "own" }));
    world.ingress_of("nameless", &["a.example.com"], &json!({}));
    world.ingresses_at_rest().await;
    assert_eq!(world.state("web").await, State::Unneeded);
    assert_eq!(world.state("nameless").await, State::Unneeded);
    assert_eq!(world.host.writes(), Vec::<String>::new());
    assert_eq!(world.tenant.writes(), Vec::<String>::new(), "no Event");
}

#[tokio::test]
async fn without_a_class_the_tenants_default_is_named_on_the_host() {
    let world = World::with_ingresses().await;
    world.ingress_of("web", &["a.example.com"], &json!({}));
    world.ingresses_at_rest().await;
    let said = world.told("PolicyViolation").await;
    assert!(
        said.contains("no class is the default: the platform offers public"),
        "{said}"
    );
    world.tenant.put(&format!("{CLASSES}public"), class(true, true));
    world.ingresses_at_rest().await;
    assert_eq!(world.host_ingresses()[0]["spec"]["ingressClassName"], "public");
}

#[tokio::test]
async fn without_the_right_to_read_claims_an_ingress_stands_still_and_nothing_is_deleted() {
    let mut world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    world.tenant.remove(&format!("{TENANT}web"));
    world.ingresses_catch_up();
    Arc::get_mut(&mut world.ctx).unwrap().host_names.claims = Store::default();
    world.host.calls();
    assert!(matches!(world.state("web").await, State::Failed(_)));
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn killed_after_any_write_and_started_again_it_ends_the_same() {
    for room in 0..6 {
        let mut world = World::with_ingresses().await;
        world.ingress("web", &["a.example.com", "b.example.com"]);
        world.host.allow_writes(Some(room));
        world.ingress_rounds().await;
        world.host.allow_writes(None);
        world.restart().await;
        world.ingresses_at_rest().await;
        assert_eq!(world.claims(), ["a.example.com", "b.example.com"], "{room}");
        assert_eq!(world.host_ingresses().len(), 1, "{room}");

        world.tenant.remove(&format!("{TENANT}web"));
        world.host.allow_writes(Some(room));
        for _ in 0..3 {
            world.ingress_rounds().await;
        }
        world.host.allow_writes(None);
        world.restart().await;
        world.ingresses_at_rest().await;
        // The first pass of a new process.
        crate::host_names::release(&world.ctx, None).await.unwrap();
        assert!(
            world.claims().is_empty() && world.host_ingresses().is_empty(),
            "{room}"
        );
    }
}

#[tokio::test]
async fn a_new_process_claims_nothing_twice() {
    let mut world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    world.restart().await;
    world.host.calls();
    world.ingresses_at_rest().await;
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cluster_claims_no_more_names_than_there_is_room_for() {
    let world = World::with_ingresses().await;
    let names: Vec<String> = (0..=HOST_NAMES)
        .map(|index| format!("a{index}.example.com"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.ingress("web", &names);
    world.ingresses_at_rest().await;
    assert_eq!(world.host.writes(), Vec::<String>::new());
    world.told("TooManyHostNames").await;
}
