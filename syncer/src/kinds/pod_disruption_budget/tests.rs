//! Budgets between two APIs: down, changed, kept apart, gone; and nothing at rest.

use serde_json::{Value, json};
use warren_runtime::store::ObjectKey;
use warren_translate::identity::TenantKey;

use crate::key::{Key, Kind};
use crate::registry;
use crate::settlements::State;
use crate::testing::storage::is_stale;
use crate::testing::{FakeApi, TEAM, World, refill};

const TENANT: &str = "/apis/policy/v1/namespaces/team/poddisruptionbudgets/";
const HOST: &str = "/apis/policy/v1/namespaces/wc-ci/poddisruptionbudgets/";

impl World {
    /// The tenant has a budget, counted by its disruption controller: `desired` of three Pods stay.
    fn tenant_budget(&self, name: &str, labels: &Value, desired: i32) {
        self.tenant.put(
            &format!("{TENANT}{name}"),
            json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": { "namespace": TEAM, "uid": format!("t-{name}"), "generation": 1,
                    "creationTimestamp": "2026-11-21T12:00:00Z" },
                "spec": { "minAvailable": desired, "selector": { "matchLabels": labels } },
                "status": { "observedGeneration": 1, "desiredHealthy": desired, "expectedPods": 3,
                    "currentHealthy": 3, "disruptionsAllowed": 1 },
            }),
        );
    }

    fn budgets_catch_up(&self) {
        refill(&self.ctx.budgets.tenant, self.tenant.list(TENANT));
        refill(&self.ctx.budgets.host, self.host.list(HOST));
    }

    /// Rounds of all budgets until nothing changes any more.
    async fn budgets_at_rest(&self) {
        for _ in 0..10 {
            let before = (self.host.version(), self.tenant.version());
            self.budgets_catch_up();
            for key in self.keys(Kind::Budget) {
                registry::round(&self.ctx, &key).await.unwrap();
            }
            if before == (self.host.version(), self.tenant.version()) {
                return;
            }
        }
        panic!("never at rest");
    }
}

/// Both sides are there, and what it took to see that is forgotten.
async fn world() -> World {
    let world = World::new().await;
    world.host.calls();
    world.tenant.calls();
    world
}

fn held(api: &FakeApi) -> Value {
    api.only(HOST).1["spec"]["minAvailable"].clone()
}

#[tokio::test]
async fn a_view_in_which_it_is_gone_does_not_remove_it() {
    let world = world().await;
    world.tenant_budget("web", &json!({ "app": "web" }), 2);
    world.budgets_at_rest().await;
    world.host.writes();
    refill(&world.ctx.budgets.tenant, Vec::new());
    let key = Key::new(Kind::Budget, TenantKey::new(TEAM, "web"));
    assert!(is_stale(&registry::round(&world.ctx, &key).await));
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_budget_goes_down_follows_the_tenants_and_goes_with_it() {
    let world = world().await;
    world.tenant_budget("web", &json!({ "app": "web" }), 2);
    world.budgets_at_rest().await;
    assert_eq!(world.host.writes(), ["POST poddisruptionbudgets"]);
    assert_eq!(held(&world.host), 2);
    world.tenant_budget("web", &json!({ "app": "web" }), 1);
    world.budgets_at_rest().await;
    assert_eq!(held(&world.host), 1);
    assert_eq!(world.host.writes(), ["PUT poddisruptionbudgets"]);
    world.budgets_at_rest().await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
    assert_eq!(
        world.tenant.writes(),
        Vec::<String>::new(),
        "its status is its own"
    );
    world.tenant.remove(&format!("{TENANT}web"));
    world.budgets_at_rest().await;
    assert!(world.host.list(HOST).is_empty());
}

#[tokio::test]
async fn what_the_hosts_controller_writes_stays() {
    let world = world().await;
    world.tenant_budget("web", &json!({ "app": "web" }), 2);
    world.budgets_at_rest().await;
    let (path, mut host) = world.host.only(HOST);
    host["metadata"]["annotations"]["example.com/of-the-host"] = json!("yes");
    host["status"] = json!({ "currentHealthy": 3, "disruptionsAllowed": 1 });
    world.host.put(&path, host);
    world.tenant_budget("web", &json!({ "app": "web" }), 1);
    world.budgets_at_rest().await;
    let host = world.host.only(HOST).1;
    assert_eq!(host["metadata"]["annotations"]["example.com/of-the-host"], "yes");
}

#[tokio::test]
async fn a_budget_that_is_inside_of_an_older_one_is_not_on_the_host_and_says_so() {
    let world = world().await;
    world.tenant_budget("a", &json!({}), 2);
    world.tenant_budget("b", &json!({ "app": "web" }), 2);
    world.budgets_at_rest().await;
    assert_eq!(world.host.list(HOST).len(), 1);
    let said = world.told("DisruptionBudgetBounded").await;
    assert!(said.contains("older budgets"), "{said}");
    world.tenant.remove(&format!("{TENANT}a"));
    world.budgets_at_rest().await;
    let host = world.host.only(HOST).1;
    assert_eq!(host["metadata"]["annotations"]["warren.dev/origin-name"], "b");
}

#[tokio::test]
async fn without_the_right_to_it_a_budget_stands_still_and_nothing_is_deleted() {
    let mut world = world().await;
    world.tenant_budget("web", &json!({ "app": "web" }), 2);
    world.budgets_at_rest().await;
    // A new process that sees the host's side but not the tenant's.
    world.restart().await;
    world.tenant.calls();
    world.host.calls();
    refill(&world.ctx.budgets.host, world.host.list(HOST));
    let key = Key::new(Kind::Budget, TenantKey::new(TEAM, "web"));
    let round = registry::round(&world.ctx, &key).await.unwrap();
    assert!(matches!(round.state, State::Failed(_)), "{round:?}");
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_write_that_the_store_does_not_show_yet_is_not_repeated() {
    let world = world().await;
    world.tenant_budget("web", &json!({ "app": "web" }), 2);
    world.budgets_catch_up();
    let key = Key::new(Kind::Budget, TenantKey::new(TEAM, "web"));
    for _ in 0..3 {
        registry::round(&world.ctx, &key).await.unwrap();
    }
    assert_eq!(world.host.writes(), ["POST poddisruptionbudgets"]);
}

#[tokio::test]
async fn what_is_not_this_clusters_is_left_alone() {
    let world = world().await;
    world.tenant_budget("web", &json!({ "app": "web" }), 2);
    world.budgets_at_rest().await;
    let (path, mut host) = world.host.only(HOST);
    host["metadata"]["labels"]["warren.dev/cluster"] = json!("another");
    world.host.put(&path, host);
    world.tenant.remove(&format!("{TENANT}web"));
    world.budgets_catch_up();
    let name = path.rsplit('/').next().unwrap();
    assert!(
        world
            .ctx
            .budgets
            .host
            .get(&ObjectKey::new("wc-ci", name))
            .is_some()
    );
    let key = Key::new(Kind::Budget, TenantKey::new(TEAM, "web"));
    registry::round(&world.ctx, &key).await.unwrap();
    assert_eq!(world.host.list(HOST).len(), 1);
}
