//! Pure: what of `spec.sync` the class and the host allow. What they do not is left out, so that it ends at once, and
//! named; the rest of the virtual cluster goes on.

use std::collections::BTreeSet;

use warren_crds::keys;
use warren_crds::sync::{
    Custom, ExportedService, FromHost, MappedContent, MappedService, SyncBounds, SyncSpec, ToHost,
};

use super::names::list;

/// Kinds of this group are never a tenant's: they would make virtual clusters.
const OWN_GROUP: &str = "warren.dev";

/// What is shared, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// The part of the spec that is allowed.
    pub sync: SyncSpec,
    /// Why other parts are not: each names its field and what would allow it.
    pub refused: Vec<String>,
    /// Whether the class allows custom resources at all.
    pub custom_allowed: bool,
    /// Whether the class allows exported Services.
    pub export_allowed: bool,
}

/// What bounds mappings.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Name of the class.
    pub class: &'a str,
    /// What it allows.
    pub allowed: &'a SyncBounds,
    /// Namespaces of the host that carry [`keys::SYNC_SOURCE`].
    pub sources: &'a [String],
}

/// Checks each entry of `spec`.
pub fn shared(spec: &SyncSpec, bounds: Bounds<'_>) -> Shared {
    let SyncSpec {
        from_host: FromHost {
            config_maps,
            secrets,
            services,
        },
        to_host: ToHost { services: exported },
        custom,
    } = spec;
    let mut check = Check {
        bounds,
        refused: Vec::new(),
    };
    let sync = SyncSpec {
        from_host: FromHost {
            config_maps: check.contents("sync.fromHost.configMaps", config_maps),
            secrets: check.contents("sync.fromHost.secrets", secrets),
            services: check.services("sync.fromHost.services", services),
        },
        to_host: ToHost {
            services: check.exported("sync.toHost.services", exported),
        },
        custom: check.custom("sync.custom", custom),
    };
    Shared {
        sync,
        refused: check.refused,
        custom_allowed: !bounds.allowed.custom.is_empty(),
        export_allowed: bounds.allowed.to_host.services,
    }
}

struct Check<'a> {
    bounds: Bounds<'a>,
    refused: Vec<String>,
}

impl Check<'_> {
    fn contents(&mut self, field: &str, entries: &[MappedContent]) -> Vec<MappedContent> {
        let mut targets = BTreeSet::new();
        self.keep(field, entries, |check, field, entry| {
            check.source(field, &entry.namespace)?;
            let target = entry
                .name
                .as_ref()
                .map(|name| entry.to_name.as_ref().unwrap_or(name));
            match target {
                Some(name) => once(field, &mut targets, (entry.to_namespace.clone(), name.clone())),
                None => Ok(()),
            }
        })
    }

    fn services(&mut self, field: &str, entries: &[MappedService]) -> Vec<MappedService> {
        let mut targets = BTreeSet::new();
        self.keep(field, entries, |check, field, entry| {
            check.source(field, &entry.namespace)?;
            let name = entry.to_name.as_ref().unwrap_or(&entry.name);
            once(field, &mut targets, (entry.to_namespace.clone(), name.clone()))
        })
    }

    fn exported(&mut self, field: &str, entries: &[ExportedService]) -> Vec<ExportedService> {
        let mut targets = BTreeSet::new();
        self.keep(field, entries, |check, field, entry| {
            if !check.bounds.allowed.to_host.services {
                return Err(check.by_class("sync.toHost.services", field));
            }
            let name = entry.to_name.as_ref().unwrap_or(&entry.name);
            once(field, &mut targets, (String::new(), name.clone()))
        })
    }

    fn custom(&mut self, field: &str, entries: &[Custom]) -> Vec<Custom> {
        let mut targets = BTreeSet::new();
        self.keep(field, entries, |check, field, entry| {
            let definition = &entry.definition;
            let field = format!("{field}.definition");
            let allowed = &check.bounds.allowed.custom;
            if entry.group() == OWN_GROUP || !allowed.contains(definition) {
                return Err(format!(
                    "`{field}` must be one of {}, which `sync.custom` of class '{}' allows, not '{definition}'",
                    list(allowed.iter().map(String::as_str)),
                    check.bounds.class
                ));
            }
            once(&field, &mut targets, (String::new(), definition.clone()))
        })
    }

    fn keep<T: Clone>(
        &mut self,
        field: &str,
        entries: &[T],
        mut allowed: impl FnMut(&Self, &str, &T) -> Result<(), String>,
    ) -> Vec<T> {
        let mut kept = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match allowed(self, &format!("{field}[{index}]"), entry) {
                Ok(()) => kept.push(entry.clone()),
                Err(why) => self.refused.push(why),
            }
        }
        kept
    }

    /// Both locks: the class names the namespace, and the namespace itself is labelled.
    fn source(&self, field: &str, namespace: &String) -> Result<(), String> {
        let allowed = &self.bounds.allowed.from_host.namespaces;
        if !allowed.contains(namespace) {
            return Err(format!(
                "`{field}.namespace` must be one of {}, which `sync.fromHost.namespaces` of class '{}' allows, not \
                 '{namespace}'",
                list(allowed.iter().map(String::as_str)),
                self.bounds.class
            ));
        }
        if !self.bounds.sources.contains(namespace) {
            return Err(format!(
                "`{field}.namespace`: namespace '{namespace}' must have the label {}=true",
                keys::SYNC_SOURCE
            ));
        }
        Ok(())
    }

    fn by_class(&self, bound: &str, field: &str) -> String {
        format!("`{field}`: class '{}' must set `{bound}`", self.bounds.class)
    }
}

/// Two exact entries for one place would take turns.
fn once(
    field: &str,
    targets: &mut BTreeSet<(String, String)>,
    (namespace, name): (String, String),
) -> Result<(), String> {
    if targets.insert((namespace.clone(), name.clone())) {
        return Ok(());
    }
    let place = if namespace.is_empty() {
        name
    } else {
        format!("{namespace}/{name}")
    };
    Err(format!("`{field}`: '{place}' is the target of an earlier entry"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(spec: &serde_json::Value, allowed: &serde_json::Value) -> Shared {
        let spec = serde_json::from_value(spec.clone()).unwrap();
        let allowed: SyncBounds = serde_json::from_value(allowed.clone()).unwrap();
        shared(
            &spec,
            Bounds {
                class: "gold",
                allowed: &allowed,
                sources: &["shared".to_owned(), "other".to_owned()],
            },
        )
    }

    #[test]
    fn what_class_and_namespace_allow_is_shared() {
        let spec = json!({
            "fromHost": {
                "configMaps": [{ "namespace": "shared", "name": "ca", "toNamespace": "team" },
                    { "namespace": "shared", "selector": {}, "toNamespace": "team" }],
                "secrets": [{ "namespace": "shared", "name": "ca", "toNamespace": "team", "toName": "root" }],
                "services": [{ "namespace": "shared", "name": "db", "toNamespace": "team" }],
            },
            "toHost": { "services": [{ "namespace": "team", "name": "web" }] },
            "custom": [{ "definition": "certificates.cert-manager.io", "version": "v1" }],
        });
        let allowed = json!({ "fromHost": { "namespaces": ["shared"] }, "toHost": { "services": true },
            "custom": ["certificates.cert-manager.io"] });
        let shared = outcome(&spec, &allowed);
        assert_eq!(shared.refused, Vec::<String>::new());
        assert_eq!(serde_json::to_value(shared.sync).unwrap(), spec);
    }

    #[test]
    fn nothing_is_allowed_by_default_and_each_refusal_names_the_field_and_what_would_allow_it() {
        let map = |namespace: &str| json!({ "namespace": namespace, "name": "ca", "toNamespace": "team" });
        let spec = json!({
            "fromHost": { "configMaps": [map("shared")], "secrets": [map("closed"), map("other"), map("other")],
                "services": [map("closed")] },
            "toHost": { "services": [{ "namespace": "team", "name": "web" }] },
            "custom": [{ "definition": "certificates.cert-manager.io", "version": "v1" }],
        });
        let nothing = outcome(&spec, &json!({}));
        assert!(nothing.sync.is_empty());
        assert_eq!(nothing.refused.len(), 7);
        let some = outcome(
            &spec,
            &json!({ "fromHost": { "namespaces": ["other", "closed"] } }),
        );
        assert_eq!(some.sync.from_host.secrets.len(), 1);
        insta::assert_yaml_snapshot!(some.refused);
    }

    #[test]
    fn kinds_of_warren_are_never_shared() {
        let definition = "virtualclusters.warren.dev";
        let spec = json!({ "custom": [{ "definition": definition, "version": "v1alpha1" }] });
        assert!(outcome(&spec, &json!({ "custom": [definition] })).sync.is_empty());
    }
}
