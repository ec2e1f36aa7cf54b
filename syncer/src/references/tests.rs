//! The index's promises, one test each.

use serde_json::json;

use super::*;

fn pod(name: &str, uid: &str, config_maps: &[&str]) -> TenantPod {
    let volumes: Vec<_> = config_maps
        .iter()
        .map(|map| json!({ "name": map, "configMap": { "name": map } }))
        .collect();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "team", "name": name, "uid": uid },
        "spec": { "nodeName": "n1", "containers": [], "volumes": volumes },
    });
    serde_json::from_value(pod).unwrap()
}

fn config_map(name: &str) -> Key {
    Key::new(Kind::ConfigMap, TenantKey::new("team", name))
}

#[test]
fn the_first_sight_of_a_pod_raises_all_that_it_names() {
    let references = References::default();
    assert_eq!(
        references.watched(&pod("a", "1", &["x", "y"])),
        [config_map("x"), config_map("y")]
    );
    assert!(references.is_referenced(&config_map("x")));
    assert!(!references.is_referenced(&config_map("z")));
}

#[test]
fn a_pod_seen_again_raises_nothing() {
    let references = References::default();
    references.watched(&pod("a", "1", &["x"]));
    assert!(references.watched(&pod("a", "1", &["x"])).is_empty());
}

#[test]
fn an_object_that_two_pods_name_stays_until_both_are_gone() {
    let references = References::default();
    let (a, b) = (pod("a", "1", &["x"]), pod("b", "2", &["x"]));
    references.watched(&a);
    references.watched(&b);
    assert_eq!(references.gone(&a), [config_map("x")]);
    assert!(references.is_referenced(&config_map("x")));
    references.gone(&b);
    assert!(!references.is_referenced(&config_map("x")));
}

#[test]
fn a_successor_of_the_same_name_releases_what_only_its_predecessor_named() {
    let references = References::default();
    references.watched(&pod("a", "1", &["x"]));
    let raised = references.watched(&pod("a", "2", &["y"]));
    assert_eq!(raised, [config_map("y"), config_map("x")]);
    assert!(!references.is_referenced(&config_map("x")));
    assert!(
        references.gone(&pod("a", "1", &["x"])).is_empty(),
        "a late delete of the predecessor changes nothing"
    );
    assert!(references.is_referenced(&config_map("y")));
}

#[test]
fn a_pin_holds_until_it_is_over_and_then_lets_go() {
    let references = References::default();
    let now = Instant::now();
    references.pin(&pod("a", "1", &["x"]), now);
    assert!(references.expire(now + PIN / 2).is_empty());
    assert!(references.is_referenced(&config_map("x")));
    assert_eq!(references.expire(now + PIN), [config_map("x")]);
    assert!(!references.is_referenced(&config_map("x")));
}

#[test]
fn the_watch_ends_a_pin_and_its_delete_counts_at_once() {
    let references = References::default();
    let pod = pod("a", "1", &["x"]);
    references.pin(&pod, Instant::now());
    assert_eq!(references.watched(&pod), [config_map("x")]);
    references.pin(&pod, Instant::now());
    assert_eq!(references.gone(&pod), [config_map("x")]);
    assert!(!references.is_referenced(&config_map("x")));
}

#[test]
fn a_pin_is_not_replaced_by_an_older_pod_of_the_same_name() {
    let references = References::default();
    references.pin(&pod("a", "2", &["y"]), Instant::now());
    assert!(references.watched(&pod("a", "1", &["x"])).is_empty());
    assert!(references.is_referenced(&config_map("y")));
    references.watched(&pod("a", "2", &["y"]));
    assert!(references.expire(Instant::now() + PIN).is_empty(), "watched now");
}

#[test]
fn bundles_and_certificates_are_known_by_who_asks() {
    let references = References::default();
    let pod: TenantPod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "team", "name": "a", "uid": "1" },
        "spec": { "nodeName": "n1", "containers": [], "volumes": [
            { "name": "t", "projected": { "sources": [
                { "clusterTrustBundle": { "name": "corp", "path": "ca" } },
                { "podCertificate": { "signerName": "a/b", "keyType": "ED25519", "keyPath": "k" } } ] } } ] },
    }))
    .unwrap();
    let raised = references.watched(&pod);
    let (key, uid) = (TenantKey::new("team", "a"), TenantUid::new("1"));
    let asked = references.trust_bundles();
    let [(bundle, ask)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(bundle, &Key::trust_bundle("team", ask));
    assert_eq!(references.trust_bundle(bundle).as_ref(), Some(ask));
    let certificate = Key::certificate(key.clone(), uid.clone(), "t.1".to_owned());
    assert_eq!(
        references.certificates(&key, &uid),
        std::slice::from_ref(&certificate)
    );
    assert_eq!(raised, [bundle.clone(), certificate]);
    let (need, node) = references.certificate(&key, &uid, "t.1").unwrap();
    assert_eq!((need.signer_name.as_str(), node.as_str()), ("a/b", "n1"));
    assert!(references.certificate(&key, &uid, "t.0").is_none());
    assert!(
        references
            .certificate(&key, &TenantUid::new("2"), "t.1")
            .is_none()
    );
    references.gone(&pod);
    assert!(references.trust_bundle(bundle).is_none());
}

#[test]
fn tokens_are_known_by_pod_and_uid() {
    let references = References::default();
    let pod: TenantPod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "team", "name": "a", "uid": "1" },
        "spec": { "nodeName": "n1", "containers": [], "serviceAccountName": "robot", "volumes": [
            { "name": "t", "projected": { "sources": [
                { "serviceAccountToken": { "path": "token", "expirationSeconds": 3607 } } ] } } ] },
    }))
    .unwrap();
    references.watched(&pod);
    let key = TenantKey::new("team", "a");
    let tokens = references.tokens(&key, &TenantUid::new("1")).unwrap();
    assert_eq!(tokens[0].service_account, "robot");
    assert!(references.tokens(&key, &TenantUid::new("2")).is_none());
}
