//! A tenant Pod as the syncer keeps it: who it is and what it names, a fraction of the whole.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::Resource;
use kube::api::ObjectMeta;
use serde::{Deserialize, Deserializer};
use warren_runtime::store::Stored;
use warren_translate::kinds::pod::{Need, needs};

use crate::key::{Key, Kind};
use warren_translate::identity::{TenantKey, TenantUid, tenant_uid};

/// A tenant Pod, read from the API as a Pod, with everything dropped that the syncer does not need.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(inherit = Pod)]
pub struct TenantPod {
    metadata: ObjectMeta,
    known: Arc<Known>,
}

/// What is kept of a Pod, once, by the store and by the references.
#[derive(Debug, PartialEq)]
pub struct Known {
    /// `None` for an object that was never stored.
    identity: Option<(TenantKey, TenantUid)>,
    version: Option<Box<str>>,
    needs: Box<[Need]>,
    node: Option<Box<str>>,
    service_account: Option<Box<str>>,
    containers: Box<[String]>,
    is_going: bool,
}

impl TenantPod {
    /// What remains of a whole Pod.
    pub fn of(pod: &Pod) -> Self {
        let (spec, metadata) = (pod.spec.as_ref(), &pod.metadata);
        let identity = TenantKey::of(metadata).and_then(|key| Ok((key, tenant_uid(metadata)?)));
        let text = |text: &Option<String>| text.as_deref().map(Box::from);
        let known = Known {
            identity: identity.ok(),
            version: text(&metadata.resource_version),
            needs: needs(pod).into(),
            node: spec.and_then(|spec| text(&spec.node_name)),
            service_account: spec.and_then(|spec| text(&spec.service_account_name)),
            containers: spec.map(containers).unwrap_or_default(),
            is_going: metadata.deletion_timestamp.is_some(),
        };
        Self {
            metadata: ObjectMeta {
                name: metadata.name.clone(),
                namespace: metadata.namespace.clone(),
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
                ..ObjectMeta::default()
            },
            known: Arc::new(known),
        }
    }

    /// What is kept of it.
    pub fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// What must exist on the host before it.
    pub fn needs(&self) -> &[Need] {
        &self.known.needs
    }

    /// The node that a scheduler has bound it to.
    pub fn node(&self) -> Option<&str> {
        self.known.node()
    }

    /// Whether it was deleted before it had a node: nothing of it will ever run, though it is there.
    pub fn never_runs(&self) -> bool {
        self.known.is_going && self.node().is_none()
    }

    /// Its ServiceAccount.
    pub fn service_account(&self) -> &str {
        let named = self.known.service_account.as_deref();
        named.filter(|name| !name.is_empty()).unwrap_or("default")
    }

    /// Names of all its containers.
    pub fn containers(&self) -> &[String] {
        &self.known.containers
    }

    /// Name and UID. `None` for an object that was never stored.
    pub fn identity(&self) -> Option<(TenantKey, TenantUid)> {
        self.known.identity.clone()
    }

    /// The keys of everything that it names, each once, with whether it may be missing.
    pub fn keys(&self) -> Vec<(Key, bool)> {
        self.known.keys()
    }
}

impl Known {
    /// What must exist on the host before it.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// The node that a scheduler has bound it to.
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref().filter(|node| !node.is_empty())
    }

    /// Whether it is the Pod with this UID.
    pub fn is(&self, uid: &TenantUid) -> bool {
        self.identity.as_ref().is_some_and(|(_, own)| own == uid)
    }

    /// The keys of everything that it names, each once, with whether it may be missing.
    pub fn keys(&self) -> Vec<(Key, bool)> {
        let Some((pod, uid)) = &self.identity else {
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
                Need::Claim { name, .. } => (
                    Key::new(Kind::Claim, TenantKey::new(namespace, name.as_str())),
                    false,
                ),
                Need::ResourceClaim { name, .. } => (
                    Key::new(Kind::ResourceClaim, TenantKey::new(namespace, name.as_str())),
                    false,
                ),
                Need::Token(_) => (Key::token(pod.clone(), uid.clone()), false),
                Need::TrustBundle(ask) => (Key::trust_bundle(namespace, ask), ask.optional),
                Need::PodCertificate(need) => {
                    let key = Key::certificate(pod.clone(), uid.clone(), need.source());
                    (key, false)
                }
                Need::ServiceEnvironment => (Key::service_environment(namespace), true),
            };
            if !keys.iter().any(|(known, _)| *known == key) {
                keys.push((key, optional));
            }
        }
        keys
    }
}

fn containers(spec: &PodSpec) -> Box<[String]> {
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let names = containers.map(|container| &container.name);
    names
        .chain(ephemeral.map(|container| &container.name))
        .cloned()
        .collect()
}

impl Stored for TenantPod {
    type Kept = Arc<Known>;

    fn keep(object: &Arc<Self>) -> Arc<Known> {
        Arc::clone(&object.known)
    }

    fn show(kept: &Arc<Known>) -> Option<Arc<Self>> {
        let (key, uid) = kept.identity.as_ref()?;
        let metadata = ObjectMeta {
            name: Some(key.name.as_str().to_owned()),
            namespace: Some(key.namespace.as_str().to_owned()),
            uid: Some(uid.as_str().to_owned()),
            resource_version: kept.version.as_deref().map(str::to_owned),
            ..ObjectMeta::default()
        };
        Some(Arc::new(Self {
            metadata,
            known: Arc::clone(kept),
        }))
    }
}

impl<'de> Deserialize<'de> for TenantPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Pod::deserialize(deserializer)?))
    }
}
