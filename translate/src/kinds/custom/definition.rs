//! The definition of a kind, host → tenant: the same schema and versions, nothing of the host's controllers.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::sync::Custom;

use crate::mirrored;

/// Annotation without which no apiserver takes a definition in a group of Kubernetes itself.
const APPROVED: &str = "api-approved.kubernetes.io";

/// The tenant's definition.
///
/// # Errors
/// Why the kind cannot be offered, in tenant terms.
pub fn up(host: &CustomResourceDefinition, custom: &Custom) -> Result<CustomResourceDefinition, String> {
    let CustomResourceDefinition {
        metadata,
        spec,
        status: _,
    } = host;
    let refused = |why: &str| Err(format!("'{}' is not offered: {why}", custom.definition));
    if spec.scope != "Namespaced" {
        return refused("its objects are in no namespace");
    }
    if spec
        .conversion
        .as_ref()
        .is_some_and(|conversion| conversion.strategy != "None")
    {
        return refused("a webhook of the platform converts between its versions");
    }
    let version = spec
        .versions
        .iter()
        .find(|version| version.name == custom.version);
    let Some(version) = version.filter(|version| version.served) else {
        return refused(&format!("its version '{}' is not served", custom.version));
    };
    let subresources = version.subresources.as_ref();
    if subresources.is_none_or(|subresources| subresources.status.is_none()) {
        return refused(&format!(
            "its version '{}' has no subresource `status`",
            custom.version
        ));
    }
    let annotations = metadata.annotations.as_ref();
    let approved = annotations.and_then(|annotations| annotations.get_key_value(APPROVED));
    let annotations = approved.map(|(key, value)| BTreeMap::from([(key.clone(), value.clone())]));
    Ok(CustomResourceDefinition {
        metadata: ObjectMeta {
            name: Some(custom.definition.clone()),
            labels: Some(mirrored::labels()),
            annotations,
            ..ObjectMeta::default()
        },
        spec: spec.clone(),
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::mirrored::is_mirrored;
    use crate::testing::object;

    fn custom() -> Custom {
        object(json!({ "definition": "certificates.cert-manager.io", "version": "v1" }))
    }

    fn host(change: impl FnOnce(&mut Value)) -> CustomResourceDefinition {
        let mut definition = json!({
            "metadata": { "name": "certificates.cert-manager.io", "uid": "u",
                "annotations": { "cert-manager.io/inject-ca-from": "x/y", APPROVED: "unapproved" } },
            "spec": {
                "group": "cert-manager.io", "scope": "Namespaced",
                "names": { "kind": "Certificate", "plural": "certificates" },
                "conversion": { "strategy": "None" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": { "type": "object" } } }],
            },
        });
        change(&mut definition);
        object(definition)
    }

    #[test]
    fn schema_and_versions_are_the_hosts() {
        let host = host(|_| ());
        let tenant = up(&host, &custom()).unwrap();
        assert_eq!(tenant.spec, host.spec);
        assert!(is_mirrored(&tenant.metadata) && tenant.metadata.uid.is_none());
        assert_eq!(
            tenant
                .metadata
                .annotations
                .unwrap()
                .into_keys()
                .collect::<Vec<_>>(),
            [APPROVED]
        );
    }

    #[test]
    fn what_cannot_be_offered_is_refused_with_the_reason() {
        for (change, why) in [
            (json!({ "scope": "Cluster" }), "no namespace"),
            (json!({ "conversion": { "strategy": "Webhook" } }), "a webhook"),
            (
                json!({ "versions": [{ "name": "v1", "served": false, "storage": true }] }),
                "not served",
            ),
            (
                json!({ "versions": [{ "name": "v2", "served": true, "storage": true }] }),
                "not served",
            ),
            (
                json!({ "versions": [{ "name": "v1", "served": true, "storage": true }] }),
                "no subresource",
            ),
        ] {
            let host = host(|definition| {
                for (field, value) in change.as_object().unwrap() {
                    definition["spec"][field] = value.clone();
                }
            });
            let refusal = up(&host, &custom()).unwrap_err();
            assert!(
                refusal.contains(why) && refusal.contains("certificates.cert-manager.io"),
                "{refusal}"
            );
        }
    }
}
