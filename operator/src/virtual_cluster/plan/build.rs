//! Pure: what the objects of a plan share: metadata, hardened containers, volumes, probes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapProjection, Container, ContainerPort, EnvVar, HTTPGetAction, KeyToPath,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ProjectedVolumeSource, SeccompProfile,
    SecretProjection, SecurityContext, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use serde_json::Value;

use super::Settings;
use crate::virtual_cluster::names;
use crate::virtual_cluster::validate::ValidatedCluster;

/// User and group of everything that Warren runs.
pub const USER: i64 = 65532;

/// Files of keys are readable by the group of the Pod and by nobody else.
const KEY_MODE: i32 = 0o440;

/// Metadata of an object in the `-system` namespace.
pub fn system_meta(cluster: &ValidatedCluster, name: &str, component: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(cluster.namespaces.system.clone()),
        labels: Some(names::component_labels(&cluster.id, component)),
        ..ObjectMeta::default()
    }
}

/// Metadata of an object in the workload namespace.
pub fn workload_meta(cluster: &ValidatedCluster, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(cluster.namespaces.workloads.clone()),
        labels: Some(names::labels(&cluster.id)),
        ..ObjectMeta::default()
    }
}

/// Selects the Pods of one component.
pub fn selector(cluster: &ValidatedCluster, component: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(names::selector(&cluster.id, component)),
        ..LabelSelector::default()
    }
}

/// A Pod of the `-system` namespace: non-root, no host token unless asked for, no Service environment.
pub fn pod(
    cluster: &ValidatedCluster,
    settings: &Settings,
    component: &str,
    annotations: BTreeMap<String, String>,
    spec: PodSpec,
) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(names::component_labels(&cluster.id, component)),
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            service_account_name: Some(component.to_owned()),
            automount_service_account_token: Some(spec.automount_service_account_token.unwrap_or(false)),
            enable_service_links: Some(false),
            priority_class_name: settings.priority_class.clone(),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                fs_group: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..SeccompProfile::default()
                }),
                ..PodSecurityContext::default()
            }),
            ..spec
        }),
    }
}

/// A container with nothing it does not need, and what the class says about its resources and environment.
pub fn container(cluster: &ValidatedCluster, settings: &Settings, name: &str, image: &str) -> Container {
    let env: Vec<EnvVar> = cluster
        .env
        .get(name)
        .into_iter()
        .flatten()
        .map(|(name, value)| EnvVar {
            name: name.clone(),
            value: Some(value.clone()),
            value_from: None,
        })
        .collect();
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: settings.image_pull_policy.clone(),
        env: (!env.is_empty()).then_some(env),
        resources: cluster.resources.get(name).cloned(),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        // The last lines of a crash show in the Pod's status, where `DatastoreHealthy` and others find them.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// A named TCP port.
pub fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(number),
        ..ContainerPort::default()
    }
}

/// An environment variable that holds a field of the Pod.
pub fn field_env(name: &str, path: &str) -> EnvVar {
    use k8s_openapi::api::core::v1::{EnvVarSource, ObjectFieldSelector};
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_owned(),
                api_version: None,
            }),
            ..EnvVarSource::default()
        }),
    }
}

/// Keys of a Secret under `directory` of a projected volume.
pub fn secret_files(secret: &str, directory: &str, keys: &[(&str, &str)]) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: secret.to_owned(),
            items: Some(items(directory, keys)),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

/// `tls.crt`, `tls.key` and `ca.crt` of a Secret under `directory`.
pub fn leaf_files(secret: &str, directory: &str) -> VolumeProjection {
    secret_files(
        secret,
        directory,
        &[
            ("tls.crt", "tls.crt"),
            ("tls.key", "tls.key"),
            ("ca.crt", "ca.crt"),
        ],
    )
}

/// Keys of a ConfigMap under `directory` of a projected volume.
pub fn config_files(config_map: &str, directory: &str, keys: &[(&str, &str)]) -> VolumeProjection {
    VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: config_map.to_owned(),
            items: Some(items(directory, keys)),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

fn items(directory: &str, keys: &[(&str, &str)]) -> Vec<KeyToPath> {
    keys.iter()
        .map(|(key, file)| KeyToPath {
            key: (*key).to_owned(),
            path: if directory.is_empty() {
                (*file).to_owned()
            } else {
                format!("{directory}/{file}")
            },
            ..KeyToPath::default()
        })
        .collect()
}

/// One volume of several Secrets and ConfigMaps: one mount a container, whatever it needs.
pub fn projected(name: &str, sources: Vec<VolumeProjection>) -> Volume {
    Volume {
        name: name.to_owned(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(sources),
            default_mode: Some(KEY_MODE),
            ..ProjectedVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// Mounts a volume read-only.
pub fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// How often and how patiently a probe asks.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Seconds between two probes.
    pub period: i32,
    /// Seconds to wait for an answer.
    pub timeout: i32,
    /// Failures in a row that count.
    pub failures: i32,
}

/// While starting: the shortest period there is, because a person waits; five minutes before giving up.
pub const STARTING: Pace = Pace {
    period: 1,
    timeout: 5,
    failures: 300,
};
/// Ready or not: short, where no startup probe goes before.
pub const READY_SOON: Pace = Pace {
    period: 1,
    timeout: 5,
    failures: 3,
};
/// Ready or not, once started. Patient: on a machine that is short an answer may take seconds, and a Service whose one endpoint
/// comes and goes refuses those who had only to wait, and costs the host a dozen writes each time. A container that ends is
/// not ready at once, whatever its probe.
pub const READY: Pace = Pace {
    period: 5,
    timeout: 5,
    failures: 6,
};
/// Alive or not: patient, since a restart makes a slow component slower.
pub const ALIVE: Pace = Pace {
    period: 10,
    timeout: 15,
    failures: 6,
};

/// An HTTP probe.
pub fn probe(scheme: &str, path: &str, port: u16, pace: Pace) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(i32::from(port)),
            scheme: Some(scheme.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(pace.period),
        timeout_seconds: Some(pace.timeout),
        failure_threshold: Some(pace.failures),
        ..Probe::default()
    }
}

/// A configuration file: JSON, which is YAML, with sorted keys, so that it changes only when its meaning does.
pub fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A short hash of configuration: as an annotation of a Pod template it rolls the Pods when the text changes.
pub fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text.as_bytes());
    }
    data_encoding::HEXLOWER.encode(hash.finalize().get(..8).unwrap_or_default())
}

/// Annotation with the [`digest`] of what the Pod reads only once.
pub fn config_annotation(digest: String) -> BTreeMap<String, String> {
    [("warren.dev/config".to_owned(), digest)].into()
}
