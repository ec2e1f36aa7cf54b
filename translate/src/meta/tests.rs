//! Keys map injectively, selectors select what they selected, and nothing of Warren's can be forged.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use proptest::prelude::*;

use super::*;
use crate::identity::{ClusterId, ClusterUid, HostNamespace};

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("ci"),
        uid: ClusterUid::new("u"),
        workload_namespace: HostNamespace::new("wc-ci"),
    }
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn keys_get_a_readable_prefix() {
    assert_eq!(map_key("app", &[]), "tenant.warren.dev/app");
    assert_eq!(
        map_key("example.com/app", &[]),
        "example.com.tenant.warren.dev/app"
    );
}

#[test]
fn allowed_keys_pass_unchanged() {
    assert_eq!(
        map_key("example.com/app", &["example.com/app".to_owned()]),
        "example.com/app"
    );
}

#[test]
fn keys_of_warren_pass_under_no_class() {
    for key in [
        keys::CLUSTER,
        keys::TENANT_NAMESPACE,
        keys::ORIGIN_UID,
        keys::MANAGED_BY,
        "x.warren.dev/y",
    ] {
        assert_ne!(map_key(key, &[key.to_owned()]), key);
    }
    assert_eq!(
        map_key("notwarren.dev/x", &["notwarren.dev/x".to_owned()]),
        "notwarren.dev/x"
    );
}

#[test]
fn stamps_win_over_whatever_is_there() {
    let tenant = ObjectMeta {
        name: Some("a".to_owned()),
        namespace: Some("n".to_owned()),
        uid: Some("uid".to_owned()),
        labels: Some(map([(keys::CLUSTER, "victim"), (keys::MANAGED_BY, "helm")])),
        annotations: Some(map([
            (keys::ORIGIN_UID, "victim"),
            (LAST_APPLIED, "{}"),
            (keys::STARTED, "x"),
        ])),
        finalizers: Some(vec!["hold".to_owned()]),
        owner_references: Some(vec![OwnerReference::default()]),
        ..ObjectMeta::default()
    };
    let allowed = [keys::CLUSTER, keys::MANAGED_BY, keys::ORIGIN_UID, LAST_APPLIED]
        .map(str::to_owned)
        .to_vec();
    let policy = TenantPolicy {
        allowed_labels: allowed.clone(),
        allowed_annotations: allowed,
        ..TenantPolicy::default()
    };
    let name = HostName::computed("a-x".to_owned());
    let host = host_meta(&cluster(), &policy, &name, &tenant).unwrap();
    assert!(belongs(&cluster(), &host));
    let origin = origin(&host).unwrap();
    assert_eq!(
        (origin.key, origin.uid.as_str()),
        (TenantKey::new("n", "a"), "uid")
    );
    assert_eq!(
        host.labels.as_ref().unwrap()[keys::MANAGED_BY],
        keys::MANAGED_BY_WARREN
    );
    assert_eq!(host.finalizers, None);
    assert_eq!(host.owner_references, None);
    let annotations = host.annotations.unwrap();
    assert!(
        !annotations
            .keys()
            .any(|key| key.contains("last-applied") || key.contains("started"))
    );
}

#[test]
fn an_object_without_origin_is_not_the_tenants() {
    assert_eq!(origin(&ObjectMeta::default()), None);
    assert!(!belongs(&cluster(), &ObjectMeta::default()));
}

#[test]
fn keys_of_host_controllers_are_no_difference_but_stale_ones_of_the_tenant_are() {
    let meta = |labels| ObjectMeta {
        labels: Some(labels),
        ..ObjectMeta::default()
    };
    let desired = meta(map([("tenant.warren.dev/app", "x")]));
    assert!(!needs_update(
        &meta(map([("tenant.warren.dev/app", "x"), ("host/own", "y")])),
        &desired
    ));
    assert!(!needs_update(
        &meta(map([("tenant.warren.dev/app", "x"), ("warren.dev/other", "y")])),
        &desired
    ));
    assert!(needs_update(
        &meta(map([
            ("tenant.warren.dev/app", "x"),
            ("b.tenant.warren.dev/c", "y")
        ])),
        &desired
    ));
    assert!(needs_update(
        &meta(map([("tenant.warren.dev/app", "z")])),
        &desired
    ));
    assert!(needs_update(&ObjectMeta::default(), &desired));
}

fn key() -> impl Strategy<Value = String> {
    let long = "[a-z]{60}(\\.[a-z]{57}){3}\\.[a-z]{1,10}";
    prop_oneof![
        "[a-z]{1,3}",
        "[a-c.]{1,3}/[a-c]{1,2}",
        "([a-b]\\.){0,2}(tenant\\.)?(tenant-long\\.)?warren\\.dev/[a-b]",
        (long, "[a-b]").prop_map(|(prefix, name)| format!("{prefix}/{name}")),
    ]
}

proptest! {
    #[test]
    fn distinct_keys_stay_distinct(one in key(), other in key(), allowed in proptest::collection::vec(key(), 0..4)) {
        prop_assert_eq!(one == other, map_key(&one, &allowed) == map_key(&other, &allowed));
    }

    #[test]
    fn mapped_keys_are_valid_and_none_of_warrens_own(key in key(), allow in any::<bool>()) {
        let allowed = if allow { vec![key.clone()] } else { Vec::new() };
        let host = map_key(&key, &allowed);
        let prefix = host.split_once('/').map_or("", |(prefix, _)| prefix);
        prop_assert!(prefix.len() <= 253);
        prop_assert_ne!(prefix, "warren.dev");
        prop_assert_ne!(host, keys::MANAGED_BY);
    }

    #[test]
    fn a_selector_selects_on_the_host_what_it_selects_in_the_tenant(
        labels in proptest::collection::btree_map(key(), "[ab]", 0..4),
        selector in proptest::collection::btree_map(key(), "[ab]", 0..3),
        allowed in proptest::collection::vec(key(), 0..3),
    ) {
        let policy = TenantPolicy { allowed_labels: allowed, ..TenantPolicy::default() };
        let selects = |selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>| {
            selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let on_host = selects(&selector_down(&selector, &policy), &labels_down(&labels, &policy));
        prop_assert_eq!(selects(&selector, &labels), on_host);
        let label_selector = LabelSelector { match_labels: Some(selector.clone()), match_expressions: None };
        let host = label_selector_down(&label_selector, &policy);
        prop_assert_eq!(host.match_labels, Some(selector_down(&selector, &policy)));
    }
}
