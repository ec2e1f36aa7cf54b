//! What must exist on the host before a Pod: every ConfigMap, Secret, claim (of storage and of devices), token, bundle and
//! certificate that it names.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, Pod, Volume};

use super::devices::made_claims;
use super::sources;
use crate::identity::TenantName;
use crate::kinds::pod_certificate::{self, PodCertificateNeed};
use crate::kinds::token::{self, TokenNeed};
use crate::kinds::trust_bundle::{self, TrustBundleAsk};

/// One object that a Pod names, in its own namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A ConfigMap.
    ConfigMap {
        /// Its name.
        name: TenantName,
        /// True when every reference to it is optional.
        optional: bool,
    },
    /// A Secret.
    Secret {
        /// Its name.
        name: TenantName,
        /// True when every reference to it is optional.
        optional: bool,
    },
    /// A PersistentVolumeClaim.
    Claim {
        /// Its name.
        name: TenantName,
        /// True for the claim of an ephemeral volume: it must have been made for this very Pod
        /// ([`crate::meta::is_controlled_by`]).
        ephemeral: bool,
    },
    /// A ResourceClaim.
    ResourceClaim {
        /// Its name.
        name: TenantName,
        /// True for the claim that was made of a template: it must have been made for this very Pod
        /// ([`crate::meta::is_controlled_by`]).
        generated: bool,
    },
    /// A ServiceAccount token; all tokens of a Pod share one host Secret.
    Token(TokenNeed),
    /// Certificates of the tenant's ClusterTrustBundles; Pods of a namespace that ask for the same share one host
    /// ConfigMap.
    TrustBundle(TrustBundleAsk),
    /// A certificate of the Pod's own; each has its host Secret.
    PodCertificate(PodCertificateNeed),
    /// The service variables of the namespace, see [`crate::kinds::service_environment`]; the Pod starts without,
    /// too.
    ServiceEnvironment,
}

/// Names of one kind, with whether every reference is optional.
type Names = BTreeMap<String, bool>;

/// Everything that the Pod names, each once, ConfigMaps first; empty when it names nothing.
pub fn needs(pod: &Pod) -> Vec<Need> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let mut names = Collected::default();
    for container in spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
    {
        names.env(container.env.as_deref(), container.env_from.as_deref());
    }
    for container in spec.ephemeral_containers.iter().flatten() {
        names.env(container.env.as_deref(), container.env_from.as_deref());
    }
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    for volume in spec.volumes.iter().flatten() {
        names.volume(pod_name, volume);
    }
    for reference in spec.image_pull_secrets.iter().flatten() {
        // A kubelet pulls without a credential that is missing.
        add(&mut names.secrets, &reference.name, Some(true));
    }
    let Collected {
        claims,
        config_maps,
        secrets,
        service_environment,
    } = names;
    let config_maps = config_maps.into_iter().map(|(name, optional)| Need::ConfigMap {
        name: TenantName::new(name),
        optional,
    });
    let secrets = secrets.into_iter().map(|(name, optional)| Need::Secret {
        name: TenantName::new(name),
        optional,
    });
    let claims = claims.into_iter().map(|(name, ephemeral)| Need::Claim {
        name: TenantName::new(name),
        ephemeral,
    });
    let devices = devices(pod)
        .into_iter()
        .map(|(name, generated)| Need::ResourceClaim {
            name: TenantName::new(name),
            generated,
        });
    let tokens = token::needs(pod).into_iter().map(Need::Token);
    let bundles = trust_bundle::needs(pod).into_iter().map(Need::TrustBundle);
    let certificates = pod_certificate::needs(pod).into_iter().map(Need::PodCertificate);
    let environment =
        (service_environment && spec.enable_service_links != Some(false)).then_some(Need::ServiceEnvironment);
    config_maps
        .chain(secrets)
        .chain(claims)
        .chain(devices)
        .chain(tokens)
        .chain(bundles)
        .chain(certificates)
        .chain(environment)
        .collect()
}

/// The ResourceClaims that are made already, with whether some entry has it of a template.
fn devices(pod: &Pod) -> BTreeMap<String, bool> {
    let mut names = BTreeMap::new();
    for claim in made_claims(pod).filter(|claim| !claim.name.is_empty()) {
        *names.entry(claim.name.to_owned()).or_default() |= claim.generated;
    }
    names
}

#[derive(Default)]
struct Collected {
    /// With whether some volume is ephemeral.
    claims: BTreeMap<String, bool>,
    config_maps: Names,
    secrets: Names,
    service_environment: bool,
}

impl Collected {
    fn env(&mut self, env: Option<&[EnvVar]>, env_from: Option<&[EnvFromSource]>) {
        for source in env
            .unwrap_or_default()
            .iter()
            .filter_map(|variable| variable.value_from.as_ref())
        {
            if let Some(reference) = &source.config_map_key_ref {
                add(&mut self.config_maps, &reference.name, reference.optional);
            }
            if let Some(reference) = &source.secret_key_ref {
                add(&mut self.secrets, &reference.name, reference.optional);
            }
        }
        for source in env_from.unwrap_or_default() {
            self.service_environment = true;
            if let Some(reference) = &source.config_map_ref {
                add(&mut self.config_maps, &reference.name, reference.optional);
            }
            if let Some(reference) = &source.secret_ref {
                add(&mut self.secrets, &reference.name, reference.optional);
            }
        }
    }

    fn volume(&mut self, pod_name: &str, volume: &Volume) {
        if let Some(source) = &volume.persistent_volume_claim {
            self.claim(source.claim_name.clone(), false);
        } else if volume.ephemeral.is_some() {
            self.claim(sources::claim_of_ephemeral(pod_name, &volume.name), true);
        }
        if let Some(source) = &volume.config_map {
            add(&mut self.config_maps, &source.name, source.optional);
        }
        if let Some((source, name)) = volume
            .secret
            .as_ref()
            .and_then(|s| Some((s, s.secret_name.as_ref()?)))
        {
            add(&mut self.secrets, name, source.optional);
        }
        for source in sources::of_volume(volume) {
            if let Some(reference) = &source.config_map {
                add(&mut self.config_maps, &reference.name, reference.optional);
            }
            if let Some(reference) = &source.secret {
                add(&mut self.secrets, &reference.name, reference.optional);
            }
        }
    }
}

impl Collected {
    /// An empty name refers to nothing.
    fn claim(&mut self, name: String, ephemeral: bool) {
        if !name.is_empty() {
            *self.claims.entry(name).or_default() |= ephemeral;
        }
    }
}

/// An empty name refers to nothing.
fn add(names: &mut Names, name: &str, optional: Option<bool>) {
    if !name.is_empty() {
        let all_optional = names.entry(name.to_owned()).or_insert(true);
        *all_optional &= optional == Some(true);
    }
}
