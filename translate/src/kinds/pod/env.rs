//! Variables of a container: its own, with references renamed, after those of the tenant's Services.
//!
//! `$(…)` in values, commands and paths is expanded by the host's kubelet, over the same variables in the same order.

mod service;

pub(crate) use service::service_variables;

use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, ConfigMapKeySelector, Container, EnvFromSource, EnvVar, EnvVarSource,
    ResourceRequirements, SecretEnvSource, SecretKeySelector,
};

use super::downward::{self, resource};
use super::going::Going;
use crate::error::{Error, Result};
use crate::kinds::service_environment;
use crate::name::{CONFIG_MAP, SECRET};

/// What a container gets.
pub(super) struct Environment {
    pub(super) env: Option<Vec<EnvVar>>,
    pub(super) env_from: Option<Vec<EnvFromSource>>,
}

/// The variables of the container at `path`.
///
/// A kubelet ranks `env` over `envFrom` over Services. Service variables go first into `env`, where the
/// container's own entries can use them in `$(…)` and come after them; a container with `envFrom` gets them as its
/// first `envFrom` source instead, so that the others still win. The apiserver's variables are always in `env`: the
/// ConfigMap may be missing, and then the host's kubelet would fill in the host's.
pub(super) fn down(going: &mut Going<'_>, path: &str, container: &Container) -> Result<Environment> {
    let sources = container.env_from.as_deref().unwrap_or_default();
    let links = going.spec.enable_service_links != Some(false);
    let in_env = links && sources.is_empty();
    let variables = service_variables(&going.key.namespace, in_env, going.context.services);
    if !variables
        .iter()
        .any(|(name, _)| name == "KUBERNETES_SERVICE_HOST")
    {
        // The host's kubelet would fill in the address of the host's apiserver.
        return Err(Error::NoApiService);
    }
    // A name may be there twice: the last one with a value counts, and what stands between sees the first.
    let mut all: Vec<EnvVar> = variables
        .into_iter()
        .map(|(name, value)| EnvVar {
            name,
            value: Some(value),
            value_from: None,
        })
        .collect();
    for variable in container.env.iter().flatten() {
        all.push(variable_down(
            going,
            path,
            container.resources.as_ref(),
            variable,
        )?);
    }
    let mut all_sources = Vec::new();
    if links && !sources.is_empty() {
        let name = service_environment::host_name(going.context.cluster, &going.key.namespace);
        let reference = ConfigMapEnvSource {
            name: name.as_str().to_owned(),
            optional: Some(true),
        };
        all_sources.push(EnvFromSource {
            config_map_ref: Some(reference),
            ..EnvFromSource::default()
        });
    }
    all_sources.extend(sources.iter().map(|source| source_down(going, source)));
    Ok(Environment {
        env: Some(all),
        env_from: (!all_sources.is_empty()).then_some(all_sources),
    })
}

fn variable_down(
    going: &mut Going<'_>,
    path: &str,
    resources: Option<&ResourceRequirements>,
    tenant: &EnvVar,
) -> Result<EnvVar> {
    let EnvVar {
        name,
        value,
        value_from,
    } = tenant;
    let mut variable = EnvVar {
        name: name.clone(),
        value: value.clone(),
        value_from: None,
    };
    let Some(EnvVarSource {
        config_map_key_ref,
        field_ref,
        file_key_ref,
        resource_field_ref,
        secret_key_ref,
    }) = value_from
    else {
        return Ok(variable);
    };
    let mut source = EnvVarSource {
        file_key_ref: file_key_ref.clone(), // a volume of the same Pod
        ..EnvVarSource::default()
    };
    if let Some(selector) = resource_field_ref {
        match resource::in_env(going, resources, selector)? {
            Some(value) => variable.value = Some(value),
            None => source.resource_field_ref = Some(selector.clone()),
        }
    }
    let references = going.references();
    if let Some(ConfigMapKeySelector { key, name, optional }) = config_map_key_ref {
        let mut name = name.clone();
        references.rewrite(CONFIG_MAP, &mut name);
        source.config_map_key_ref = Some(ConfigMapKeySelector {
            key: key.clone(),
            name,
            optional: *optional,
        });
    }
    if let Some(SecretKeySelector { key, name, optional }) = secret_key_ref {
        let mut name = name.clone();
        references.rewrite(SECRET, &mut name);
        source.secret_key_ref = Some(SecretKeySelector {
            key: key.clone(),
            name,
            optional: *optional,
        });
    }
    if let Some(field) = field_ref {
        match downward::in_env(going, field) {
            downward::InEnv::Value(value) => variable.value = Some(value),
            downward::InEnv::Field(field) => source.field_ref = Some(field),
            downward::InEnv::Unknown => {
                let field_path = format!("{path}.env[{name}].valueFrom.fieldRef.fieldPath");
                going.findings.deny(
                    field_path,
                    format!("is `{}`, which is not supported", field.field_path),
                );
            }
        }
    }
    variable.value_from = (source != EnvVarSource::default()).then_some(source);
    Ok(variable)
}

fn source_down(going: &Going<'_>, source: &EnvFromSource) -> EnvFromSource {
    let EnvFromSource {
        config_map_ref,
        prefix,
        secret_ref,
    } = source;
    let references = going.references();
    let config_map_ref = config_map_ref
        .clone()
        .map(|ConfigMapEnvSource { mut name, optional }| {
            references.rewrite(CONFIG_MAP, &mut name);
            ConfigMapEnvSource { name, optional }
        });
    let secret_ref = secret_ref.clone().map(|SecretEnvSource { mut name, optional }| {
        references.rewrite(SECRET, &mut name);
        SecretEnvSource { name, optional }
    });
    EnvFromSource {
        config_map_ref,
        prefix: prefix.clone(),
        secret_ref,
    }
}
