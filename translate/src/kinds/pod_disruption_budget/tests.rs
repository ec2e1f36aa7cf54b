//! That a drain ends whatever a tenant asks for, and that no Pod is ever in two budgets.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::apart::apart;
use super::*;
use crate::selector::tests::{all_labels, any_requirements};
use crate::selector::{self, Requirements, matches};
use crate::testing::{cluster, object};
use crate::{Note, TenantPolicy, Translated};

const NOON: &str = "2026-11-21T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

/// The tenant's budget, counted: `desired` of `expected` Pods have to stay.
fn budget(name: &str, selector: &Value, desired: i32, expected: i32) -> PodDisruptionBudget {
    object(json!({
        "metadata": { "namespace": "team", "name": name, "uid": name, "generation": 3,
            "creationTimestamp": NOON },
        "spec": { "maxUnavailable": "30%", "selector": selector, "unhealthyPodEvictionPolicy": "IfHealthyBudget" },
        "status": { "observedGeneration": 3, "desiredHealthy": desired, "expectedPods": expected,
            "currentHealthy": expected, "disruptionsAllowed": expected - desired },
    }))
}

fn go_down(
    tenant: &PodDisruptionBudget,
    siblings: &[&PodDisruptionBudget],
    host: Option<&PodDisruptionBudget>,
    now: Timestamp,
) -> Down {
    down(&cluster(), &TenantPolicy::default(), siblings, tenant, host, now).unwrap()
}

fn on_host(down: Down) -> (PodDisruptionBudget, Vec<Note>) {
    match down {
        Down::Host { translated, .. } => {
            let Translated { object, notes } = *translated;
            (object, notes)
        }
        other => panic!("{other:?}"),
    }
}

fn held(host: &PodDisruptionBudget) -> i32 {
    serde_json::from_value(json!(host.spec.as_ref().unwrap().min_available)).unwrap()
}

#[test]
fn a_budget_is_a_number_on_the_host_and_selects_the_tenants_pods_only() {
    let tenant = budget("web", &json!({ "matchLabels": { "app": "web" } }), 2, 3);
    let (host, notes) = on_host(go_down(&tenant, &[&tenant], None, noon()));
    assert_eq!(notes, []);
    insta::assert_yaml_snapshot!(host);
}

#[test]
fn without_a_selector_no_pod_is_held_and_with_an_empty_one_every_pod_of_the_namespace() {
    let none = budget("web", &Value::Null, 1, 3);
    assert_eq!(go_down(&none, &[], None, noon()), Down::Nothing(Vec::new()));
    let (host, _) = on_host(go_down(&budget("web", &json!({}), 1, 3), &[], None, noon()));
    let selector = host.spec.unwrap().selector.unwrap();
    let expected = [
        ("warren.dev/cluster".to_owned(), "ci".to_owned()),
        ("warren.dev/tenant-namespace".to_owned(), "team".to_owned()),
    ];
    assert_eq!(selector.match_labels, Some(BTreeMap::from(expected)));
}

#[test]
fn what_the_tenants_controller_has_not_counted_waits() {
    let mut tenant = budget("web", &json!({}), 1, 3);
    tenant.metadata.generation = Some(4);
    assert_eq!(go_down(&tenant, &[], None, noon()), Down::Waits);
    tenant.status = None;
    assert_eq!(go_down(&tenant, &[], None, noon()), Down::Waits);
}

#[test]
fn one_pod_at_least_can_go_and_the_tenant_is_told() {
    for (desired, expected, host, told) in [
        (1, 1, 0, 1),
        (3, 3, 2, 1),
        (1_000_000, 3, 2, 1),
        (2, 3, 2, 0),
        (0, 3, 0, 0),
        (2, 0, 0, 0),
        (-5, 3, 0, 0),
    ] {
        let tenant = budget("web", &json!({}), desired, expected);
        let (object, notes) = on_host(go_down(&tenant, &[], None, noon()));
        assert_eq!(
            (held(&object), notes.len()),
            (host, told),
            "{desired} of {expected}"
        );
    }
}

#[test]
fn the_older_of_two_budgets_keeps_a_pod() {
    let older = budget("a", &json!({ "matchLabels": { "app": "web" } }), 1, 3);
    let younger = budget("b", &json!({ "matchLabels": { "tier": "front" } }), 1, 3);
    let siblings = [&older, &younger];
    let (_, notes) = on_host(go_down(&older, &siblings, None, noon()));
    assert_eq!(notes, []);
    let (host, notes) = on_host(go_down(&younger, &siblings, None, noon()));
    assert_eq!(notes.len(), 1, "{notes:?}");
    insta::assert_yaml_snapshot!(host.spec.unwrap().selector);
    let same = budget(
        "c",
        &json!({ "matchLabels": { "app": "web", "tier": "front" } }),
        1,
        3,
    );
    let Down::Nothing(notes) = go_down(&same, &siblings, None, noon()) else {
        panic!("it is inside of an older one");
    };
    assert_eq!(notes[0].reason, BOUNDED);
}

#[test]
fn budgets_of_other_namespaces_are_nobodys_siblings() {
    let mut other = budget("a", &json!({}), 1, 3);
    other.metadata.namespace = Some("elsewhere".to_owned());
    let tenant = budget("b", &json!({}), 1, 3);
    assert_eq!(on_host(go_down(&tenant, &[&other], None, noon())).1, []);
}

/// What the host has and its disruption controller does, minute by minute, while somebody drains.
struct Host {
    budget: PodDisruptionBudget,
    healthy: i32,
    now: Timestamp,
}

impl Host {
    fn controller(&mut self) {
        let allowed = (self.healthy - held(&self.budget)).max(0);
        let says = if allowed > 0 { "True" } else { "False" };
        let before = self.budget.status.as_ref().and_then(|status| {
            let condition = status.conditions.as_ref()?.first()?;
            (condition.status == says).then_some(condition.last_transition_time.0)
        });
        let since = before.unwrap_or(self.now);
        self.budget.status = Some(object(json!({
            "currentHealthy": self.healthy, "disruptionsAllowed": allowed,
            "conditions": [{ "type": "DisruptionAllowed", "status": says, "reason": "x", "message": "",
                "lastTransitionTime": since.to_string() }],
        })));
    }

    /// A round of the syncer. True when it wrote.
    fn syncer(&mut self, tenant: &PodDisruptionBudget) -> bool {
        let (desired, _) = on_host(go_down(tenant, &[], Some(&self.budget), self.now));
        if !needs_update(&self.budget, &desired) {
            return false;
        }
        self.budget.spec = desired.spec;
        self.budget.metadata = desired.metadata;
        true
    }
}

proptest! {
    #[test]
    fn a_drain_ends_although_nothing_that_is_evicted_comes_back(
        desired in -1..9, expected in 0..9, healthy in 0..9,
    ) {
        let tenant = budget("web", &json!({}), desired, expected);
        let (budget, _) = on_host(go_down(&tenant, &[], None, noon()));
        let mut host = Host { budget, healthy, now: noon() };
        let mut minutes = 0;
        while host.healthy > 0 {
            host.controller();
            if host.healthy > held(&host.budget) {
                host.healthy -= 1;
                host.controller();
            }
            host.syncer(&tenant);
            host.now += SignedDuration::from_mins(1);
            minutes += 1;
            prop_assert!(minutes <= (i64::from(healthy) + 1) * (PATIENCE.as_mins() + 2), "{} left", host.healthy);
        }
    }

    #[test]
    fn a_budget_that_nobody_disturbs_is_not_written(desired in 0..5, expected in 1..6) {
        let tenant = budget("web", &json!({}), desired, expected);
        let (budget, _) = on_host(go_down(&tenant, &[], None, noon()));
        let mut host = Host { budget, healthy: expected, now: noon() };
        for _ in 0..60 {
            host.controller();
            prop_assert!(!host.syncer(&tenant));
            host.now += SignedDuration::from_mins(1);
        }
    }

    #[test]
    fn no_pod_is_in_two_budgets(all in proptest::collection::vec(any_requirements(), 1..5)) {
        let hosts: Vec<Option<Requirements>> = (0..all.len())
            .map(|at| apart(all[at].clone(), &all[..at]))
            .collect();
        for labels in all_labels() {
            let holding = hosts.iter().flatten().filter(|host| matches(host, &labels)).count();
            prop_assert!(holding <= 1);
            prop_assert_eq!(holding == 1 || !matches(&all[0], &labels), true, "the oldest keeps its Pods");
        }
        for (own, host) in all.iter().zip(&hosts) {
            let inside = |host: &Requirements| host.is_superset(own);
            prop_assert!(host.as_ref().is_none_or(inside), "a budget holds what is not its own");
        }
    }
}

#[test]
fn a_budget_that_gave_way_closes_again_when_its_pods_are_healthy() {
    let tenant = budget("web", &json!({}), 2, 3);
    let (budget, _) = on_host(go_down(&tenant, &[], None, noon()));
    let mut host = Host {
        budget,
        healthy: 2,
        now: noon(),
    };
    host.controller();
    let Down::Host { again, .. } = go_down(&tenant, &[], Some(&host.budget), noon()) else {
        panic!();
    };
    assert_eq!(again, Some(PATIENCE));
    host.now += PATIENCE;
    assert!(host.syncer(&tenant));
    assert_eq!(held(&host.budget), 1);
    host.controller();
    host.now += SignedDuration::from_hours(1);
    assert!(!host.syncer(&tenant), "it stays open for whoever drains");
    host.healthy = 3;
    host.controller();
    assert!(host.syncer(&tenant));
    assert_eq!(held(&host.budget), 2);
}

#[test]
fn selectors_are_kept_apart_by_what_tells_them_apart() {
    let of = |labels: &[(&str, &str)]| -> Requirements {
        let is = |(key, value): &(&str, &str)| selector::Requirement::is(key, value);
        labels.iter().map(is).collect()
    };
    let one = of(&[("name", "a"), ("instance", "x")]);
    let other = of(&[("name", "b"), ("instance", "x")]);
    assert_eq!(apart(other.clone(), std::slice::from_ref(&one)), Some(other));
    assert_eq!(
        apart(of(&[("name", "a"), ("instance", "x"), ("tier", "t")]), &[one]),
        None
    );
}
