//! Host names out of texts that go up.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use warren_crds::keys;

use super::needs::{Need, needs};
use crate::identity::{Cluster, HostName, TenantKey, TenantUid, tenant_uid};
use crate::kinds::pod_certificate;
use crate::kinds::service_environment;
use crate::kinds::token;
use crate::kinds::trust_bundle::{self, Selection};
use crate::name::{CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, RESOURCE_CLAIM, SECRET};
use crate::reference::References;

/// `text` with the host's names replaced by the tenant's.
pub fn scrub(cluster: &Cluster, tenant: &TenantKey, host: &HostName, text: &str) -> String {
    Scrub::new(cluster, tenant, host).text(text)
}

/// As [`scrub`], for a text about a Pod that exists on both sides: also its UID and what it refers to.
pub fn scrub_pod(cluster: &Cluster, tenant: &Pod, host: &Pod, text: &str) -> String {
    let (Ok(key), Some(name)) = (TenantKey::of(&tenant.metadata), HostName::of(&host.metadata)) else {
        return text.to_owned();
    };
    let uid = host.metadata.uid.as_deref().unwrap_or_default();
    Scrub::of_pod(cluster, &key, tenant, &name, uid).text(text)
}

/// Of a Pod all that a text about it may name, for callers that keep no whole Pods.
#[derive(Clone, Copy, Debug)]
pub struct PodNames<'a> {
    /// The tenant Pod.
    pub key: &'a TenantKey,
    /// Its UID.
    pub uid: Option<&'a TenantUid>,
    /// Its ServiceAccount.
    pub service_account: &'a str,
    /// What it refers to, [`needs`].
    pub needs: &'a [Need],
    /// The host Pod.
    pub host: &'a HostName,
    /// Its UID; empty if it is not known.
    pub host_uid: &'a str,
}

/// What to replace, in this order.
pub struct Scrub {
    replacements: Vec<(String, String)>,
}

impl Scrub {
    pub(crate) fn new(cluster: &Cluster, tenant: &TenantKey, host: &HostName) -> Self {
        let replacements = vec![
            (host.as_str().to_owned(), tenant.name.to_string()),
            (
                cluster.workload_namespace.to_string(),
                tenant.namespace.to_string(),
            ),
        ];
        Self { replacements }
    }

    /// For texts about a Pod: also its UID, and everything that it refers to.
    pub(super) fn of_pod(
        cluster: &Cluster,
        key: &TenantKey,
        tenant: &Pod,
        host: &HostName,
        host_uid: &str,
    ) -> Self {
        let account = tenant
            .spec
            .as_ref()
            .and_then(|spec| spec.service_account_name.as_deref());
        Self::of_names(
            cluster,
            &PodNames {
                key,
                uid: tenant_uid(&tenant.metadata).ok().as_ref(),
                service_account: account.unwrap_or("default"),
                needs: &needs(tenant),
                host,
                host_uid,
            },
        )
    }

    /// As `of_pod`, of what was kept of a Pod.
    pub fn of_names(cluster: &Cluster, names: &PodNames<'_>) -> Self {
        let PodNames {
            key,
            uid,
            service_account,
            needs,
            host,
            host_uid,
        } = *names;
        let references = References::new(cluster, &key.namespace);
        let mut replacements: Vec<(String, String)> = needs
            .iter()
            .filter_map(|need| match need {
                Need::ConfigMap { name, .. } => Some((
                    references.host_name(CONFIG_MAP, name.as_str()).to_string(),
                    name.to_string(),
                )),
                Need::Secret { name, .. } => Some((
                    references.host_name(SECRET, name.as_str()).to_string(),
                    name.to_string(),
                )),
                Need::Claim { name, .. } => Some((
                    references
                        .host_name(PERSISTENT_VOLUME_CLAIM, name.as_str())
                        .to_string(),
                    name.to_string(),
                )),
                Need::ResourceClaim { name, .. } => Some((
                    references.host_name(RESOURCE_CLAIM, name.as_str()).to_string(),
                    name.to_string(),
                )),
                Need::ServiceEnvironment => {
                    let name = service_environment::host_name(cluster, &key.namespace);
                    Some((name.to_string(), "service environment".to_owned()))
                }
                Need::TrustBundle(ask) => {
                    let name = trust_bundle::host_name(cluster, &key.namespace, ask);
                    let (Selection::Name(of) | Selection::Signer { name: of, .. }) = &ask.selection;
                    Some((name.to_string(), of.clone()))
                }
                Need::PodCertificate(need) => {
                    let name = pod_certificate::secret_name(cluster, key, uid?, &need.volume, need.index);
                    Some((name.to_string(), format!("certificate of {}", need.signer_name)))
                }
                Need::Token(_) => None,
            })
            .collect();
        if let Some(uid) = uid {
            let secret = token::secret_name(cluster, key, uid);
            replacements.push((secret.to_string(), "service account token".to_owned()));
            if !host_uid.is_empty() {
                replacements.push((host_uid.to_owned(), uid.to_string()));
            }
        }
        replacements.push((
            keys::WORKLOAD_SERVICE_ACCOUNT.to_owned(),
            service_account.to_owned(),
        ));
        replacements.append(&mut Self::new(cluster, key, host).replacements);
        Self { replacements }
    }

    /// `text` without the host's names.
    pub fn text(&self, text: &str) -> String {
        let mut scrubbed = text.to_owned();
        for (host, tenant) in self.replacements.iter().filter(|(host, _)| !host.is_empty()) {
            if scrubbed.contains(host.as_str()) {
                scrubbed = scrubbed.replace(host.as_str(), tenant);
            }
        }
        scrubbed
    }

    /// Every text in the tree.
    pub(crate) fn tree(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.tree(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.tree(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
