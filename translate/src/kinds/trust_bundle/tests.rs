//! Trust bundles: what is asked for, what is selected, what is written.

use k8s_openapi::api::core::v1::{ClusterTrustBundleProjection, Pod};
use serde_json::{Value, json};

use super::*;
use crate::testing::{cluster, object};
use crate::{TenantNamespace, pem};

fn ask(source: Value) -> TrustBundleAsk {
    TrustBundleAsk::of(&object::<ClusterTrustBundleProjection>(source)).unwrap()
}

fn by_name(name: &str) -> TrustBundleAsk {
    ask(json!({ "name": name, "path": "ca.pem" }))
}

fn bundle(name: &str, signer: &str, live: &str, ders: &[&[u8]]) -> TrustBundle {
    TrustBundle {
        name: name.to_owned(),
        labels: [("live".to_owned(), live.to_owned())].into(),
        signer_name: signer.to_owned(),
        trust_bundle: ders.iter().map(|der| pem::certificate(der)).collect(),
    }
}

fn blocks_of(content: &str) -> Vec<Vec<u8>> {
    pem::blocks(content)
}

#[test]
fn a_pod_asks_once_for_what_several_sources_name() {
    let pod: Pod = object(json!({ "spec": { "containers": [], "volumes": [
        { "name": "a", "projected": { "sources": [
            { "clusterTrustBundle": { "name": "corp", "path": "a.pem" } },
            { "clusterTrustBundle": { "name": "corp", "path": "b.pem", "optional": true } },
            { "clusterTrustBundle": { "signerName": "corp.example/ca", "path": "c.pem" } } ] } },
        { "name": "b", "projected": { "sources": [
            { "clusterTrustBundle": { "name": "corp", "path": "a.pem", "optional": false } } ] } },
    ] } }));
    let keys: Vec<String> = needs(&pod).iter().map(TrustBundleAsk::key).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.contains(&"name/corp".to_owned()) && keys.contains(&"optional/name/corp".to_owned()));
}

#[test]
fn an_ask_without_name_and_signer_is_none() {
    assert_eq!(TrustBundleAsk::of(&object(json!({ "path": "x" }))), None);
}

#[test]
fn asks_that_select_differently_have_different_config_maps() {
    let signer =
        |selector: Value| ask(json!({ "signerName": "a/b", "labelSelector": selector, "path": "x" }));
    let asks = [
        by_name("a/b"),
        ask(json!({ "name": "a/b", "path": "x", "optional": true })),
        signer(Value::Null),
        signer(json!({})),
        signer(json!({ "matchLabels": { "a": "b" } })),
        signer(json!({ "matchLabels": { "a": "c" } })),
    ];
    let namespace = TenantNamespace::new("shop");
    let names: std::collections::BTreeSet<_> = asks
        .iter()
        .map(|ask| host_name(&cluster(), &namespace, ask))
        .collect();
    assert_eq!(names.len(), asks.len());
    assert_ne!(
        host_name(&cluster(), &TenantNamespace::new("other"), &asks[0]),
        host_name(&cluster(), &namespace, &asks[0])
    );
}

#[test]
fn the_bundle_of_the_name_is_written_clean() {
    let mut corp = bundle("corp", "", "yes", &[b"one", b"two"]);
    corp.trust_bundle = format!(
        "a comment\n{}trailing: text\n",
        corp.trust_bundle.replace('\n', "\r\n")
    );
    let content = content(
        &by_name("corp"),
        [&corp, &bundle("other", "", "yes", &[b"three"])],
    )
    .unwrap();
    assert!(!content.contains("comment") && !content.contains('\r') && !content.contains("trailing"));
    assert_eq!(blocks_of(&content), [b"one".to_vec(), b"two".to_vec()]);
}

#[test]
fn a_signers_bundles_are_united_without_duplicates_in_a_stable_order() {
    let ask = ask(json!({ "signerName": "a/b", "labelSelector": {}, "path": "x" }));
    let (one, two) = (
        bundle("a:b:1", "a/b", "yes", &[b"y", b"x"]),
        bundle("a:b:2", "a/b", "no", &[b"z", b"x"]),
    );
    let forth = content(&ask, [&one, &two]).unwrap();
    assert_eq!(Some(&forth), content(&ask, [&two, &one]).as_ref());
    assert_eq!(blocks_of(&forth), [b"x".to_vec(), b"y".to_vec(), b"z".to_vec()]);
}

#[test]
fn a_signer_is_selected_by_labels_and_an_unset_selector_selects_nothing() {
    let bundles = [
        bundle("a:b:1", "a/b", "yes", &[b"x"]),
        bundle("a:b:2", "a/b", "no", &[b"y"]),
        bundle("a:b:3", "other/b", "yes", &[b"z"]),
    ];
    let get = |selector: Value| {
        let ask = ask(json!({ "signerName": "a/b", "labelSelector": selector, "path": "x" }));
        content(&ask, &bundles).map(|content| blocks_of(&content).len())
    };
    assert_eq!(get(Value::Null), None);
    assert_eq!(get(json!({})), Some(2));
    assert_eq!(get(json!({ "matchLabels": { "live": "yes" } })), Some(1));
    let expression = |operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": "live", "operator": operator, "values": values }] });
    assert_eq!(get(expression("In", &["yes", "no"])), Some(2));
    assert_eq!(get(expression("NotIn", &["yes"])), Some(1));
    assert_eq!(get(expression("Exists", &[])), Some(2));
    assert_eq!(get(expression("DoesNotExist", &[])), None);
}

#[test]
fn what_is_missing_is_none_when_required_and_empty_when_optional() {
    assert_eq!(content(&by_name("corp"), []), None);
    let optional = ask(json!({ "name": "corp", "path": "x", "optional": true }));
    assert_eq!(content(&optional, []), Some(String::new()));
}

#[test]
fn pem_lines_are_64_characters_and_read_back() {
    let der: Vec<u8> = (0..=255).collect();
    let text = pem::certificate(&der);
    assert!(
        text.starts_with("-----BEGIN CERTIFICATE-----\n") && text.ends_with("-----END CERTIFICATE-----\n")
    );
    assert!(text.lines().all(|line| line.len() <= 64));
    assert_eq!(blocks_of(&text), [der]);
}

#[test]
fn a_chain_loses_text_and_headers_and_keeps_its_order() {
    let chain = format!(
        "leaf:\n{}issuer:\n{}",
        pem::certificate(b"leaf").replace("CERTIFICATE-----\nb", "CERTIFICATE-----\nNote: x\n\nb"),
        pem::certificate(b"issuer")
    );
    assert!(chain.contains("Note: x"));
    let clean = pem::certificates(&chain);
    assert_eq!(
        clean,
        format!("{}{}", pem::certificate(b"leaf"), pem::certificate(b"issuer"))
    );
}

#[test]
fn the_config_map_says_what_it_is_and_differs_by_content() {
    let namespace = TenantNamespace::new("shop");
    let make = |content: &str| config_map(&cluster(), &namespace, &by_name("corp"), content.to_owned());
    let map = make("x");
    let name = host_name(&cluster(), &namespace, &by_name("corp"));
    assert_eq!(map.metadata.name.as_deref(), Some(name.as_str()));
    assert_eq!(map.data.as_ref().unwrap()[DATA_KEY], "x");
    assert!(crate::meta::belongs(&cluster(), &map.metadata));
    assert_eq!(
        crate::meta::origin(&map.metadata),
        None,
        "it is no single object's"
    );
    assert!(!needs_update(&map, &make("x")) && needs_update(&map, &make("y")));
}
