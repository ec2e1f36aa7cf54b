//! The host Ingress of a tenant Ingress.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};

use crate::error::{Error, Result};
use crate::host_names::Allowed;
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::{INGRESS, SECRET, SERVICE, host_name};
use crate::note::{Findings, Outcome};
use crate::policy::TenantPolicy;
use crate::reference::References;

/// The host Ingress, of the host's class `class`. It may be written only while every one of [`super::hosts`] is claimed.
///
/// # Errors
/// When the Ingress has no name, namespace, UID or spec.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    class: &str,
    tenant: &Ingress,
) -> Result<Outcome<Ingress>> {
    let Ingress {
        metadata,
        spec,
        status: _,
    } = tenant;
    let key = TenantKey::of(metadata)?;
    let Some(spec) = spec else {
        return Err(Error::NoSpec {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        });
    };
    let mut down = Down {
        references: References::new(cluster, &key.namespace),
        allowed: Allowed::of(policy),
        findings: Findings::default(),
    };
    let spec = down.spec(class, spec);
    let metadata = meta::host_meta(cluster, policy, &host_name(cluster, INGRESS, &key), metadata)?;
    Ok(down.findings.outcome(Ingress {
        metadata,
        spec: Some(spec),
        status: None,
    }))
}

struct Down<'a> {
    references: References<'a>,
    allowed: Allowed,
    findings: Findings,
}

impl Down<'_> {
    fn spec(&mut self, class: &str, spec: &IngressSpec) -> IngressSpec {
        let IngressSpec {
            default_backend,
            ingress_class_name: _, // resolved by the caller, who knows which class is the default
            rules,
            tls,
        } = spec;
        let default_backend = default_backend.as_ref().map(|backend| {
            self.host("spec.defaultBackend", "");
            self.backend("spec.defaultBackend", backend)
        });
        let rules = list(rules.as_deref(), |index, rule| {
            self.rule(&format!("spec.rules[{index}]"), rule)
        });
        let of_rules = hosts_of(rules.as_deref().unwrap_or_default());
        let tls = list(tls.as_deref(), |index, tls| {
            self.tls(&format!("spec.tls[{index}]"), tls, &of_rules)
        });
        IngressSpec {
            default_backend,
            ingress_class_name: Some(class.to_owned()),
            rules,
            tls,
        }
    }

    fn rule(&mut self, path: &str, rule: &IngressRule) -> IngressRule {
        let IngressRule { host, http } = rule;
        self.host(&format!("{path}.host"), host.as_deref().unwrap_or_default());
        let paths = http.as_ref().map(|HTTPIngressRuleValue { paths }| {
            let paths = paths.iter().enumerate();
            let paths = paths.map(|(index, one)| self.path(&format!("{path}.http.paths[{index}]"), one));
            HTTPIngressRuleValue {
                paths: paths.collect(),
            }
        });
        IngressRule {
            host: host.clone(),
            http: paths,
        }
    }

    fn path(&mut self, field: &str, rule: &HTTPIngressPath) -> HTTPIngressPath {
        let HTTPIngressPath {
            backend,
            path,
            path_type,
        } = rule;
        if path.as_deref().is_some_and(|path| path.contains(ends_a_word)) {
            self.findings.deny(
                format!("{field}.path"),
                "has spaces, quotes, braces or semicolons, which controllers may read as configuration",
            );
        }
        HTTPIngressPath {
            backend: self.backend(&format!("{field}.backend"), backend),
            path: path.clone(),
            path_type: path_type.clone(),
        }
    }

    fn backend(&mut self, field: &str, backend: &IngressBackend) -> IngressBackend {
        let IngressBackend { resource, service } = backend;
        self.findings.deny_some(
            resource.as_ref(),
            format!("{field}.resource"),
            "is not offered: a backend is a Service",
        );
        let service = service.as_ref().map(|IngressServiceBackend { name, port }| {
            let port = port
                .as_ref()
                .map(|ServiceBackendPort { name, number }| ServiceBackendPort {
                    name: name.clone(),
                    number: *number,
                });
            IngressServiceBackend {
                name: self.references.host_name(SERVICE, name).to_string(),
                port,
            }
        });
        IngressBackend {
            resource: None,
            service,
        }
    }

    /// A certificate for no name in particular is one for every name to some controllers. Here it is for those of the rules.
    fn tls(&mut self, path: &str, tls: &IngressTLS, of_rules: &[String]) -> IngressTLS {
        let IngressTLS { hosts, secret_name } = tls;
        for (index, host) in hosts.iter().flatten().enumerate() {
            self.host(&format!("{path}.hosts[{index}]"), host);
        }
        let hosts = hosts.as_deref().filter(|hosts| !hosts.is_empty());
        let hosts = hosts.unwrap_or(of_rules);
        let mut secret_name = secret_name.clone();
        if let Some(name) = &mut secret_name {
            self.references.rewrite(SECRET, name);
        }
        IngressTLS {
            hosts: (!hosts.is_empty()).then(|| hosts.to_vec()),
            secret_name,
        }
    }

    fn host(&mut self, field: &str, host: &str) {
        self.allowed.check(&mut self.findings, field, host);
    }
}

/// Host names of rules, each once, in order.
fn hosts_of(rules: &[IngressRule]) -> Vec<String> {
    let hosts = rules.iter().filter_map(|rule| rule.host.clone());
    let hosts: BTreeSet<String> = hosts.filter(|host| !host.is_empty()).collect();
    hosts.into_iter().collect()
}

/// A list as an apiserver has it: absent when empty.
fn list<T, U>(items: Option<&[T]>, mut each: impl FnMut(usize, &T) -> U) -> Option<Vec<U>> {
    let items = items.filter(|items| !items.is_empty())?;
    Some(
        items
            .iter()
            .enumerate()
            .map(|(index, item)| each(index, item))
            .collect(),
    )
}

/// What ends a word in the configuration files that controllers write.
fn ends_a_word(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | ';' | '{' | '}')
}
