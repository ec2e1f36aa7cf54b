//! Routes and Gateways between two APIs in memory; the test plays the host's controller.

mod offers;
mod shared;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use warren_crds::gateways::{GATEWAYS, HTTP_ROUTES};
use warren_runtime::store::Store;
use warren_translate::TenantPolicy;
use warren_translate::identity::TenantKey;

use crate::gateway_api;
use crate::key::Key;
use crate::registry;
use crate::settlements::State;
use crate::stores::customs::CustomStores;
use crate::stores::shared as areas;
use crate::testing::{TEAM, World, refill};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/";
const API: &str = "/apis/gateway.networking.k8s.io/v1";
const TENANT: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/team/httproutes/";
const PUBLIC: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/infra/gateways/public";
const CLAIMS: &str = "/apis/warren.dev/v1alpha1/hostnameclaims/";

fn key(name: &str) -> Key {
    Key::custom(HTTP_ROUTES, TenantKey::new(TEAM, name))
}

fn definition(name: &str, versions: &[&str]) -> Value {
    let (plural, group) = name.split_once('.').unwrap();
    let kind = match plural {
        "gateways" => "Gateway",
        "httproutes" => "HTTPRoute",
        _ => "TLSRoute",
    };
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| {
            json!({ "name": version, "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object" } } })
        })
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "annotations": { "api-approved.kubernetes.io": "approved" } },
        "spec": { "group": group, "scope": "Namespaced", "names": { "kind": kind, "plural": plural },
            "versions": versions },
    })
}

fn gateway(listeners: &Value) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": "infra" },
        "spec": { "gatewayClassName": "of-the-host", "listeners": listeners } })
}

fn policy(names: &[&str], gateways: &Value) -> TenantPolicy {
    TenantPolicy {
        allowed_host_names: names.iter().map(|&name| name.to_owned()).collect(),
        gateways: serde_json::from_value(gateways.clone()).unwrap(),
        ..TenantPolicy::default()
    }
}

impl World {
    /// The class offers `infra/public`, which has one listener for all names; names below `example.com` are allowed.
    async fn with_gateways() -> Self {
        let mut world = Self::new().await;
        for name in [GATEWAYS, HTTP_ROUTES] {
            world
                .host
                .put(&format!("{DEFINITIONS}{name}"), definition(name, &["v1"]));
        }
        let listener = json!([{ "name": "http", "port": 80, "protocol": "HTTP" }]);
        world.host.put(PUBLIC, gateway(&listener));
        world
            .begin(policy(
                &["*.example.com"],
                &json!([{ "namespace": "infra", "name": "public" }]),
            ))
            .await;
        world.routes_at_rest().await;
        world.host.calls();
        world.tenant.calls();
        world
    }

    /// A process that knows nothing but what the APIs have begins under this policy.
    async fn begin(&mut self, policy: TenantPolicy) {
        self.restart().await;
        let kinds = gateway_api::kinds(&self.ctx.host_client.client(), &policy).await;
        let ctx = Arc::get_mut(&mut self.ctx).unwrap();
        ctx.policy = policy;
        let stores = kinds.into_iter().map(|kind| {
            let definition = kind.custom.definition.clone();
            (definition, CustomStores::new(kind.custom, kind.role))
        });
        ctx.customs.kinds = stores.collect();
    }

    fn route(&self, name: &str, hosts: &[&str]) {
        self.route_of(name, &json!({ "hostnames": hosts }));
    }

    /// To `infra/public` and the Service `web`, with more in its spec.
    fn route_of(&self, name: &str, extra: &Value) {
        let mut route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": { "namespace": TEAM, "uid": format!("t-{name}"), "generation": 1 },
            "spec": {
                "parentRefs": [{ "namespace": "infra", "name": "public" }],
                "rules": [{ "backendRefs": [{ "name": "web", "port": 80 }] }],
            },
        });
        for (field, value) in extra.as_object().unwrap() {
            route["spec"][field] = value.clone();
        }
        self.tenant.put(&format!("{TENANT}{name}"), route);
    }

    fn routes_below(&self) -> String {
        format!(
            "{API}/namespaces/{}/httproutes/",
            self.ctx.cluster.workload_namespace
        )
    }

    fn host_routes(&self) -> Vec<Value> {
        self.host.list(&self.routes_below())
    }

    fn claimed(&self) -> Vec<String> {
        let claims = self.host.list(CLAIMS);
        let hosts = claims
            .iter()
            .map(|claim| claim["spec"]["hostName"].as_str().unwrap().to_owned());
        hosts.collect()
    }

    fn routes_catch_up(&self) {
        let ctx = &self.ctx;
        let from_host = |object: &Value| object["metadata"]["labels"]["warren.dev/from-host"] == "true";
        let mut definitions = self.tenant.list(DEFINITIONS);
        definitions.retain(from_host);
        refill(&ctx.customs.tenant_definitions, definitions);
        for (name, stores) in &ctx.customs.kinds {
            let mut definitions = self.host.list(DEFINITIONS);
            definitions.retain(|definition| definition["metadata"]["name"] == **name);
            refill(&stores.definition, definitions);
        }
        let of = |world: &crate::testing::FakeApi, plural: &str| {
            let mut objects = world.list(API);
            objects.retain(|object| {
                let kind = object["kind"].as_str().unwrap_or_default();
                format!("{}s", kind.to_lowercase()) == plural
            });
            objects
        };
        if let Some(stores) = ctx
            .customs
            .kinds
            .get(GATEWAYS)
            .filter(|stores| stores.is_served())
        {
            refill(&stores.tenant, of(&self.tenant, "gateways"));
            let mut offered = of(&self.host, "gateways");
            offered.retain(|gateway| {
                let metadata = serde_json::from_value(gateway["metadata"].clone()).unwrap();
                warren_translate::kinds::gateway::offer(&ctx.policy.gateways, &metadata).is_some()
            });
            refill(&stores.host, offered);
        }
        if let Some(stores) = ctx
            .customs
            .kinds
            .get(HTTP_ROUTES)
            .filter(|stores| stores.is_served())
        {
            refill(&stores.tenant, of(&self.tenant, "httproutes"));
            refill(&stores.host, self.host_routes());
        }
        refill(&ctx.ingresses.tenant, Vec::new());
        refill(&ctx.ups.ingress_classes.tenant, Vec::new());
        refill(&ctx.ups.ingress_classes.host, Vec::new());
        refill(&ctx.host_names.claims, self.host.list(CLAIMS));
    }

    /// One round of each, with watches that show what the one before wrote.
    async fn rounds_of_routes(&self) {
        self.routes_catch_up();
        for key in areas::keys(&self.ctx) {
            let _tried_again_by_the_queue = registry::round(&self.ctx, &key).await;
            self.routes_catch_up();
        }
    }

    async fn routes_at_rest(&self) {
        for _ in 0..10 {
            let before = (self.host.version(), self.tenant.version());
            self.rounds_of_routes().await;
            if before == (self.host.version(), self.tenant.version()) {
                return;
            }
        }
        panic!("never at rest");
    }

    /// Rounds of a route that neither side need have any more: its watches raise it.
    async fn round_of_gone(&self, name: &str) {
        for _ in 0..2 {
            self.routes_catch_up();
            let _tried_again_by_the_queue = registry::round(&self.ctx, &key(name)).await;
        }
    }

    async fn route_state(&self, name: &str) -> State {
        registry::round(&self.ctx, &key(name)).await.unwrap().state
    }

    fn status(&self, name: &str) -> Value {
        self.tenant.only(&format!("{TENANT}{name}")).1["status"].clone()
    }

    /// The host's controller says that it serves the only route.
    fn plays_controller(&self) {
        let (path, route) = self.host.only(&self.routes_below());
        let name = route["metadata"]["name"].as_str().unwrap().to_owned();
        World::change(&self.host, &path, |route| {
            route["status"] = json!({ "parents": [{
                "parentRef": route["spec"]["parentRefs"][0], "controllerName": "example.com/c",
                "conditions": [{ "type": "Accepted", "status": "True", "reason": "Accepted",
                    "message": format!("{name} is served"), "lastTransitionTime": "2026-11-30T00:00:00Z" }] }] });
        });
    }
}

#[tokio::test]
async fn names_are_claimed_before_the_host_has_the_route_and_given_back_after_it() {
    let world = World::with_gateways().await;
    world.route("web", &["b.example.com", "a.example.com"]);
    world.routes_at_rest().await;
    assert_eq!(
        world.host.writes(),
        ["POST hostnameclaims", "POST hostnameclaims", "POST httproutes"]
    );
    let host = &world.host_routes()[0];
    assert_eq!(host["kind"], "HTTPRoute");
    assert_eq!(host["metadata"]["labels"]["warren.dev/cluster"], "ci");
    assert_eq!(
        host["spec"]["parentRefs"],
        json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra", "name": "public" }])
    );
    assert_ne!(host["spec"]["rules"][0]["backendRefs"][0]["name"], "web");
    world.routes_at_rest().await;
    assert_eq!(world.host.writes(), Vec::<String>::new(), "at rest");
    assert_eq!(world.tenant.writes(), Vec::<String>::new(), "at rest");

    world.tenant.remove(&format!("{TENANT}web"));
    world.round_of_gone("web").await;
    assert_eq!(
        world.host.writes(),
        [
            "DELETE httproutes",
            "DELETE hostnameclaims",
            "DELETE hostnameclaims"
        ]
    );
    assert!(world.claimed().is_empty());
}

#[tokio::test]
async fn a_name_is_given_back_only_when_the_host_says_that_it_serves_it_no_more() {
    let world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    // The host's controller holds it with a finalizer, and this process's watch shows neither.
    let (path, held) = world.host.only(&world.routes_below());
    let stores = &world.ctx.customs.kinds[HTTP_ROUTES];
    refill(&stores.host, Vec::new());
    refill(&stores.tenant, Vec::new());
    assert_eq!(world.route_state("web").await, State::Absent);
    assert_eq!(world.claimed(), ["a.example.com"]);
    world.host.remove(&path);
    assert_eq!(world.route_state("web").await, State::Absent);
    assert!(world.claimed().is_empty(), "{held}");
}

#[tokio::test]
async fn what_the_hosts_controller_says_is_the_tenants_status_and_goes_with_it() {
    let world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    world.plays_controller();
    world.routes_at_rest().await;
    let status = world.status("web");
    assert_eq!(
        status["parents"][0]["parentRef"],
        json!({ "namespace": "infra", "name": "public" })
    );
    assert_eq!(status["parents"][0]["conditions"][0]["message"], "web is served");
    World::change(&world.tenant, &format!("{TENANT}web"), |route| {
        route["spec"]["hostnames"] = json!(["elsewhere.org"]);
    });
    world.routes_at_rest().await;
    let said = world.told("PolicyViolation").await;
    assert!(said.contains("`spec.hostnames[0]` elsewhere.org"), "{said}");
    assert!(world.host_routes().is_empty() && world.claimed().is_empty());
    assert_eq!(world.status("web")["parents"], json!([]));
}

#[tokio::test]
async fn a_change_goes_down_and_what_the_host_was_changed_to_is_put_back() {
    let world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    let (path, _) = world.host.only(&world.routes_below());
    World::change(&world.host, &path, |route| {
        route["spec"]["rules"][0]["backendRefs"][0]["name"] = json!("of-the-platform");
    });
    world.routes_at_rest().await;
    let backend = world.host_routes()[0]["spec"]["rules"][0]["backendRefs"][0]["name"].clone();
    assert_ne!(backend, "of-the-platform");
    world.host.writes();
    world.route("web", &["c.example.com"]);
    world.routes_at_rest().await;
    assert_eq!(
        world.host.writes(),
        ["POST hostnameclaims", "PUT httproutes", "DELETE hostnameclaims"]
    );
    assert_eq!(world.claimed(), ["c.example.com"]);
}

#[tokio::test]
async fn a_route_without_names_has_those_of_its_listeners_and_claims_what_they_take_later_first() {
    let world = World::with_gateways().await;
    let listener = |host: &str| json!([{ "name": "http", "port": 80, "protocol": "HTTP", "hostname": host }]);
    world.host.put(PUBLIC, gateway(&listener("*.a.example.com")));
    world.route_of("web", &json!({}));
    world.routes_at_rest().await;
    assert_eq!(world.claimed(), ["*.a.example.com"]);
    assert_eq!(
        world.host_routes()[0]["spec"]["hostnames"],
        json!(["*.a.example.com"])
    );
    world.host.writes();
    world.host.put(PUBLIC, gateway(&listener("*.b.example.com")));
    world.routes_at_rest().await;
    assert_eq!(
        world.host.writes(),
        ["POST hostnameclaims", "PUT httproutes", "DELETE hostnameclaims"]
    );
    assert_eq!(world.claimed(), ["*.b.example.com"]);
}

#[tokio::test]
async fn killed_after_any_write_and_started_again_it_ends_the_same() {
    for room in 0..6 {
        let mut world = World::with_gateways().await;
        let policy = world.ctx.policy.clone();
        world.route("web", &["a.example.com", "b.example.com"]);
        world.host.allow_writes(Some(room));
        world.rounds_of_routes().await;
        world.host.allow_writes(None);
        world.begin(policy.clone()).await;
        world.routes_at_rest().await;
        assert_eq!(world.claimed(), ["a.example.com", "b.example.com"], "{room}");
        assert_eq!(world.host_routes().len(), 1, "{room}");

        world.tenant.remove(&format!("{TENANT}web"));
        world.host.allow_writes(Some(room));
        for _ in 0..3 {
            world.rounds_of_routes().await;
        }
        world.host.allow_writes(None);
        world.begin(policy).await;
        world.routes_at_rest().await;
        // The first pass of a new process.
        crate::host_names::release(&world.ctx, None).await.unwrap();
        assert!(
            world.claimed().is_empty() && world.host_routes().is_empty(),
            "{room}"
        );
    }
}

#[tokio::test]
async fn before_all_is_read_nothing_is_deleted_and_no_name_is_given_back() {
    let mut world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    let (_, kept) = world.host.only(&world.routes_below());
    let policy = world.ctx.policy.clone();
    world.tenant.remove(&format!("{TENANT}web"));
    for unread in ["tenant", "gateways", "claims", "definitions"] {
        world.begin(policy.clone()).await;
        world.routes_catch_up();
        let ctx = Arc::get_mut(&mut world.ctx).unwrap();
        match unread {
            "tenant" => ctx.customs.kinds.get_mut(HTTP_ROUTES).unwrap().tenant = Store::default(),
            "gateways" => ctx.customs.kinds.get_mut(GATEWAYS).unwrap().host = Store::default(),
            "claims" => ctx.host_names.claims = Store::default(),
            _ => ctx.customs.tenant_definitions = Store::default(),
        }
        world.host.calls();
        assert!(
            matches!(world.route_state("web").await, State::Failed(_)),
            "{unread}"
        );
        crate::host_names::release(&world.ctx, None).await.unwrap();
        assert_eq!(world.host.calls(), Vec::<String>::new(), "{unread}");
    }
    assert_eq!(world.host_routes(), [kept]);

    // Claimed, and not on the host yet: whether the tenant asks for it is not known.
    let (path, _) = world.host.only(&world.routes_below());
    world.host.remove(&path);
    world.begin(policy).await;
    world.routes_catch_up();
    let ctx = Arc::get_mut(&mut world.ctx).unwrap();
    ctx.customs.kinds.get_mut(HTTP_ROUTES).unwrap().tenant = Store::default();
    crate::host_names::release(&world.ctx, None).await.unwrap();
    assert_eq!(world.claimed(), ["a.example.com"]);
}

#[tokio::test]
async fn a_route_of_the_tenants_own_gateway_is_not_touched() {
    let world = World::with_gateways().await;
    let own = gateway(&json!([{ "name": "http", "port": 80, "protocol": "HTTP" }]));
    let path = format!("{API}/namespaces/{TEAM}/gateways/own");
    world.tenant.put(&path, own);
    World::change(&world.tenant, &path, |gateway| {
        gateway["metadata"]["namespace"] = json!(TEAM);
    });
    world.route_of("web", &json!({ "parentRefs": [{ "name": "own" }] }));
    world.routes_at_rest().await;
    assert_eq!(world.route_state("web").await, State::Unneeded);
    assert_eq!(world.host.writes(), Vec::<String>::new());
    assert_eq!(world.tenant.writes(), Vec::<String>::new(), "no Event");
}

#[tokio::test]
async fn every_key_of_a_route_is_raised() {
    let world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_catch_up();
    let keys: BTreeSet<Key> = areas::keys(&world.ctx);
    assert!(keys.contains(&key("web")), "{keys:?}");
    assert!(
        keys.contains(&Key::custom(GATEWAYS, TenantKey::new("infra", "public"))),
        "{keys:?}"
    );
}
