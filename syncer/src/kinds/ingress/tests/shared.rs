//! One host name, several who want it: Ingresses of one tenant, and clusters of one host.

use super::*;

/// Two clusters of one host.
async fn two() -> (World, World) {
    let one = World::with_ingresses().await;
    let mut other = one.neighbour().await;
    other.allow(&["*.example.com"]);
    (one, other)
}

#[tokio::test]
async fn of_two_clusters_with_the_same_name_the_second_is_told_and_gets_it_when_it_is_free() {
    let (one, other) = two().await;
    one.ingress("web", &["a.example.com"]);
    other.ingress("web", &["a.example.com"]);
    one.ingresses_at_rest().await;
    other.ingresses_at_rest().await;
    assert_eq!((one.host_ingresses().len(), other.host_ingresses().len()), (1, 0));
    let said = other.told("HostnameConflict").await;
    assert!(said.contains("a.example.com"), "{said}");
    for secret in ["team-a", "ci", "wc-"] {
        assert!(
            !said
                .split(|c: char| !c.is_alphanumeric() && c != '-')
                .any(|word| word == secret),
            "{said}"
        );
    }
    // It waits in silence.
    other.host.calls();
    other.ingresses_at_rest().await;
    assert_eq!(other.host.calls(), Vec::<String>::new());

    one.tenant.remove(&format!("{TENANT}web"));
    one.ingresses_at_rest().await;
    assert!(one.claims().is_empty());
    other.ingresses_at_rest().await;
    assert_eq!((one.host_ingresses().len(), other.host_ingresses().len()), (0, 1));
    assert_eq!(one.host.only(CLAIMS).1["spec"]["clusterId"], "other");
}

#[tokio::test]
async fn a_name_below_anothers_wildcard_and_a_wildcard_above_anothers_name_are_not_to_be_had() {
    for (first, second) in [
        ("*.example.com", "a.example.com"),
        ("*.example.com", "a.b.example.com"),
        ("a.example.com", "*.example.com"),
        ("a.b.example.com", "*.example.com"),
        ("*.b.example.com", "*.example.com"),
        ("*.example.com", "*.b.example.com"),
    ] {
        // With watches that show the first claim, and with ones that do not yet.
        for shown in [true, false] {
            let (one, other) = two().await;
            one.ingress("web", &[first]);
            one.ingresses_at_rest().await;
            other.ingress("web", &[second]);
            other.ingresses_catch_up();
            if !shown {
                refill(&other.ctx.host_names.claims, Vec::new());
            }
            assert!(
                matches!(other.state("web").await, State::Failed(_)),
                "{first} {second} {shown}"
            );
            assert_eq!(one.claims(), [first], "{second} {shown}");
            other.told("HostnameConflict").await;
            other.ingresses_at_rest().await;
            one.ingresses_at_rest().await;
            assert_eq!(
                (one.host_ingresses().len(), other.host_ingresses().len()),
                (1, 0),
                "{first} {second} {shown}"
            );
        }
    }
}

/// Each has stored its claim before its watch shows the other's, and can do no more for now.
#[tokio::test]
async fn of_two_claims_that_meet_the_one_that_was_stored_first_stays() {
    for other_first in [true, false] {
        let (one, other) = two().await;
        for (world, host) in [(&one, "*.example.com"), (&other, "a.example.com")] {
            world.ingress("web", &[host]);
            world.ingresses_catch_up();
            refill(&world.ctx.host_names.claims, Vec::new());
            world.host.allow_writes(Some(1));
            let _failed = registry::round(&world.ctx, &key("web")).await;
            world.host.allow_writes(None);
        }
        assert_eq!(one.claims(), ["a.example.com", "*.example.com"]);
        let order = if other_first {
            [&other, &one]
        } else {
            [&one, &other]
        };
        for world in order.into_iter().chain(order) {
            world.ingresses_at_rest().await;
        }
        assert_eq!(one.claims(), ["*.example.com"]);
        assert_eq!((one.host_ingresses().len(), other.host_ingresses().len()), (1, 0));
    }
}

#[tokio::test]
async fn one_claim_serves_all_ingresses_of_a_tenant_until_the_last_is_gone() {
    let world = World::with_ingresses().await;
    world.ingress("one", &["a.example.com"]);
    world.ingress("two", &["a.example.com", "*.example.com"]);
    world.ingresses_at_rest().await;
    assert_eq!(world.claims(), ["a.example.com", "*.example.com"]);
    assert_eq!(
        world.host_ingresses().len(),
        2,
        "a wildcard of its own is no rival"
    );
    world.tenant.remove(&format!("{TENANT}two"));
    world.ingresses_at_rest().await;
    assert_eq!(world.claims(), ["a.example.com"]);
    world.tenant.remove(&format!("{TENANT}one"));
    world.ingresses_at_rest().await;
    assert!(world.claims().is_empty());
}

#[tokio::test]
async fn an_ingress_gets_all_of_its_names_or_takes_none() {
    let (one, other) = two().await;
    one.ingress("web", &["b.example.com"]);
    one.ingresses_at_rest().await;
    other.ingress("web", &["a.example.com", "b.example.com", "c.example.com"]);
    other.ingresses_catch_up();
    // Its watch does not show the rival, so it finds out halfway.
    other
        .ctx
        .host_names
        .claims
        .replace(std::collections::HashMap::new());
    assert!(matches!(other.state("web").await, State::Failed(_)));
    assert_eq!(one.claims(), ["b.example.com"]);
    other.ingresses_at_rest().await;
    assert_eq!(one.claims(), ["b.example.com"]);
}

#[tokio::test]
async fn an_ingress_that_asks_for_a_taken_name_too_serves_on_as_it_was() {
    let (one, other) = two().await;
    one.ingress("web", &["taken.example.com"]);
    one.ingresses_at_rest().await;
    other.ingress("web", &["a.example.com"]);
    other.ingresses_at_rest().await;
    other.ingress("web", &["a.example.com", "taken.example.com"]);
    other.ingresses_at_rest().await;
    assert_eq!(
        other.host_ingresses()[0]["spec"]["rules"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(other.claims(), ["a.example.com", "taken.example.com"]);
    // What the tenant asks for no longer is not served on.
    other.ingress("web", &["taken.example.com"]);
    other.ingresses_at_rest().await;
    assert!(other.host_ingresses().is_empty());
    assert_eq!(other.claims(), ["taken.example.com"]);
}

#[tokio::test]
async fn a_name_that_was_lost_is_served_no_more() {
    let (one, other) = two().await;
    one.ingress("web", &["a.example.com"]);
    one.ingresses_at_rest().await;
    // An administrator takes the claim away, and the other cluster is quicker.
    one.host.remove(&format!("{CLAIMS}h.a.example.com"));
    other.ingress("web", &["a.example.com"]);
    other.ingresses_at_rest().await;
    one.ingresses_at_rest().await;
    assert_eq!((one.host_ingresses().len(), other.host_ingresses().len()), (0, 1));
    one.told("HostnameConflict").await;
}

#[tokio::test]
async fn a_claim_that_was_taken_away_is_made_again() {
    let world = World::with_ingresses().await;
    world.ingress("web", &["a.example.com"]);
    world.ingresses_at_rest().await;
    tokio::time::pause();
    tokio::time::advance(crate::verified::LAG).await;
    world.host.remove(&format!("{CLAIMS}h.a.example.com"));
    world.ingresses_at_rest().await;
    assert_eq!(world.claims(), ["a.example.com"]);
}

#[tokio::test]
async fn what_takes_every_other_request_is_one_clusters_only() {
    let (mut one, mut other) = two().await;
    for world in [&mut one, &mut other] {
        world.allow(&["*"]);
        world.ingress("all", &[""]);
        world.ingresses_at_rest().await;
    }
    assert_eq!((one.host_ingresses().len(), other.host_ingresses().len()), (1, 0));
    assert!(one.host.only(CLAIMS).0.ends_with("/any"));
    other.ingress("web", &["a.example.com"]);
    other.ingresses_at_rest().await;
    assert_eq!(
        other.host_ingresses().len(),
        1,
        "a name of its own is no rival of the rest"
    );
}
