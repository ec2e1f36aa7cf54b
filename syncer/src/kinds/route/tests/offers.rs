//! What comes and goes with the class and with the host's definitions.

use warren_crds::gateways::TLS_ROUTES;

use super::*;

fn offer() -> TenantPolicy {
    policy(
        &["*.example.com"],
        &json!([{ "namespace": "infra", "name": "public" }]),
    )
}

#[tokio::test]
async fn the_tenant_has_the_definitions_and_sees_the_gateway_without_what_is_the_hosts() {
    let world = World::with_gateways().await;
    for name in [GATEWAYS, HTTP_ROUTES] {
        let copy = world.tenant.only(&format!("{DEFINITIONS}{name}")).1;
        assert_eq!(copy["metadata"]["labels"]["warren.dev/from-host"], "true");
        assert_eq!(
            copy["metadata"]["annotations"]["api-approved.kubernetes.io"],
            "approved"
        );
    }
    world.tenant.only("/api/v1/namespaces/infra");
    let seen = world.tenant.only(PUBLIC).1;
    assert_eq!(seen["spec"]["gatewayClassName"], "warren.dev/from-host");
    assert_eq!(seen["spec"]["listeners"][0]["name"], "http");

    // What the host says of it comes up, and what the tenant makes of it is put back.
    World::change(&world.host, PUBLIC, |gateway| {
        gateway["status"] = json!({ "conditions": [{ "type": "Programmed", "status": "True", "reason": "Programmed",
            "message": "at 192.0.2.1", "lastTransitionTime": "2026-11-30T00:00:00Z" }] });
    });
    World::change(&world.tenant, PUBLIC, |gateway| {
        gateway["spec"]["listeners"][0]["port"] = json!(81);
    });
    world.routes_at_rest().await;
    let seen = world.tenant.only(PUBLIC).1;
    assert_eq!(seen["spec"]["listeners"][0]["port"], 80);
    assert_eq!(seen["status"]["conditions"][0]["status"], "True");
    assert!(!seen.to_string().contains("192.0.2.1"), "{seen}");
    world.tenant.calls();
    world.routes_at_rest().await;
    assert_eq!(world.tenant.writes(), Vec::<String>::new(), "at rest");
}

#[tokio::test]
async fn a_gateway_that_the_class_offers_no_more_goes_with_its_routes() {
    let mut world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    let other = policy(
        &["*.example.com"],
        &json!([{ "namespace": "infra", "name": "other" }]),
    );
    world.begin(other).await;
    world.routes_at_rest().await;
    assert!(world.tenant.list(PUBLIC).is_empty());
    assert!(world.host_routes().is_empty() && world.claimed().is_empty());
    let said = world.told("PolicyViolation").await;
    assert!(
        said.contains("infra/public, which is not offered: the platform offers infra/other"),
        "{said}"
    );
}

#[tokio::test]
async fn a_class_that_offers_none_any_more_leaves_nothing_on_the_host_and_the_routes_to_the_tenant() {
    let mut world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    let none = policy(&["*.example.com"], &json!([]));
    for are_listed in [false, true] {
        world.begin(none.clone()).await;
        world.routes_catch_up();
        if !are_listed {
            let ctx = Arc::get_mut(&mut world.ctx).unwrap();
            ctx.customs.tenant_definitions = Store::default();
        }
        // The host still has the route: its name is not free.
        crate::host_names::release(&world.ctx, None).await.unwrap();
        assert_eq!(world.claimed(), ["a.example.com"]);
    }
    for _ in 0..4 {
        world.rounds_of_routes().await;
    }
    crate::host_names::release(&world.ctx, None).await.unwrap();
    assert!(world.host_routes().is_empty() && world.claimed().is_empty());
    assert!(world.tenant.list(PUBLIC).is_empty());
    assert_eq!(world.tenant.list(TENANT).len(), 1);
    let definition = world.tenant.only(&format!("{DEFINITIONS}{HTTP_ROUTES}")).1;
    assert!(
        definition["metadata"]["labels"]
            .get("warren.dev/from-host")
            .is_none()
    );
    world.host.only(PUBLIC);
}

#[tokio::test]
async fn a_host_without_the_api_is_no_problem_and_one_that_gets_it_is_a_new_start() {
    let mut world = World::new().await;
    world.begin(offer()).await;
    world.routes_at_rest().await;
    let problems: Vec<String> = areas::areas(&world.ctx)
        .iter()
        .filter_map(crate::stores::Area::problem)
        .filter(|problem| problem.contains("gateway"))
        .collect();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(world.tenant.writes(), Vec::<String>::new());
    assert!(!world.ctx.restart.is_cancelled());

    let path = format!("{DEFINITIONS}{TLS_ROUTES}");
    world.host.put(&path, definition(TLS_ROUTES, &["v1alpha2"]));
    world.rounds_of_routes().await;
    assert!(world.ctx.restart.is_cancelled());
    world.begin(offer()).await;
    assert_eq!(world.ctx.customs.kinds[TLS_ROUTES].custom.version, "v1alpha2");
    world.routes_at_rest().await;
    assert!(!world.ctx.restart.is_cancelled());
    world.tenant.only(&path);

    world.host.put(&path, definition(TLS_ROUTES, &["v1alpha2", "v1"]));
    world.rounds_of_routes().await;
    assert!(world.ctx.restart.is_cancelled());
    world.begin(offer()).await;
    assert_eq!(world.ctx.customs.kinds[TLS_ROUTES].custom.version, "v1");

    world.host.remove(&path);
    world.rounds_of_routes().await;
    assert!(world.ctx.restart.is_cancelled(), "nothing is left to watch");
}

#[tokio::test]
async fn nothing_goes_down_of_definitions_that_the_tenant_made_itself() {
    let mut world = World::with_gateways().await;
    for name in [GATEWAYS, HTTP_ROUTES] {
        world
            .tenant
            .put(&format!("{DEFINITIONS}{name}"), definition(name, &["v1"]));
    }
    world.begin(offer()).await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    assert!(
        world
            .told("NameTaken")
            .await
            .contains("has a definition of its own")
    );
    assert!(world.host_routes().is_empty() && world.claimed().is_empty());
}

#[tokio::test]
async fn a_gateway_of_the_tenants_own_under_the_name_stays_and_routes_get_the_platforms() {
    let mut world = World::with_gateways().await;
    let own = gateway(&json!([{ "name": "mine", "port": 81, "protocol": "HTTP" }]));
    world.tenant.put(PUBLIC, own);
    world.begin(offer()).await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    world.told("HidesOffer").await;
    assert_eq!(
        world.tenant.only(PUBLIC).1["spec"]["listeners"][0]["name"],
        "mine"
    );
    assert_eq!(world.host_routes().len(), 1);
}

#[tokio::test]
async fn a_class_that_offers_no_gateways_reads_nothing_of_them() {
    let mut world = World::new().await;
    world.host.calls();
    world.begin(policy(&["*"], &json!([]))).await;
    assert!(world.ctx.customs.kinds.is_empty());
    let calls = world.host.calls();
    assert!(!calls.iter().any(|call| call.contains("gateway")), "{calls:?}");
}
