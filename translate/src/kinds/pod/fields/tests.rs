//! The tables name every field of the schema, once, and are read as a document.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvFromSource, EnvVar, EnvVarSource, PodSecurityContext, PodSpec,
    ResourceRequirements, SecurityContext, Volume, VolumeMount, VolumeProjection,
};
use schemars::{JsonSchema, schema_for};

use super::fields;

fn properties<T: JsonSchema>() -> BTreeSet<String> {
    let schema = schema_for!(T);
    let properties = schema
        .get("properties")
        .and_then(|value| value.as_object())
        .unwrap();
    properties.keys().cloned().collect()
}

fn classified(parent: &str) -> BTreeSet<String> {
    let names = fields().filter_map(|field| field.path.strip_prefix(parent)?.strip_prefix('.'));
    names
        .filter(|name| !name.contains(['.', '[']))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_field_of_the_schema_is_classified() {
    assert_eq!(classified("spec"), properties::<PodSpec>());
    assert_eq!(classified("spec.containers[]"), properties::<Container>());
    assert_eq!(classified("spec.containers[].env[]"), properties::<EnvVar>());
    assert_eq!(
        classified("spec.containers[].env[].valueFrom"),
        properties::<EnvVarSource>()
    );
    assert_eq!(
        classified("spec.containers[].envFrom[]"),
        properties::<EnvFromSource>()
    );
    assert_eq!(
        classified("spec.containers[].ports[]"),
        properties::<ContainerPort>()
    );
    assert_eq!(
        classified("spec.containers[].resources"),
        properties::<ResourceRequirements>()
    );
    assert_eq!(
        classified("spec.containers[].volumeMounts[]"),
        properties::<VolumeMount>()
    );
    assert_eq!(
        classified("spec.containers[].securityContext"),
        properties::<SecurityContext>()
    );
    assert_eq!(
        classified("spec.securityContext"),
        properties::<PodSecurityContext>()
    );
    assert_eq!(classified("spec.volumes[]"), properties::<Volume>());
    assert_eq!(
        classified("spec.volumes[].projected.sources[]"),
        properties::<VolumeProjection>()
    );
}

#[test]
fn no_field_is_classified_twice() {
    let paths: BTreeSet<&str> = fields().map(|field| field.path).collect();
    assert_eq!(paths.len(), fields().count());
}

#[test]
fn the_classification_reads_as_a_document() {
    let lines: Vec<String> = fields()
        .map(|field| field.to_string().trim_end().to_owned())
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
