//! Host names are valid, distinct, and depend on everything that tells objects apart.

use proptest::prelude::*;

use super::*;
use crate::identity::{ClusterId, ClusterUid, HostNamespace};

fn cluster(uid: &str) -> Cluster {
    Cluster {
        id: ClusterId::new("c"),
        uid: ClusterUid::new(uid),
        workload_namespace: HostNamespace::new("wc-c"),
    }
}

fn name(namespace: &str, name: &str) -> String {
    host_name(&cluster("u"), POD, &TenantKey::new(namespace, name)).to_string()
}

/// DNS-1035, as Services need it.
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(inner)
}

#[test]
fn joining_namespace_and_name_is_not_ambiguous() {
    assert_ne!(name("a", "b-x-c"), name("a-x-b", "c"));
    assert_ne!(name("a", "b"), name("ab", ""));
    assert_ne!(name("", "ab"), name("a", "b"));
}

#[test]
fn kind_cluster_and_part_tell_objects_apart() {
    let key = TenantKey::new("a", "b");
    let all = [
        host_name(&cluster("u"), POD, &key),
        host_name(&cluster("v"), POD, &key),
        host_name(&cluster("u"), SECRET, &key),
        host_name_of_part(&cluster("u"), POD, &key, "part"),
        host_name(
            &cluster("u"),
            Kind {
                group: "apps",
                kind: "Pod",
            },
            &key,
        ),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn long_names_with_one_prefix_stay_apart() {
    let long = "a".repeat(252);
    assert_ne!(name("n", &format!("{long}x")), name("n", &format!("{long}y")));
}

#[test]
fn names_never_change_between_versions() {
    assert_eq!(name("shop", "web-0"), "web-0-mtstvhdq2cuubbhwtt");
    assert_eq!(name("shop", "0.dotted"), "x0-dotted-xj5k2ttddlhkpxa2xa");
}

proptest! {
    #[test]
    fn every_name_is_a_dns_1035_label(namespace in "[a-z0-9-]{1,63}", text in "[a-z0-9.:-]{0,253}") {
        let host = name(&namespace, &text);
        prop_assert!(is_label(&host), "{host}");
    }

    #[test]
    fn arbitrary_text_makes_a_valid_name_too(text in ".{0,80}") {
        let host = name("n", &text);
        prop_assert!(is_label(&host), "{host}");
    }

    #[test]
    fn distinct_objects_have_distinct_names(
        one in ("[ab-]{1,4}", "[ab.-]{1,4}"),
        other in ("[ab-]{1,4}", "[ab.-]{1,4}"),
    ) {
        prop_assert_eq!(one == other, name(&one.0, &one.1) == name(&other.0, &other.1));
    }
}
