//! Pure: the objects that the operator puts into a new tenant, and re-asserts: rights of Warren's users, DNS's Service.
//!
//! Courtesy, not a boundary: the tenant is cluster-admin and may delete them. They come back, and nothing of the
//! host's security rests on them.

pub mod metrics;

use serde_json::{Value, json};
use warren_crds::gateways::GROUP;
use warren_crds::keys;
use warren_crds::keys::ports;
use warren_crds::scheduling::HostScheduling;
use warren_crds::sync::SyncSpec;

/// One object for the tenant: path of its collection, name, and the object.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantObject {
    /// For example `/apis/rbac.authorization.k8s.io/v1/clusterroles`.
    pub collection: &'static str,
    /// Name.
    pub name: String,
    /// The object.
    pub object: Value,
}

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const SERVICES: &str = "/api/v1/namespaces/kube-system/services";

/// All objects; `dns` is the ClusterIP of the host Service in front of the tenant's CoreDNS, `sync` what is shared,
/// `scheduling` there if the host places the tenant's Pods.
pub fn objects(dns: &str, sync: &SyncSpec, scheduling: Option<&HostScheduling>) -> Vec<TenantObject> {
    vec![
        binding(keys::TENANT_ADMINS, "Group", keys::TENANT_ADMINS, "cluster-admin"),
        role(keys::SYNCER_USER, &syncer(sync)),
        binding(keys::SYNCER_USER, "User", keys::SYNCER_USER, keys::SYNCER_USER),
        role(keys::VKUBELET_USER, &vkubelet(scheduling.is_some())),
        binding(
            keys::VKUBELET_USER,
            "User",
            keys::VKUBELET_USER,
            keys::VKUBELET_USER,
        ),
        role(keys::COREDNS_USER, &coredns()),
        binding(keys::COREDNS_USER, "User", keys::COREDNS_USER, keys::COREDNS_USER),
        // What the vkubelet's authorizer asks when the tenant's apiserver calls it.
        binding(
            keys::KUBELET_CLIENT_USER,
            "User",
            keys::KUBELET_CLIENT_USER,
            "system:kubelet-api-admin",
        ),
        dns_service(dns),
    ]
}

fn role(name: &str, rules: &Value) -> TenantObject {
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": name, "labels": labels() },
        "rules": rules,
    });
    TenantObject {
        collection: ROLES,
        name: name.to_owned(),
        object,
    }
}

fn binding(name: &str, kind: &str, subject: &str, role: &str) -> TenantObject {
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": name, "labels": labels() },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": subject }],
    });
    TenantObject {
        collection: BINDINGS,
        name: name.to_owned(),
        object,
    }
}

fn labels() -> Value {
    json!({ keys::MANAGED_BY: keys::MANAGED_BY_WARREN })
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
}

const READ: [&str; 3] = ["get", "list", "watch"];
const ALL: [&str; 7] = ["get", "list", "watch", "create", "patch", "update", "delete"];

/// Events go to tenants in both APIs: kube's recorder uses the new one, `kubectl describe` reads both.
fn events() -> Value {
    rule(
        &["", "events.k8s.io"],
        &["events"],
        &["create", "patch", "update"],
    )
}

fn syncer(sync: &SyncSpec) -> Value {
    let mut rules = vec![
        rule(&[""], &["serviceaccounts", "pods", "namespaces"], &READ),
        // Mapped ones are written, and taken away when nothing is mapped any more.
        rule(&[""], &["configmaps", "secrets"], &ALL),
        rule(&[""], &["serviceaccounts/token"], &["create"]),
        // `default/kubernetes` is switched to the host's address, and back: the object itself, not only its status.
        rule(&[""], &["services"], &ALL),
        rule(&[""], &["services/status"], &["get", "patch", "update"]),
        rule(&["discovery.k8s.io"], &["endpointslices"], &ALL),
        // Copied from the host. Never deleted: the tenant's objects would go with them.
        rule(
            &["apiextensions.k8s.io"],
            &["customresourcedefinitions"],
            &["get", "list", "watch", "create", "patch", "update"],
        ),
        // Their status is written by the tenant's own disruption controller, and by nobody else.
        rule(&["policy"], &["poddisruptionbudgets"], &READ),
        rule(&["networking.k8s.io"], &["ingresses"], &READ),
        rule(&["networking.k8s.io"], &["ingresses/status"], &["patch"]),
        // Where the class offers Gateways: these come from the host, in namespaces that may not be there yet.
        rule(&[GROUP], &["httproutes", "tlsroutes"], &READ),
        rule(
            &[GROUP],
            &["httproutes/status", "tlsroutes/status", "gateways/status"],
            &["patch"],
        ),
        rule(
            &[GROUP],
            &["gateways"],
            &["get", "list", "watch", "create", "patch", "delete"],
        ),
        rule(&[""], &["namespaces"], &["create"]),
        rule(&["networking.k8s.io"], &["networkpolicies"], &READ),
        // It is the tenant's volume binder: claims are the tenant's, classes and volumes are mirrored from the host.
        rule(
            &[""],
            &["persistentvolumeclaims"],
            &["get", "list", "watch", "patch", "update"],
        ),
        rule(&[""], &["persistentvolumes"], &ALL),
        rule(
            &["storage.k8s.io"],
            &["storageclasses", "csidrivers", "csinodes", "csistoragecapacities"],
            &ALL,
        ),
        rule(&["networking.k8s.io"], &["ingressclasses"], &ALL),
        rule(&["scheduling.k8s.io"], &["priorityclasses"], &ALL),
        rule(&["node.k8s.io"], &["runtimeclasses"], &ALL),
        rule(&["resource.k8s.io"], &["deviceclasses"], &ALL),
        // What the host has allocated. The last two are no resources: the apiserver asks for them when `status.allocation`,
        // and what a driver says in `status.devices`, is written (`pkg/registry/resource/utils.go`).
        rule(
            &["resource.k8s.io"],
            &["resourceclaims"],
            &["get", "list", "watch", "patch"],
        ),
        rule(
            &["resource.k8s.io"],
            &["resourceclaims/status", "resourceclaims/binding"],
            &["update"],
        ),
        rule(
            &["resource.k8s.io"],
            &["resourceclaims/driver"],
            &["arbitrary-node:update"],
        ),
        rule(
            &[""],
            &["persistentvolumeclaims/status", "persistentvolumes/status"],
            &["get", "patch", "update"],
        ),
        // What a kubelet puts into projected volumes. Its user is no `system:node`, so that no node's rights come along.
        rule(&["certificates.k8s.io"], &["clustertrustbundles"], &READ),
        rule(
            &["certificates.k8s.io"],
            &["podcertificaterequests"],
            &["get", "list", "watch", "create"],
        ),
        rule(&[""], &["nodes"], &READ),
        // Which Events went up already, once at the start.
        rule(&[""], &["events"], &["list"]),
        events(),
    ];
    rules.extend(custom(sync));
    Value::Array(rules)
}

/// The custom resources that are shared.
fn custom(sync: &SyncSpec) -> Vec<Value> {
    let rules = sync.custom.iter().flat_map(|custom| {
        let status = format!("{}/status", custom.plural());
        [
            rule(&[custom.group()], &[custom.plural()], &READ),
            rule(&[custom.group()], &[&status], &["get", "patch"]),
        ]
    });
    rules.collect()
}

fn vkubelet(binds: bool) -> Value {
    let mut rules = vec![
        rule(&[""], &["nodes"], &ALL),
        rule(&[""], &["nodes/status"], &["get", "patch", "update"]),
        rule(&["coordination.k8s.io"], &["leases"], &ALL),
        rule(
            &[""],
            &["pods"],
            &["get", "list", "watch", "patch", "update", "delete"],
        ),
        rule(&[""], &["pods/status"], &["get", "patch", "update"]),
        rule(&[""], &["services", "namespaces"], &READ),
        // Which Pods they isolate.
        rule(&["networking.k8s.io"], &["networkpolicies"], &READ),
        rule(&["authentication.k8s.io"], &["tokenreviews"], &["create"]),
        rule(&["authorization.k8s.io"], &["subjectaccessreviews"], &["create"]),
        events(),
    ];
    if binds {
        // In place of the tenant's scheduler, where the host's has placed a Pod.
        rules.push(rule(&[""], &["pods/binding"], &["create"]));
    }
    Value::Array(rules)
}

fn coredns() -> Value {
    json!([
        rule(&[""], &["services", "pods", "namespaces"], &["list", "watch"]),
        rule(&["discovery.k8s.io"], &["endpointslices"], &["list", "watch"]),
    ])
}

/// The Service by which everything in a cluster knows DNS. It has no selector: its address is a host Service's, and
/// the packets never see the tenant's endpoints.
fn dns_service(dns: &str) -> TenantObject {
    let port = |name: &str, protocol: &str| json!({ "name": name, "port": ports::DNS, "protocol": protocol, "targetPort": ports::DNS });
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kube-dns",
            "namespace": "kube-system",
            "labels": {
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
                keys::MANAGED_BY: keys::MANAGED_BY_WARREN,
            },
        },
        "spec": { "clusterIP": dns, "ports": [port("dns", "UDP"), port("dns-tcp", "TCP")] },
    });
    TenantObject {
        collection: SERVICES,
        name: "kube-dns".to_owned(),
        object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let objects: Vec<_> = super::objects("10.96.1.5", &SyncSpec::default(), None)
            .into_iter()
            .map(|o| o.object)
            .collect();
        insta::assert_yaml_snapshot!(objects);
    }

    #[test]
    fn pods_are_bound_only_where_the_hosts_scheduler_places_them() {
        let may_bind = |scheduling: Option<&HostScheduling>| {
            let objects = super::objects("10.96.1.5", &SyncSpec::default(), scheduling);
            objects
                .iter()
                .any(|o| o.object.to_string().contains("pods/binding"))
        };
        assert!(!may_bind(None));
        assert!(may_bind(Some(&HostScheduling::default())));
    }

    #[test]
    fn a_custom_resource_is_read_and_its_status_written() {
        let sync = json!({ "custom": [{ "definition": "certificates.cert-manager.io", "version": "v1" }] });
        insta::assert_yaml_snapshot!(custom(&serde_json::from_value(sync).unwrap()));
    }
}
