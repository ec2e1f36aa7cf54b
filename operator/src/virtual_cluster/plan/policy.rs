//! Pure: the class's bounds as the file that syncer and vkubelet read; beside it, in the same ConfigMap, the syncer's own
//! ([`sync`]).

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use warren_crds::keys;

use super::build::{self, system_meta};
use super::{Error, Plan, Wave, sync};
use crate::virtual_cluster::names;
use crate::virtual_cluster::validate::{Bounds, ValidatedCluster};

/// Key of the ConfigMap, and name of the file.
pub const FILE: &str = "policy.yaml";

/// Adds the policy.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    let mut metadata = system_meta(cluster, names::POLICY, names::POLICY);
    // It belongs to two components.
    metadata.labels.get_or_insert_default().remove(keys::COMPONENT);
    let policy = (FILE.to_owned(), text(&cluster.bounds));
    let sync = sync::text(&cluster.shared.sync).map(|text| (sync::FILE.to_owned(), text));
    plan.apply(
        Wave::Configuration,
        &ConfigMap {
            metadata,
            data: Some([policy].into_iter().chain(sync).collect()),
            ..ConfigMap::default()
        },
    )
}

/// The file's text.
pub fn text(bounds: &Bounds) -> String {
    let Bounds {
        pod_security,
        allowed_registries,
        unknown_fields,
        allowed_labels,
        allowed_annotations,
        allowed_tolerations,
        allowed_endpoint_ranges,
        allowed_host_names,
        gateways,
        classes,
        priority_class_name,
        runtime_class_name,
        container_defaults,
        host_scheduling,
    } = bounds;
    let mut value = json!({
        "podSecurity": pod_security,
        "allowedRegistries": allowed_registries,
        "unknownFields": unknown_fields,
        "allowedLabels": allowed_labels,
        "allowedAnnotations": allowed_annotations,
        "allowedTolerations": allowed_tolerations,
        "allowedEndpointRanges": allowed_endpoint_ranges,
        "allowedHostNames": allowed_host_names,
        "gateways": gateways,
        "classes": classes,
        "priorityClassName": priority_class_name,
        "runtimeClassName": runtime_class_name,
    });
    // Left out where a class or cluster has none: the text is part of what rolls the agents.
    if let Some(fields) = value.as_object_mut() {
        if !container_defaults.is_nothing() {
            fields.insert("containerDefaults".to_owned(), json!(container_defaults));
        }
        if let Some(host_scheduling) = host_scheduling {
            fields.insert("hostScheduling".to_owned(), json!(host_scheduling));
        }
    }
    build::text(&value)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use serde_json::Value;
    use warren_crds::classes::{Classes, Offer};
    use warren_crds::container_defaults::{Amounts, ContainerDefaults};

    use super::*;

    #[test]
    fn what_the_class_offers_reaches_the_agents() {
        let storage = Offer {
            names: vec!["fast".to_owned()],
            match_labels: [("tier".to_owned(), "gold".to_owned())].into(),
        };
        let requests = Amounts {
            cpu: Some(Quantity("100m".to_owned())),
            ..Amounts::default()
        };
        let bounds = Bounds {
            container_defaults: ContainerDefaults {
                requests,
                ..ContainerDefaults::default()
            },
            allowed_endpoint_ranges: vec!["10.20.0.0/16".to_owned()],
            classes: Classes {
                storage,
                ..Classes::default()
            },
            ..Bounds::default()
        };
        let file: Value = serde_json::from_str(&text(&bounds)).unwrap();
        let offer = json!({ "names": ["fast"], "matchLabels": { "tier": "gold" } });
        assert_eq!(file["classes"], json!({ "storage": offer }));
        assert_eq!(
            file["containerDefaults"],
            json!({ "requests": { "cpu": "100m" } })
        );
        assert_eq!(file["allowedEndpointRanges"], json!(["10.20.0.0/16"]));
    }
}
