//! One name, two clusters.

use super::*;

/// Both, on one host.
async fn neighbours() -> (World, World) {
    let one = World::with_gateways().await;
    let mut other = one.neighbour().await;
    let cluster = other.ctx.cluster.clone();
    other.begin(one.ctx.policy.clone()).await;
    Arc::get_mut(&mut other.ctx).unwrap().cluster = cluster;
    other.routes_at_rest().await;
    (one, other)
}

#[tokio::test]
async fn a_name_is_one_clusters_until_it_gives_it_back() {
    let (one, other) = neighbours().await;
    one.route("web", &["a.example.com"]);
    one.routes_at_rest().await;
    for taken in ["a.example.com", "*.example.com"] {
        other.route("web", &[taken]);
        other.routes_at_rest().await;
        let said = other.told("HostnameConflict").await;
        assert!(said.contains("another cluster serves it"), "{said}");
        assert!(!said.contains("team-a"), "{said}");
        assert!(other.host_routes().is_empty(), "{taken}");
    }
    assert_eq!(one.host_routes().len(), 1);
    one.tenant.remove(&format!("{TENANT}web"));
    one.round_of_gone("web").await;
    other.routes_at_rest().await;
    assert_eq!(other.host_routes().len(), 1);
    assert_eq!(one.claimed(), ["*.example.com"]);
}

#[tokio::test]
async fn a_route_that_asks_for_a_name_more_which_is_taken_serves_on_as_it_was() {
    let (one, other) = neighbours().await;
    one.route("web", &["a.example.com"]);
    one.routes_at_rest().await;
    other.route("web", &["b.example.com"]);
    other.routes_at_rest().await;
    other.route("web", &["b.example.com", "a.example.com"]);
    other.routes_at_rest().await;
    assert_eq!(
        other.host_routes()[0]["spec"]["hostnames"],
        json!(["b.example.com"])
    );
    // It asks no more for what it serves.
    other.route("web", &["a.example.com"]);
    other.routes_at_rest().await;
    assert!(other.host_routes().is_empty());
    assert_eq!(one.claimed(), ["a.example.com"]);
}

#[tokio::test]
async fn a_name_that_an_ingress_of_the_same_cluster_serves_stays_claimed() {
    let world = World::with_gateways().await;
    world.route("web", &["a.example.com"]);
    world.routes_at_rest().await;
    let host = json!({
        "metadata": { "namespace": "wc-ci", "labels": { "warren.dev/cluster": "ci" } },
        "spec": { "rules": [{ "host": "a.example.com" }] },
    });
    let path = "/apis/networking.k8s.io/v1/namespaces/wc-ci/ingresses/web-x";
    world.host.put(path, host);
    world.tenant.remove(&format!("{TENANT}web"));
    world.round_of_gone("web").await;
    assert!(world.host_routes().is_empty());
    assert_eq!(world.claimed(), ["a.example.com"], "the host's list says so");
    world.host.remove(path);
    crate::host_names::release(&world.ctx, None).await.unwrap();
    assert!(world.claimed().is_empty());
}
