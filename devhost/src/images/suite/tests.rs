//! Tests of which images of the suite's list are made.
use super::*;

fn list(extra: &[&str]) -> Vec<String> {
    KINDS
        .iter()
        .map(|(name, _)| format!("{name}:1.0"))
        .chain(extra.iter().map(|name| (*name).to_owned()))
        .collect()
}

#[test]
fn every_tag_of_an_image_is_made() {
    let references = list(&["registry.k8s.io/e2e-test-images/agnhost:2.55"]);
    let tags = select(&references)
        .unwrap()
        .into_iter()
        .filter(|(_, kind)| *kind == Kind::Agnhost)
        .count();
    assert_eq!(tags, 2);
}

#[test]
fn images_of_the_same_name_elsewhere_and_unknown_ones_are_left_out() {
    let references = list(&[
        "gcr.io/k8s-authenticated-test/agnhost:2.6",
        "invalid.registry.k8s.io/invalid/alpine:3.1",
    ]);
    assert_eq!(select(&references).unwrap().len(), KINDS.len());
}

#[test]
fn a_list_without_one_of_them_is_refused() {
    let references = list(&[]);
    let error = select(references.get(1..).unwrap()).unwrap_err().to_string();
    assert!(error.contains("agnhost"), "{error}");
}
