//! The tables name every field of the schema, once, and the documentation shows them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use schemars::schema_for;

use super::*;

/// Set to write the page instead of comparing it.
const WRITE: &str = "WARREN_WRITE_DOCS";
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pod-fields.md");

#[test]
fn every_field_of_the_schema_is_classified_and_every_row_is_a_field() {
    let schema = schema_for!(PodSpec).to_value();
    assert_eq!(compare(&schema, ""), Comparison::default());
}

#[test]
fn no_field_is_classified_twice() {
    let paths: BTreeSet<&str> = fields().map(|field| field.path).collect();
    assert_eq!(paths.len(), fields().count());
}

#[test]
fn every_denial_says_why() {
    assert!(fields().all(|field| field.class != Class::Deny || !field.why.is_empty()));
}

#[test]
fn the_documentation_shows_the_tables() {
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(PAGE, document()).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        page == document(),
        "docs/pod-fields.md is stale: `just pod-fields` writes it"
    );
}
