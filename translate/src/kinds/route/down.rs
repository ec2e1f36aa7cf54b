//! The host's route.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use warren_crds::served_host::ServedHost;
use warren_crds::sync::Custom;

use super::parents::{Attached, Parent, parent};
use super::{Gateways, entries, known, text};
use crate::error::{Error, Result};
use crate::host_names::{Allowed, served};
use crate::identity::{Cluster, TenantKey};
use crate::kinds::custom;
use crate::note::{Denied, Findings, Outcome, Translated};
use crate::policy::TenantPolicy;

const MIRROR: &str = "RequestMirror";
/// Filters that are offered. `ExtensionRef` is not, nor what later versions add.
const FILTERS: [&str; 6] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestRedirect",
    "URLRewrite",
    "CORS",
    MIRROR,
];

/// What becomes of a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It goes down, once its names are claimed.
    Down(Box<Translated<Route>>),
    /// It does not.
    Denied(Denied),
    /// It means no Gateway of the host: a controller in the tenant serves it, or nobody.
    Tenants,
}

/// A route for the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The host's object.
    pub object: custom::Down,
    /// Every host name that requests for it may have.
    pub hosts: BTreeSet<ServedHost>,
}

/// What becomes of the tenant's route with this metadata and these other fields.
///
/// # Errors
/// When the route has no name, namespace, UID or spec.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    custom: &Custom,
    gateways: &Gateways,
    (metadata, data): (&ObjectMeta, &Value),
) -> Result<Verdict> {
    let key = TenantKey::of(metadata)?;
    let Some(spec) = data.get("spec").and_then(Value::as_object) else {
        return Err(Error::NoSpec {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        });
    };
    let mut down = Down {
        key: &key,
        findings: Findings::default(),
    };
    let attached = down.parents(gateways, data.get("spec").unwrap_or(&Value::Null));
    if attached.is_empty() && down.findings.is_quiet() {
        return Ok(Verdict::Tenants);
    }
    let mut spec = spec.clone();
    known::check(&mut spec, policy.unknown_fields, &mut down.findings);
    let hosts = down.hostnames(&Allowed::of(policy), &attached, &mut spec);
    down.rules(&mut spec);
    let on_host: Vec<&Value> = attached.iter().map(|parent| &parent.on_host).collect();
    spec.insert("parentRefs".to_owned(), json!(on_host));
    // Services get their host names as every reference of a registered kind.
    let object = custom::down(cluster, policy, custom, metadata, &json!({ "spec": spec }))?;
    Ok(match down.findings.outcome(Route { object, hosts }) {
        Outcome::Translated(translated) => Verdict::Down(Box::new(translated)),
        Outcome::Denied(denied) => Verdict::Denied(denied),
    })
}

struct Down<'a> {
    key: &'a TenantKey,
    findings: Findings,
}

impl Down<'_> {
    /// Gateways of the host. Those of the tenant's own are left out: their routes are served in the tenant.
    fn parents<'g>(&mut self, gateways: &'g Gateways, spec: &Value) -> Vec<Attached<'g>> {
        let mut attached = Vec::new();
        for (index, entry) in entries(spec, "parentRefs").iter().enumerate() {
            match parent(gateways, &self.key.namespace, entry) {
                Parent::Offered(one) => attached.push(one),
                Parent::Own => {}
                Parent::Nobody { field, why } => {
                    self.findings
                        .deny(format!("spec.parentRefs[{index}].{field}"), why);
                }
            }
        }
        attached
    }

    /// The names that the route serves. Without any it has those of its listeners, and says so on the host: what a listener
    /// takes later on has to be claimed first.
    fn hostnames(
        &mut self,
        allowed: &Allowed,
        attached: &[Attached<'_>],
        spec: &mut Map<String, Value>,
    ) -> BTreeSet<ServedHost> {
        const FIELD: &str = "spec.hostnames";
        let asked: Vec<String> = spec
            .get("hostnames")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap_or_default().to_owned())
            .collect();
        if !asked.is_empty() {
            for (index, name) in asked.iter().enumerate() {
                allowed.check(&mut self.findings, &format!("{FIELD}[{index}]"), name);
            }
            return asked.iter().filter_map(|name| served(name)).collect();
        }
        let listeners = attached.iter().flat_map(Attached::listeners);
        let names: BTreeSet<&str> = listeners
            .map(|listener| listener.hostname.as_deref().unwrap_or_default())
            .collect();
        if names.is_empty() && !attached.is_empty() {
            self.findings
                .deny(FIELD, "must be set: the Gateway has no such listener");
        }
        if names.len() > 1 && names.contains("") {
            self.findings.deny(
                FIELD,
                "must be set: some of the listeners have a host name, and some take all",
            );
        }
        for name in &names {
            allowed.check(&mut self.findings, FIELD, name);
        }
        if names.contains("") {
            spec.remove("hostnames");
        } else {
            spec.insert("hostnames".to_owned(), json!(names));
        }
        names.iter().filter_map(|name| served(name)).collect()
    }

    fn rules(&mut self, spec: &mut Map<String, Value>) {
        for (rule, path) in list(spec.get_mut("rules"), "spec.rules") {
            for (backend, path) in list(rule.get_mut("backendRefs"), &format!("{path}.backendRefs")) {
                self.backend(&path, backend);
                self.filters(&path, backend);
            }
            self.filters(&path, rule);
        }
    }

    fn filters(&mut self, path: &str, holder: &mut Value) {
        for (filter, path) in list(holder.get_mut("filters"), &format!("{path}.filters")) {
            let kind = text(filter, "type", "");
            if !FILTERS.contains(&kind) {
                let offered = FILTERS.join(", ");
                self.findings
                    .deny(format!("{path}.type"), format!("must be one of {offered}"));
            }
            if let Some(backend) = filter.pointer_mut("/requestMirror/backendRef") {
                self.backend(&format!("{path}.requestMirror.backendRef"), backend);
            }
        }
    }

    /// A Service of the same namespace; its name is rewritten later. On the host all of the tenant's namespaces are one.
    fn backend(&mut self, path: &str, backend: &mut Value) {
        if !text(backend, "group", "").is_empty() || text(backend, "kind", "Service") != "Service" {
            self.findings
                .deny(format!("{path}.kind"), "is not offered: a backend is a Service");
        }
        let own = self.key.namespace.as_str();
        if text(backend, "namespace", own) != own {
            self.findings.deny(
                format!("{path}.namespace"),
                "must be the route's own: Services of other namespaces are not offered, also with a ReferenceGrant",
            );
        }
        if let Some(fields) = backend.as_object_mut() {
            fields.remove("namespace");
        }
    }
}

/// The entries of the list at `path`, each with its own path.
fn list<'v>(value: Option<&'v mut Value>, path: &str) -> impl Iterator<Item = (&'v mut Value, String)> {
    let entries = value.and_then(Value::as_array_mut).into_iter().flatten();
    entries
        .enumerate()
        .map(move |(index, entry)| (entry, format!("{path}[{index}]")))
}
