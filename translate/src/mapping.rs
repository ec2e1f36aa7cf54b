//! `spec.sync.fromHost` as lookups: which objects of the host may stand behind one of the tenant, and the other way.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::sync::{ExportedService, MappedContent, MappedService, Selector};

use crate::identity::TenantKey;

/// In every namespace of every cluster, of its own: a selector never means it.
const ROOT_CA: &str = "kube-root-ca.crt";

/// An object of the host that may stand behind one of the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it must have, if it is meant by labels.
    selector: Option<&'a Selector>,
}

impl Source<'_> {
    /// Whether the object with this metadata, found under that name, is meant.
    pub fn is(&self, host: &ObjectMeta) -> bool {
        self.selector
            .is_none_or(|selector| selector.selects(host.labels.as_ref()))
    }
}

/// What may stand behind `target`, in the order of the spec: the first that is there does.
pub fn sources<'a>(maps: &'a [MappedContent], target: &'a TenantKey) -> impl Iterator<Item = Source<'a>> {
    let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
    maps.iter().filter_map(move |map| {
        let MappedContent {
            namespace: from,
            name: exact,
            selector,
            to_namespace,
            to_name,
        } = map;
        if to_namespace != namespace {
            return None;
        }
        let source = |name: &'a str, selector| Source {
            namespace: from,
            name,
            selector,
        };
        match (exact, selector) {
            (Some(exact), _) => {
                let target = to_name.as_ref().unwrap_or(exact);
                (target == name).then(|| source(exact, None))
            }
            (None, Some(selector)) => (name != ROOT_CA).then(|| source(name, Some(selector))),
            (None, None) => None,
        }
    })
}

/// What `host` may stand behind.
pub fn targets(maps: &[MappedContent], host: &ObjectMeta) -> Vec<TenantKey> {
    let (Some(namespace), Some(name)) = (&host.namespace, &host.name) else {
        return Vec::new();
    };
    let of = |map: &MappedContent| {
        if map.namespace != *namespace {
            return None;
        }
        let target = match (&map.name, &map.selector) {
            (Some(exact), _) if exact == name => map.to_name.as_ref().unwrap_or(exact),
            (None, Some(selector)) if name != ROOT_CA && selector.selects(host.labels.as_ref()) => name,
            _ => return None,
        };
        Some(TenantKey::new(map.to_namespace.as_str(), target.as_str()))
    };
    maps.iter().filter_map(of).collect()
}

/// Names that are mapped out of a namespace of the host. `None`: there is a selector, so any may be.
pub fn names<'a>(maps: &'a [MappedContent], namespace: &str) -> Option<Vec<&'a str>> {
    let maps = maps.iter().filter(|map| map.namespace == namespace);
    maps.map(|map| map.name.as_deref()).collect()
}

/// The Service of the tenant that a mapped one of the host is.
pub fn service_target(map: &MappedService) -> TenantKey {
    let name = map.to_name.as_ref().unwrap_or(&map.name);
    TenantKey::new(map.to_namespace.as_str(), name.as_str())
}

/// The Service of the tenant that is exported.
pub fn export_source(export: &ExportedService) -> TenantKey {
    TenantKey::new(export.namespace.as_str(), export.name.as_str())
}

/// Its name on the host.
pub fn export_name(export: &ExportedService) -> &str {
    export.to_name.as_ref().unwrap_or(&export.name)
}

/// Labels of `host` that a selector over `maps` may ask for; the rest need not be kept.
pub fn asked_labels(maps: &[MappedContent], host: &mut ObjectMeta) {
    let asked = |key: &str| {
        let selectors = maps.iter().filter_map(|map| map.selector.as_ref());
        selectors
            .into_iter()
            .any(|selector| selector.match_labels.contains_key(key))
    };
    let labels: BTreeMap<String, String> = host.labels.take().unwrap_or_default();
    let kept: BTreeMap<_, _> = labels.into_iter().filter(|(key, _)| asked(key)).collect();
    host.labels = (!kept.is_empty()).then_some(kept);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn maps() -> Vec<MappedContent> {
        serde_json::from_value(json!([
            { "namespace": "shared", "name": "ca", "toNamespace": "team" },
            { "namespace": "shared", "name": "ca", "toNamespace": "team", "toName": "root" },
            { "namespace": "shared", "selector": { "matchLabels": { "for": "tenants" } }, "toNamespace": "team" },
            { "namespace": "other", "selector": {}, "toNamespace": "team" },
            { "namespace": "other", "name": "x", "toNamespace": "shop" },
        ]))
        .unwrap()
    }

    fn host(namespace: &str, name: &str, labels: &[(&str, &str)]) -> ObjectMeta {
        ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            labels: Some(
                labels
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            ),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn an_object_of_the_host_is_found_from_both_ends() {
        let maps = maps();
        let team = |name: &str| TenantKey::new("team", name);
        for (object, expected) in [
            (host("shared", "ca", &[]), vec![team("ca"), team("root")]),
            (host("shared", "b", &[("for", "tenants")]), vec![team("b")]),
            (host("shared", "b", &[("for", "us")]), vec![]),
            (
                host("other", "x", &[]),
                vec![team("x"), TenantKey::new("shop", "x")],
            ),
            (host("other", ROOT_CA, &[]), vec![]),
            (host("elsewhere", "ca", &[]), vec![]),
        ] {
            let targets = targets(&maps, &object);
            assert_eq!(targets, expected, "{object:?}");
            for target in &targets {
                let found = sources(&maps, target).any(|source| {
                    Some(source.namespace) == object.namespace.as_deref()
                        && Some(source.name) == object.name.as_deref()
                        && source.is(&object)
                });
                assert!(found, "{target}");
            }
        }
    }

    #[test]
    fn of_several_sources_the_first_of_the_spec_comes_first() {
        let maps = maps();
        let target = TenantKey::new("team", "ca");
        let from: Vec<(&str, bool)> = sources(&maps, &target)
            .map(|source| (source.namespace, source.is(&host("", "", &[]))))
            .collect();
        assert_eq!(from, [("shared", true), ("shared", false), ("other", true)]);
        assert_eq!(sources(&maps, &TenantKey::new("nobody", "ca")).count(), 0);
        assert_eq!(sources(&maps, &TenantKey::new("team", ROOT_CA)).count(), 0);
    }

    #[test]
    fn only_what_may_be_asked_is_kept() {
        assert_eq!(names(&maps()[..2], "shared"), Some(vec!["ca", "ca"]));
        assert_eq!(names(&maps(), "shared"), None);
        let mut object = host("shared", "b", &[("for", "tenants"), ("secret", "x")]);
        asked_labels(&maps(), &mut object);
        assert_eq!(object.labels.unwrap().into_keys().collect::<Vec<_>>(), ["for"]);
    }
}
