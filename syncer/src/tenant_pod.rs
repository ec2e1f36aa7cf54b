//! A tenant Pod as the syncer keeps it: who it is and what it names, a fraction of the whole.

use std::borrow::Cow;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::ObjectMeta;
use serde::{Deserialize, Deserializer};
use warren_translate::kinds::pod::{Need, needs};
use warren_translate::kinds::token::TokenNeed;

use crate::key::{Key, Kind};
use warren_translate::identity::{TenantKey, TenantUid, tenant_uid};

/// A tenant Pod, read from the API as a Pod, with everything dropped that the syncer does not need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantPod {
    metadata: ObjectMeta,
    needs: Vec<Need>,
    node: Option<String>,
}

impl TenantPod {
    /// What remains of a whole Pod.
    pub fn of(pod: &Pod) -> Self {
        Self {
            metadata: ObjectMeta {
                name: pod.metadata.name.clone(),
                namespace: pod.metadata.namespace.clone(),
                uid: pod.metadata.uid.clone(),
                resource_version: pod.metadata.resource_version.clone(),
                ..ObjectMeta::default()
            },
            needs: needs(pod),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        }
    }

    /// What must exist on the host before it.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// Whether a scheduler has bound it.
    pub fn is_bound(&self) -> bool {
        self.node.as_ref().is_some_and(|node| !node.is_empty())
    }

    /// The tokens that it asks for.
    pub fn token_needs(&self) -> Vec<TokenNeed> {
        let tokens = self.needs.iter().filter_map(|need| match need {
            Need::Token(token) => Some(token.clone()),
            _ => None,
        });
        tokens.collect()
    }

    /// Name and UID. `None` for an object that was never stored.
    pub fn identity(&self) -> Option<(TenantKey, TenantUid)> {
        Some((
            TenantKey::of(&self.metadata).ok()?,
            tenant_uid(&self.metadata).ok()?,
        ))
    }

    /// The keys of everything that it names, each once, with whether it may be missing.
    pub fn keys(&self) -> Vec<(Key, bool)> {
        let Some((pod, uid)) = self.identity() else {
            return Vec::new();
        };
        let namespace = pod.namespace.as_str();
        let mut keys: Vec<(Key, bool)> = Vec::new();
        for need in &self.needs {
            let (key, optional) = match need {
                Need::ConfigMap { name, optional } => (
                    Key::new(Kind::ConfigMap, TenantKey::new(namespace, name.as_str())),
                    *optional,
                ),
                Need::Secret { name, optional } => (
                    Key::new(Kind::Secret, TenantKey::new(namespace, name.as_str())),
                    *optional,
                ),
                Need::Token(_) => (Key::token(pod.clone(), uid.clone()), false),
                Need::ServiceEnvironment => (Key::service_environment(namespace), true),
                Need::TrustBundle(_) | Need::PodCertificate(_) => continue,
            };
            if !keys.iter().any(|(known, _)| *known == key) {
                keys.push((key, optional));
            }
        }
        keys
    }
}

impl<'de> Deserialize<'de> for TenantPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Pod::deserialize(deserializer)?))
    }
}

impl Resource for TenantPod {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Pod::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Pod::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Pod::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Pod::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
