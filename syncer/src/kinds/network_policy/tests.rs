//! NetworkPolicies between two APIs: down, changed by what they depend on, gone; and nothing at rest.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};
use warren_runtime::store::ObjectKey;
use warren_translate::identity::TenantKey;

use crate::key::{Key, Kind};
use crate::registry;
use crate::settlements::State;
use crate::testing::{TEAM, World, refill};

const TENANT: &str = "/apis/networking.k8s.io/v1/namespaces/team/networkpolicies/";
const HOST: &str = "/apis/networking.k8s.io/v1/namespaces/wc-ci/networkpolicies/";
/// What the operator has written.
const OPERATORS: &str = include_str!("../../../../translate/src/testing/open.yaml");

impl World {
    fn operator_has_begun(&self) {
        for policy in serde_saphyr::from_str::<Vec<Value>>(OPERATORS).unwrap() {
            let name = policy["metadata"]["name"].as_str().unwrap().to_owned();
            self.host.put(&format!("{HOST}{name}"), policy);
        }
    }

    fn tenant_policy(&self, name: &str, spec: &Value) {
        let policy = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "namespace": TEAM, "uid": format!("t-{name}") }, "spec": spec,
        });
        self.tenant.put(&format!("{TENANT}{name}"), policy);
    }

    /// The tenant's namespaces, and no others, have these labels.
    fn tenant_namespaces(&self, all: &[(&str, &Value)]) {
        let read = |(name, labels): &(&str, &Value)| {
            let object = json!({ "metadata": { "name": name, "labels": labels } });
            let namespace: PartialObjectMeta<Namespace> = serde_json::from_value(object).unwrap();
            (ObjectKey::new("", *name), Arc::new(namespace))
        };
        let all = all.iter().map(read).collect();
        self.ctx.policies.namespaces.replace(all);
    }

    /// A host Pod of the tenant's has this address.
    fn pod_has(&self, name: &str, address: &str) {
        let pod = json!({ "metadata": { "name": name, "namespace": "wc-ci" }, "status": { "podIPs": [{ "ip": address }] } });
        let key = ObjectKey::new("wc-ci", name);
        self.ctx.host.pods.put(key, serde_json::from_value(pod).unwrap());
    }

    fn policies_catch_up(&self) {
        let policies = &self.ctx.policies;
        refill(&policies.both.tenant, self.tenant.list(TENANT));
        refill(&policies.both.host, self.host.list(HOST));
    }

    async fn policies_at_rest(&self) {
        for _ in 0..10 {
            let before = (self.host.version(), self.tenant.version());
            self.policies_catch_up();
            for key in self.keys(Kind::NetworkPolicy) {
                registry::round(&self.ctx, &key).await.unwrap();
            }
            if before == (self.host.version(), self.tenant.version()) {
                return;
            }
        }
        panic!("never at rest");
    }

    /// The spec on the host of the tenant's policies.
    fn specs(&self) -> Vec<Value> {
        let mut policies = self.host.list(HOST);
        policies.retain(|policy| !policy["metadata"]["annotations"]["warren.dev/origin-name"].is_null());
        policies.iter().map(|policy| policy["spec"].clone()).collect()
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.operator_has_begun();
    world.host.calls();
    world.tenant.calls();
    world
}

fn from(peer: &Value) -> Value {
    json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [peer] }] })
}

#[tokio::test]
async fn a_policy_goes_down_follows_the_tenants_and_goes_with_it() {
    let world = world().await;
    world.tenant_policy(
        "web",
        &from(&json!({ "podSelector": { "matchLabels": { "app": "web" } } })),
    );
    world.policies_at_rest().await;
    assert_eq!(world.host.writes(), ["POST networkpolicies"]);
    let expected = json!([{ "from": [{ "podSelector": { "matchLabels": {
        "tenant.warren.dev/app": "web", "warren.dev/cluster": "ci", "warren.dev/tenant-namespace": TEAM } } }] }]);
    assert_eq!(world.specs()[0]["ingress"], expected);
    world.tenant_policy("web", &json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    world.policies_at_rest().await;
    assert_eq!(world.host.writes(), ["PUT networkpolicies"]);
    assert_eq!(world.specs()[0]["ingress"], Value::Null);
    world.policies_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
    world.tenant.remove(&format!("{TENANT}web"));
    world.policies_at_rest().await;
    assert_eq!(world.specs(), Vec::<Value>::new());
    assert_eq!(world.host.list(HOST).len(), 3, "the operator's stay");
}

#[tokio::test]
async fn a_policy_waits_for_the_operators_and_follows_them() {
    let world = World::new().await;
    world.host.calls();
    world.tenant_policy(
        "web",
        &json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}] }),
    );
    world.policies_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
    world.operator_has_begun();
    world.policies_at_rest().await;
    let from = |world: &World| world.specs()[0]["ingress"][0]["from"].to_string();
    assert!(from(&world).contains("10.88.0.12/32"));
    let path = format!("{HOST}warren-open-ingress");
    let text = world
        .host
        .only(&path)
        .1
        .to_string()
        .replace("10.88.0.12/32", "10.88.0.13/32");
    world.host.put(&path, serde_json::from_str(&text).unwrap());
    world.policies_at_rest().await;
    assert!(from(&world).contains("10.88.0.13/32") && !from(&world).contains("10.88.0.12/32"));
    // It is gone, for whatever reason: what is there stays.
    world.host.remove(&path);
    world.tenant_policy("web", &json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    world.policies_at_rest().await;
    assert!(from(&world).contains("10.88.0.13/32"));
}

#[tokio::test]
async fn namespaces_are_those_that_have_the_labels_now() {
    let world = world().await;
    let selected = |world: &World| {
        let from = &world.specs()[0]["ingress"][0]["from"][0]["podSelector"];
        let values = &from["matchExpressions"][0]["values"];
        if values.is_null() {
            from["matchLabels"]["warren.dev/tenant-namespace"].clone()
        } else {
            values.clone()
        }
    };
    let (prod, dev) = (json!({ "env": "prod" }), json!({ "env": "dev" }));
    world.tenant_policy(
        "web",
        &from(&json!({ "namespaceSelector": { "matchLabels": prod } })),
    );
    world.tenant_namespaces(&[]);
    world.policies_at_rest().await;
    assert_eq!(world.specs()[0]["ingress"], Value::Null, "nobody is not everyone");
    world.tenant_namespaces(&[("one", &prod), ("two", &prod)]);
    world.policies_at_rest().await;
    assert_eq!(selected(&world), json!(["one", "two"]));
    world.tenant_namespaces(&[("one", &dev), ("two", &prod)]);
    world.policies_at_rest().await;
    assert_eq!(selected(&world), "two");
    world.tenant_namespaces(&[("one", &dev)]);
    world.policies_at_rest().await;
    assert_eq!(world.specs()[0]["ingress"], Value::Null);
}

#[tokio::test]
async fn until_namespaces_are_known_a_policy_that_selects_them_stays_as_it_is() {
    let world = world().await;
    world.tenant_policy(
        "web",
        &from(&json!({ "namespaceSelector": { "matchLabels": { "env": "prod" } } })),
    );
    world.policies_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn ranges_name_the_tenants_pods_in_them_by_address() {
    let world = world().await;
    let range = json!({ "ipBlock": { "cidr": "10.244.1.0/24" } });
    world.tenant_policy("web", &from(&range));
    world.policies_at_rest().await;
    assert_eq!(world.specs()[0]["ingress"], Value::Null);
    let told = world.told("NetworkPolicyNarrowed").await;
    assert!(told.contains("10.244.1.0/24"), "{told}");
    world.pod_has("a", "10.244.1.7");
    world.pod_has("b", "10.244.2.7");
    world.policies_at_rest().await;
    let expected = json!([{ "from": [{ "ipBlock": { "cidr": "10.244.1.7/32" } }] }]);
    assert_eq!(world.specs()[0]["ingress"], expected);
    world.host.calls();
    world.policies_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
    world.ctx.host.pods.remove(&ObjectKey::new("wc-ci", "a"));
    world.policies_at_rest().await;
    assert_eq!(world.specs()[0]["ingress"], Value::Null);
}

#[tokio::test]
async fn without_the_right_to_them_policies_stand_still_and_nothing_is_deleted() {
    let mut world = world().await;
    world.tenant_policy("web", &from(&json!({ "podSelector": {} })));
    world.policies_at_rest().await;
    world.restart().await;
    world.host.calls();
    refill(&world.ctx.policies.both.host, world.host.list(HOST));
    let key = Key::new(Kind::NetworkPolicy, TenantKey::new(TEAM, "web"));
    let round = registry::round(&world.ctx, &key).await.unwrap();
    assert!(matches!(round.state, State::Failed(_)), "{round:?}");
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_tenant_cannot_pass_for_the_operator() {
    let world = World::new().await;
    world.operator_has_begun();
    let path = format!("{HOST}warren-open-ingress");
    let (_, mut forged) = world.host.only(&path);
    forged["metadata"]["annotations"] = json!({ "warren.dev/origin-namespace": TEAM, "warren.dev/origin-name": "x",
        "warren.dev/origin-uid": "u" });
    world.host.put(&path, forged);
    world.policies_catch_up();
    assert_eq!(world.ctx.policies.open(&world.ctx.cluster), None);
}
