//! `spec.sync`: what a virtual cluster shares with its host by name, and what of it a class allows.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a DNS label is.
const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// What the name of a ConfigMap or Secret is.
const NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// What the name of a Service is.
const SERVICE: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
/// What the name of a CustomResourceDefinition is: `<plural>.<group>`, a group with a dot of its own.
const DEFINITION: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}$";
/// What a [`Reference::path`] is.
const PATH: &str = r"^[A-Za-z][A-Za-z0-9]*(\[\*\])?(\.[A-Za-z][A-Za-z0-9]*(\[\*\])?)*$";
/// What an entry of [`Custom::status`] is: no lists on the way.
const STATUS: &str = r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$";

/// What the virtual cluster shares with its host by name.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SyncSpec {
    /// Objects of the host that the tenant gets.
    #[serde(default, skip_serializing_if = "FromHost::is_empty")]
    pub from_host: FromHost,
    /// Objects of the tenant that the host gets.
    #[serde(default, skip_serializing_if = "ToHost::is_empty")]
    pub to_host: ToHost,
    /// Custom resources of the host that the tenant may use, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub custom: Vec<Custom>,
}

impl SyncSpec {
    /// Whether nothing is shared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Objects of the host that the tenant gets.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FromHost {
    /// ConfigMaps, at most 32 entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub config_maps: Vec<MappedContent>,
    /// Secrets, at most 32 entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub secrets: Vec<MappedContent>,
    /// Services, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub services: Vec<MappedService>,
}

impl FromHost {
    /// Whether the tenant gets nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// ConfigMaps or Secrets of one namespace of the host: one by name, or all that have some labels.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.name) != has(self.selector)").message("set one of `name` and `selector`"),
    validation = Rule::new("!has(self.toName) || has(self.name)").message("`toName` may only be set with `name`: what a selector finds keeps its names")
)]
pub struct MappedContent {
    /// Namespace of the host; the class must allow it.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub namespace: String,
    /// The one of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = NAME))]
    pub name: Option<String>,
    /// All that have these labels, under their own names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Namespace of the tenant. It is waited for, not made.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub to_namespace: String,
    /// Name in the tenant. Unset: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = NAME))]
    pub to_name: Option<String>,
}

/// Labels that an object must have.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// All of these, at most 16. Empty: any object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = serde_json::json!({ "type": "string", "maxLength": 63 })))]
    pub match_labels: BTreeMap<String, String>,
}

impl Selector {
    /// Whether an object with these labels is meant.
    pub fn selects(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let has = |(key, value): (&String, &String)| labels.and_then(|labels| labels.get(key)) == Some(value);
        self.match_labels.iter().all(has)
    }
}

/// A Service of the host under a name in the tenant.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MappedService {
    /// Namespace of the host; the class must allow it.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub namespace: String,
    /// Name on the host.
    #[schemars(length(max = 63), regex(pattern = SERVICE))]
    pub name: String,
    /// Namespace of the tenant. It is waited for, not made.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub to_namespace: String,
    /// Name in the tenant. Unset: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = SERVICE))]
    pub to_name: Option<String>,
}

/// Objects of the tenant that the host gets.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ToHost {
    /// Services, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub services: Vec<ExportedService>,
}

impl ToHost {
    /// Whether the host gets nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A Service of the tenant under a fixed name on the host, in the namespace of the VirtualCluster.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ExportedService {
    /// Namespace of the tenant.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub namespace: String,
    /// Name in the tenant.
    #[schemars(length(max = 63), regex(pattern = SERVICE))]
    pub name: String,
    /// Name on the host. Unset: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = SERVICE))]
    pub to_name: Option<String>,
}

/// A kind of custom resource that a controller of the host works on for the tenant.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Custom {
    /// Name of the CustomResourceDefinition on the host, `<plural>.<group>`; the class must allow it. It is copied into
    /// the tenant.
    #[schemars(length(max = 253), regex(pattern = DEFINITION))]
    pub definition: String,
    /// The version that Warren reads and writes on both sides, for example `v1`.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub version: String,
    /// Which of the tenant's objects go to the host. Unset: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Fields that name other objects, at most 32. Every other field goes to the host as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub references: Vec<Reference>,
    /// Fields of `status` that come back, for example `conditions`, at most 32. Empty: all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 253), regex(pattern = STATUS)))]
    pub status: Vec<String>,
}

impl Custom {
    /// The API group.
    pub fn group(&self) -> &str {
        self.definition
            .split_once('.')
            .map_or("", |(_plural, group)| group)
    }

    /// The plural name, as in URLs.
    pub fn plural(&self) -> &str {
        self.definition
            .split_once('.')
            .map_or(self.definition.as_str(), |(plural, _group)| plural)
    }
}

/// A field that names another object of the same namespace.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.direction) || self.direction == 'Down' || self.kind != 'Service'").message("`direction` may be Up for ConfigMaps and Secrets only"))]
pub struct Reference {
    /// Path of the field, for example `spec.secretName` or `spec.sources[*].name`.
    #[schemars(length(max = 253), regex(pattern = PATH))]
    pub path: String,
    /// What it names.
    #[serde(default)]
    pub kind: ReferenceKind,
    /// Who makes the object that is named.
    #[serde(default)]
    pub direction: Direction,
}

/// What a reference names.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema,
)]
pub enum ReferenceKind {
    /// A Secret.
    #[default]
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A Service.
    Service,
}

/// Who makes the object that a reference names.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum Direction {
    /// The tenant: it goes to the host.
    #[default]
    Down,
    /// The host's controller: it comes into the tenant.
    Up,
}

/// What of `spec.sync` VirtualClusters of a class may use. Nothing that is not named here.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SyncBounds {
    /// What may come from the host.
    #[serde(default, skip_serializing_if = "FromHostBounds::is_nothing")]
    pub from_host: FromHostBounds,
    /// What may go to the host.
    #[serde(default, skip_serializing_if = "ToHostBounds::is_nothing")]
    pub to_host: ToHostBounds,
    /// Names of CustomResourceDefinitions of the host, `<plural>.<group>`, at most 64, whose objects tenants may have.
    /// Their controllers must bear what tenants write into them. The chart's `customResources` must name them, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253), regex(pattern = DEFINITION)))]
    #[x_kube(validation = Rule::new("self.all(c, !c.endsWith('.warren.dev'))").message("`custom` may not hold kinds of 'warren.dev'"))]
    pub custom: Vec<String>,
}

impl SyncBounds {
    /// Whether nothing is allowed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What may come from the host.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FromHostBounds {
    /// Namespaces of the host whose ConfigMaps, Secrets and Services VirtualClusters may name, at most 64. Each must also
    /// have the label `warren.dev/sync-source: "true"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63), regex(pattern = LABEL)))]
    pub namespaces: Vec<String>,
}

impl FromHostBounds {
    /// Whether nothing is allowed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What may go to the host.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ToHostBounds {
    /// Whether VirtualClusters may have Services in their own namespace.
    #[serde(default)]
    pub services: bool,
}

impl ToHostBounds {
    /// Whether nothing is allowed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_paths_are_what_they_stand_for() {
        for (pattern, text, good) in [
            (LABEL, "shared", true),
            (LABEL, "1a", true),
            (LABEL, "a.b", false),
            (LABEL, "*", false),
            (NAME, "ca-bundle.crt", true),
            (NAME, "a..b", false),
            (SERVICE, "db", true),
            (SERVICE, "1db", false),
            (DEFINITION, "certificates.cert-manager.io", true),
            (DEFINITION, "deployments.apps", false),
            (DEFINITION, "secrets", false),
            (DEFINITION, "*.cert-manager.io", false),
            (PATH, "spec.secretName", true),
            (PATH, "spec.sources[*].secretRef.name", true),
            (PATH, "spec.names[*]", true),
            (PATH, "spec.sources[0].name", false),
            (PATH, "spec..a", false),
            (PATH, ".spec", false),
            (STATUS, "conditions", true),
            (STATUS, "loadBalancer.ingress", true),
            (STATUS, "conditions[*]", false),
        ] {
            assert_eq!(Regex::new(pattern).unwrap().is_match(text), good, "{text:?}");
        }
    }

    #[test]
    fn a_definition_has_a_plural_and_a_group() {
        let custom = Custom {
            definition: "certificates.cert-manager.io".to_owned(),
            ..Custom::default()
        };
        assert_eq!(
            (custom.plural(), custom.group()),
            ("certificates", "cert-manager.io")
        );
    }

    #[test]
    fn a_selector_needs_all_of_its_labels_and_an_empty_one_takes_everything() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let selector = Selector {
            match_labels: labels(&[("a", "1"), ("b", "2")]),
        };
        assert!(selector.selects(Some(&labels(&[("a", "1"), ("b", "2"), ("c", "3")]))));
        assert!(!selector.selects(Some(&labels(&[("a", "1")]))));
        assert!(!selector.selects(None));
        assert!(Selector::default().selects(None));
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        assert_eq!(serde_json::to_value(SyncSpec::default()).unwrap(), json!({}));
        assert_eq!(serde_json::to_value(SyncBounds::default()).unwrap(), json!({}));
    }
}
