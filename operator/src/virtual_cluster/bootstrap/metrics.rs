//! Pure: `metrics.k8s.io` in the tenant: an `APIService` that leads to the vkubelet's gate, the Service it needs, and
//! the right of the usual roles to read it.
//!
//! Offered, not imposed: a tenant that replaces the `APIService` by its own metrics-server keeps it.

use data_encoding::BASE64;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_crds::keys::ports;

use super::{ROLES, SERVICES, TenantObject, labels, rule};

/// Path of the `APIService`s.
pub const API_SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
/// Name of the `APIService`.
pub const API_SERVICE: &str = "v1beta1.metrics.k8s.io";
/// Where the Service is.
const NAMESPACE: &str = "kube-system";

/// Whether Warren may write its objects, given the `APIService` that is there: there is none, or it leads to Warren.
pub fn may_offer(existing: Option<&Value>) -> bool {
    let Some(existing) = existing else { return true };
    let service = existing.pointer("/spec/service");
    let text = |key: &str| service.and_then(|service| service.get(key)?.as_str());
    text("name") == Some(keys::METRICS_SERVICE) && text("namespace") == Some(NAMESPACE)
}

/// The objects; `serving_ca` (PEM) signs the certificate that the vkubelet serves with.
pub fn objects(serving_ca: &str) -> Vec<TenantObject> {
    vec![service(), reader(), api_service(serving_ca)]
}

/// An `ExternalName`: the apiserver hands its name to the egress gate unresolved, so the Service needs no address
/// that could collide, no endpoints, and the syncer leaves it alone.
fn service() -> TenantObject {
    TenantObject {
        collection: SERVICES,
        name: keys::METRICS_SERVICE.to_owned(),
        object: json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": keys::METRICS_SERVICE, "namespace": NAMESPACE, "labels": labels() },
            "spec": { "type": "ExternalName", "externalName": keys::METRICS_HOST },
        }),
    }
}

/// Upstream's name: whoever installs a metrics-server later brings the same role.
fn reader() -> TenantObject {
    let name = "system:aggregated-metrics-reader";
    let mut labels = labels();
    if let Value::Object(labels) = &mut labels {
        for role in ["admin", "edit", "view"] {
            let key = format!("rbac.authorization.k8s.io/aggregate-to-{role}");
            labels.insert(key, json!("true"));
        }
    }
    TenantObject {
        collection: ROLES,
        name: name.to_owned(),
        object: json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": { "name": name, "labels": labels },
            "rules": [rule(&["metrics.k8s.io"], &["pods", "nodes"], &["get", "list"])],
        }),
    }
}

fn api_service(serving_ca: &str) -> TenantObject {
    TenantObject {
        collection: API_SERVICES,
        name: API_SERVICE.to_owned(),
        object: json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": { "name": API_SERVICE, "labels": labels() },
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                // Upstream's.
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": { "namespace": NAMESPACE, "name": keys::METRICS_SERVICE, "port": ports::METRICS },
                "caBundle": BASE64.encode(serving_ca.as_bytes()),
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let objects: Vec<_> = objects("PEM\n").into_iter().map(|o| o.object).collect();
        insta::assert_yaml_snapshot!(objects);
    }

    #[test]
    fn what_leads_elsewhere_is_the_tenants() {
        assert!(may_offer(None));
        let own = api_service("PEM").object;
        assert!(may_offer(Some(&own)));
        // Also with our label still on it: `kubectl apply` merges.
        for (pointer, value) in [
            ("/spec/service/name", json!("metrics-server")),
            ("/spec/service/namespace", json!("monitoring")),
            ("/spec/service", Value::Null),
        ] {
            let mut other = own.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            assert!(!may_offer(Some(&other)), "{pointer}");
        }
    }
}
