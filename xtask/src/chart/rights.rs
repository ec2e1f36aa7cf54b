//! Pure: what the chart's roles and bindings must never hold, and what only one of them may.

use serde_json::Value;

/// Bound to the operator in the whole host.
const OPERATOR: &str = "warren-operator";
/// Bound to the operator in namespaces that it made.
const OPERATOR_CLUSTER: &str = "warren-operator-cluster";
/// Bound to the syncer in workload namespaces.
const SYNCER: &str = "warren-agent-syncer-workload";
/// Bound to the syncers in the whole host, by the operator.
const SYNCER_CLUSTER: &str = "warren-agent-syncer-cluster";
/// What it may read there.
const SYNCER_CLUSTER_READS: [&str; 12] = [
    "persistentvolumes",
    "storageclasses",
    "ingressclasses",
    "priorityclasses",
    "runtimeclasses",
    "deviceclasses",
    "csidrivers",
    "csinodes",
    "csistoragecapacities",
    "gateways",
    HOST_NAMES,
    DEFINITIONS,
];
/// What it may create and delete there; an admission policy says which.
const HOST_NAMES: &str = "hostnameclaims";
/// Read by the syncers, and only those of the Gateway API and those that the values name.
const DEFINITIONS: &str = "customresourcedefinitions";
/// Bound to the syncer in namespaces that a class and a label open to mappings; only to read.
const SOURCE_SECRETS: &str = "warren-agent-syncer-source-secrets";
/// Begins the names of such roles.
const SOURCES: &str = "warren-agent-syncer-source-";
/// Bound to the syncer in the namespace of its VirtualCluster.
const EXPORT: &str = "warren-agent-syncer-export";
/// What it may hold.
const EXPORTED: [&str; 2] = ["services", "endpointslices"];
/// Bound to the vkubelet in workload namespaces.
const VKUBELET: &str = "warren-agent-vkubelet-workload";

/// Verbs that make more rights of some, or become somebody else.
const NEVER_VERBS: [&str; 6] = [
    "*",
    "escalate",
    "impersonate",
    "approve",
    "sign",
    "deletecollection",
];
/// Resources that nobody of Warren's may touch; each is a way to the nodes or to more rights.
const NEVER: [&str; 10] = [
    "*",
    "nodes/",
    "services/proxy",
    "pods/proxy",
    "serviceaccounts/token",
    "certificatesigningrequests",
    "validatingadmissionpolicies",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "mutatingadmissionpolicies",
];
/// Resources, and the only roles that may name them.
const ONLY: [(&str, &[&str]); 29] = [
    ("pods/", &[VKUBELET]),
    ("nodes", &[OPERATOR]),
    ("namespaces", &[OPERATOR]),
    ("rolebindings", &[OPERATOR, OPERATOR_CLUSTER]),
    ("clusterrolebindings", &[OPERATOR]),
    ("clusterroles", &[OPERATOR]),
    ("secrets", &[OPERATOR, OPERATOR_CLUSTER, SYNCER, SOURCE_SECRETS]),
    ("serviceaccounts", &[OPERATOR_CLUSTER]),
    ("networkpolicies", &[OPERATOR_CLUSTER, SYNCER]),
    ("deployments", &[OPERATOR_CLUSTER]),
    ("poddisruptionbudgets", &[SYNCER]),
    ("ingresses", &[SYNCER]),
    ("ingressclasses", &[SYNCER_CLUSTER]),
    ("httproutes", &[SYNCER]),
    ("tlsroutes", &[SYNCER]),
    ("gateways", &[SYNCER_CLUSTER]),
    (HOST_NAMES, &[OPERATOR, SYNCER_CLUSTER]),
    ("persistentvolumeclaims", &[OPERATOR_CLUSTER, SYNCER]),
    ("persistentvolumes", &[SYNCER_CLUSTER]),
    ("storageclasses", &[SYNCER_CLUSTER]),
    (DEFINITIONS, &[SYNCER_CLUSTER]),
    ("priorityclasses", &[SYNCER_CLUSTER]),
    ("runtimeclasses", &[SYNCER_CLUSTER]),
    ("deviceclasses", &[SYNCER_CLUSTER]),
    ("resourceclaims", &[OPERATOR, SYNCER]),
    ("csidrivers", &[SYNCER_CLUSTER]),
    ("csinodes", &[SYNCER_CLUSTER]),
    ("csistoragecapacities", &[SYNCER_CLUSTER]),
    ("resourceslices", &[OPERATOR]),
];
/// What RBAC lets the operator or a syncer write everywhere, so that only an admission policy holds it back.
const GUARDED: [&str; 5] = [
    "namespaces",
    "secrets",
    "rolebindings",
    "clusterrolebindings",
    HOST_NAMES,
];

/// What is wrong with the roles and bindings among `objects`.
pub(super) fn findings(objects: &[Value]) -> Vec<String> {
    objects
        .iter()
        .flat_map(|object| match text(object, "kind") {
            "Role" | "ClusterRole" => role(object),
            "ClusterRoleBinding" => binding(object),
            _ => Vec::new(),
        })
        .chain(unguarded(objects))
        .collect()
}

/// What no admission policy holds them back from. Without any policies whoever set the values wanted it so.
fn unguarded(objects: &[Value]) -> Vec<String> {
    let policies: Vec<&Value> = objects
        .iter()
        .filter(|object| text(object, "kind") == "ValidatingAdmissionPolicy")
        .collect();
    if policies.is_empty() {
        return Vec::new();
    }
    let is_guarded = |resource: &str| {
        policies.iter().any(|policy| {
            let fails = policy.pointer("/spec/failurePolicy").and_then(Value::as_str) == Some("Fail");
            let rules = policy.pointer("/spec/matchConstraints/resourceRules");
            let mut rules = rules.and_then(Value::as_array).into_iter().flatten();
            fails
                && rules.any(|rule| {
                    let operations = list(rule, "operations");
                    let all = ["CREATE", "UPDATE", "DELETE"];
                    list(rule, "resources").contains(&resource)
                        && all.iter().all(|one| operations.contains(one))
                })
        })
    };
    let open = GUARDED.iter().filter(|resource| !is_guarded(resource));
    open.map(|resource| format!("no admission policy bounds writes to {resource}"))
        .collect()
}

/// The chart binds nobody in the whole host but the operator, to its one role. Agents are bound by the operator, in
/// namespaces; the syncer's one binding to what is in none is held to reading, and to claims, by [`granted`].
fn binding(binding: &Value) -> Vec<String> {
    let role = binding
        .pointer("/roleRef/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if role == OPERATOR {
        return Vec::new();
    }
    vec![format!("{} grants {role} in the whole host", name(binding))]
}

fn role(role: &Value) -> Vec<String> {
    let rules = role
        .get("rules")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    rules.iter().flat_map(|rule| granted(role, rule)).collect()
}

/// What is wrong with one rule of a role.
fn granted(holder: &Value, rule: &Value) -> Vec<String> {
    let own = name(holder);
    let (groups, resources, verbs) = (
        list(rule, "apiGroups"),
        list(rule, "resources"),
        list(rule, "verbs"),
    );
    let mut found = Vec::new();
    let mut add = |what: String| found.push(format!("{own} may {what}"));
    for verb in verbs.iter().filter(|verb| NEVER_VERBS.contains(verb)) {
        add(format!("{verb} {}", resources.join(", ")));
    }
    if groups.contains(&"*") {
        add("act on every API group".to_owned());
    }
    if !list(rule, "nonResourceURLs").is_empty() {
        add("call URLs that are no resources".to_owned());
    }
    if verbs.contains(&"bind") && list(rule, "resourceNames").is_empty() {
        add("bind every role".to_owned());
    }
    for resource in &resources {
        if NEVER.iter().any(|never| is(resource, never)) {
            add(format!("touch {resource}"));
        }
        let allowed = ONLY
            .iter()
            .find(|(only, _)| is(resource, only))
            .map(|(_, roles)| *roles);
        // Metrics of Pods and Nodes are another API group's, and only read.
        let metrics = groups == ["metrics.k8s.io"] && verbs.iter().all(|verb| is_read(verb));
        if allowed.is_some_and(|roles| !roles.contains(&own)) && !metrics {
            add(format!("{} {resource}", verbs.join(", ")));
        }
    }
    if own == SYNCER_CLUSTER {
        for resource in resources.iter().filter(|one| !SYNCER_CLUSTER_READS.contains(one)) {
            add(format!("{} {resource} in the whole host", verbs.join(", ")));
        }
        let claims = resources == [HOST_NAMES];
        let may = |verb: &str| is_read(verb) || (claims && matches!(verb, "create" | "delete"));
        for verb in verbs.iter().filter(|verb| !may(verb)) {
            add(format!("{verb} {} in the whole host", resources.join(", ")));
        }
    }
    if resources.contains(&DEFINITIONS) && list(rule, "resourceNames").is_empty() {
        add(format!("{} every definition", verbs.join(", ")));
    }
    // In namespaces that are not Warren's: each role its one kind, and the sources are only read.
    if own.starts_with(SOURCES) {
        for verb in verbs.iter().filter(|verb| !is_read(verb)) {
            add(format!("{verb} {} in namespaces of others", resources.join(", ")));
        }
    }
    if own == EXPORT {
        for resource in resources.iter().filter(|one| !EXPORTED.contains(one)) {
            add(format!("{} {resource} in namespaces of others", verbs.join(", ")));
        }
    }
    // In the whole host: nodes are looked at, Secrets written blindly (an admission policy says which), never read.
    if own == OPERATOR && text(holder, "kind") == "ClusterRole" {
        let reads = verbs.iter().any(|verb| is_read(verb));
        let writes = verbs.iter().any(|verb| !is_read(verb));
        if resources.contains(&"secrets") && reads {
            add("read Secrets in the whole host".to_owned());
        }
        if resources
            .iter()
            .any(|resource| matches!(*resource, "nodes" | "pods"))
            && writes
        {
            add(format!("write {} in the whole host", resources.join(", ")));
        }
    }
    found
}

/// Whether `resource` is what the table means: `nodes/` is every subresource of nodes, `pods` only itself.
fn is(resource: &str, entry: &str) -> bool {
    resource == entry || (entry.ends_with('/') && resource.starts_with(entry))
}

fn is_read(verb: &str) -> bool {
    matches!(verb, "get" | "list" | "watch")
}

fn name(object: &Value) -> &str {
    object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(rule: &'a Value, key: &str) -> Vec<&'a str> {
    let values = rule.get(key).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(name: &str, rule: &Value) -> Vec<String> {
        findings(&[json!({ "kind": "ClusterRole", "metadata": { "name": name }, "rules": [rule] })])
    }

    #[test]
    fn what_makes_more_of_a_right_is_found_in_every_role() {
        for rule in [
            json!({ "apiGroups": ["*"], "resources": ["a"], "verbs": ["get"] }),
            json!({ "apiGroups": [""], "resources": ["*"], "verbs": ["get"] }),
            json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }),
            json!({ "apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"] }),
            json!({ "apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"] }),
            json!({ "apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"] }),
            json!({ "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"] }),
            json!({ "nonResourceURLs": ["/metrics"], "verbs": ["get"] }),
        ] {
            for role in [OPERATOR, VKUBELET, "warren-edit"] {
                assert!(!of(role, &rule).is_empty(), "{role}: {rule}");
            }
        }
    }

    #[test]
    fn some_rights_are_for_one_role_only() {
        let exec = json!({ "apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"] });
        assert_eq!(of(VKUBELET, &exec), Vec::<String>::new());
        assert_eq!(of(OPERATOR, &exec), ["warren-operator may create pods/exec"]);
        assert_eq!(
            of(SYNCER, &exec),
            ["warren-agent-syncer-workload may create pods/exec"]
        );
        let secrets = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] });
        assert_eq!(of(SYNCER, &secrets), Vec::<String>::new());
        assert_eq!(
            of(VKUBELET, &secrets),
            ["warren-agent-vkubelet-workload may get secrets"]
        );
        assert_eq!(
            of(OPERATOR, &secrets),
            ["warren-operator may read Secrets in the whole host"]
        );
        let binding = json!({ "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterrolebindings"],
            "verbs": ["create"] });
        assert_eq!(of(OPERATOR, &binding), Vec::<String>::new());
        assert!(!of(OPERATOR_CLUSTER, &binding).is_empty());
        let metrics =
            json!({ "apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["get", "list"] });
        assert_eq!(of(VKUBELET, &metrics), Vec::<String>::new());
    }

    #[test]
    fn in_the_whole_host_a_syncer_reads_classes_and_volumes_claims_names_and_nothing_else() {
        let rule = |resource: &str, verb: &str| {
            of(
                SYNCER_CLUSTER,
                &json!({ "apiGroups": [""], "resources": [resource], "verbs": [verb] }),
            )
        };
        assert_eq!(rule("persistentvolumes", "watch"), Vec::<String>::new());
        assert_eq!(rule("storageclasses", "list"), Vec::<String>::new());
        assert_eq!(rule("priorityclasses", "get"), Vec::<String>::new());
        assert_eq!(rule(HOST_NAMES, "create"), Vec::<String>::new());
        assert_eq!(rule(HOST_NAMES, "delete"), Vec::<String>::new());
        for (resource, verb) in [
            ("persistentvolumes", "patch"),
            ("storageclasses", "delete"),
            ("ingressclasses", "create"),
            ("gateways", "update"),
            ("httproutes", "get"),
            ("priorityclasses", "update"),
            (HOST_NAMES, "update"),
            (HOST_NAMES, "patch"),
            ("configmaps", "get"),
            ("pods", "list"),
        ] {
            assert!(!rule(resource, verb).is_empty(), "{verb} {resource}");
        }
        let volumes = json!({ "apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["get"] });
        for role in [SYNCER, VKUBELET, OPERATOR] {
            assert!(!of(role, &volumes).is_empty(), "{role}");
        }
    }

    #[test]
    fn mappings_are_read_by_name_of_their_kind_and_exports_are_services() {
        let rule = |role: &str, resource: &str, verb: &str| {
            of(
                role,
                &json!({ "apiGroups": [""], "resources": [resource], "verbs": [verb] }),
            )
        };
        assert_eq!(rule(SOURCE_SECRETS, "secrets", "list"), Vec::<String>::new());
        assert_eq!(rule(EXPORT, "services", "create"), Vec::<String>::new());
        for (role, resource, verb) in [
            (SOURCE_SECRETS, "secrets", "patch"),
            ("warren-agent-syncer-source-configmaps", "secrets", "get"),
            (EXPORT, "configmaps", "get"),
            (SYNCER_CLUSTER, DEFINITIONS, "get"),
            (SYNCER, DEFINITIONS, "get"),
        ] {
            assert!(
                !rule(role, resource, verb).is_empty(),
                "{role}: {verb} {resource}"
            );
        }
        let named = json!({ "apiGroups": [""], "resources": [DEFINITIONS], "resourceNames": ["a.b.c"],
            "verbs": ["get"] });
        assert_eq!(of(SYNCER_CLUSTER, &named), Vec::<String>::new());
    }

    #[test]
    fn what_the_operator_may_write_everywhere_is_bounded_by_policies() {
        let policy = |resources: &[&str], operations: &[&str], failure: &str| {
            let rule = json!({ "resources": resources, "operations": operations });
            json!({ "kind": "ValidatingAdmissionPolicy",
                "spec": { "failurePolicy": failure, "matchConstraints": { "resourceRules": [rule] } } })
        };
        let all = ["CREATE", "UPDATE", "DELETE"];
        assert_eq!(findings(&[]), Vec::<String>::new());
        assert_eq!(findings(&[policy(&GUARDED, &all, "Fail")]), Vec::<String>::new());
        assert_eq!(
            findings(&[policy(&GUARDED[1..], &all, "Fail")]),
            ["no admission policy bounds writes to namespaces"]
        );
        assert_eq!(findings(&[policy(&GUARDED, &all, "Ignore")]).len(), GUARDED.len());
        assert_eq!(
            findings(&[policy(&GUARDED, &all[..2], "Fail")]).len(),
            GUARDED.len()
        );
    }

    #[test]
    fn an_agent_is_never_bound_in_the_whole_host() {
        let bound = |role: &str| {
            findings(&[
                json!({ "kind": "ClusterRoleBinding", "metadata": { "name": "b" }, "roleRef": { "name": role } }),
            ])
        };
        assert_eq!(bound(OPERATOR), Vec::<String>::new());
        assert_eq!(
            bound(VKUBELET),
            ["b grants warren-agent-vkubelet-workload in the whole host"]
        );
    }
}
