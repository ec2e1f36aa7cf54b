//! Pure: ServiceAccounts of the components, and the RoleBindings to the chart's `ClusterRoles`.
//!
//! The operator holds nothing that it hands out: it may `bind` exactly the `ClusterRoles` named here, and an admission
//! policy of the chart lets it do so only in namespaces that it made itself, but for two: the syncer reads the host's
//! classes and volumes and claims host names, which are in no namespace, and what `spec.sync` names ([`super::sync`]).

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use kube::Resource;
use kube::api::ObjectMeta;

use super::build::{system_meta, workload_meta};
use super::{Error, Plan, Settings, Wave};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// The operator in the namespaces of a virtual cluster.
pub const OPERATOR_ROLE: &str = "warren-operator-cluster";
/// The syncer in the workload namespace.
pub const SYNCER_ROLE: &str = "warren-agent-syncer-workload";
/// The syncer in the whole host: it reads what is in no namespace, and claims host names.
pub const SYNCER_CLUSTER_ROLE: &str = "warren-agent-syncer-cluster";
/// The vkubelet in the workload namespace.
pub const VKUBELET_ROLE: &str = "warren-agent-vkubelet-workload";
/// Both agents in the `-system` namespace: their Leases and Events.
pub const AGENT_SYSTEM_ROLE: &str = "warren-agent-system";

/// Name of the ClusterRoleBinding of one virtual cluster's syncer. The chart's admission policy lets the operator write
/// no other, and a deletion finds it by this name: namespaces do not take it with them.
pub fn syncer_cluster_binding(cluster_id: &str) -> String {
    format!("{SYNCER_CLUSTER_ROLE}-{cluster_id}")
}

/// Adds the operator's own grant.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan_operator(cluster: &ValidatedCluster, settings: &Settings, plan: &mut Plan) -> Result<(), Error> {
    let subject = subject(&settings.operator_service_account, &settings.operator_namespace);
    let system = system_meta(cluster, OPERATOR_ROLE, "operator");
    let workloads = workload_meta(cluster, OPERATOR_ROLE);
    for metadata in [system, workloads] {
        plan.apply(
            Wave::Grants,
            &RoleBinding {
                metadata,
                role_ref: role(OPERATOR_ROLE),
                subjects: Some(vec![subject.clone()]),
            },
        )?;
    }
    Ok(())
}

/// Adds ServiceAccounts and the agents' grants.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan_agents(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    let accounts = [
        component::ETCD,
        component::CONTROL_PLANE,
        component::COREDNS,
        component::SYNCER,
        component::VKUBELET,
    ];
    for name in accounts {
        plan.apply(
            Wave::Configuration,
            &ServiceAccount {
                metadata: system_meta(cluster, name, name),
                automount_service_account_token: Some(false),
                ..ServiceAccount::default()
            },
        )?;
    }
    for (agent, workload_role) in [
        (component::SYNCER, SYNCER_ROLE),
        (component::VKUBELET, VKUBELET_ROLE),
    ] {
        let subjects = vec![subject(agent, &cluster.namespaces.system)];
        plan.apply(
            Wave::Configuration,
            &RoleBinding {
                metadata: system_meta(cluster, &format!("{AGENT_SYSTEM_ROLE}-{agent}"), agent),
                role_ref: role(AGENT_SYSTEM_ROLE),
                subjects: Some(subjects.clone()),
            },
        )?;
        plan.apply(
            Wave::Configuration,
            &RoleBinding {
                metadata: workload_meta(cluster, workload_role),
                role_ref: role(workload_role),
                subjects: Some(subjects),
            },
        )?;
    }
    plan.apply(
        Wave::Configuration,
        &ClusterRoleBinding {
            metadata: ObjectMeta {
                name: Some(syncer_cluster_binding(&cluster.id)),
                labels: Some(names::component_labels(&cluster.id, component::SYNCER)),
                ..ObjectMeta::default()
            },
            role_ref: role(SYNCER_CLUSTER_ROLE),
            subjects: Some(vec![subject(component::SYNCER, &cluster.namespaces.system)]),
        },
    )
}

pub(super) fn role(name: &str) -> RoleRef {
    RoleRef {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: "ClusterRole".to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn subject(account: &str, namespace: &str) -> Subject {
    Subject {
        kind: ServiceAccount::kind(&()).into_owned(),
        name: account.to_owned(),
        namespace: Some(namespace.to_owned()),
        api_group: None,
    }
}

#[cfg(test)]
mod tests {
    use warren_crds::keys;
    use warren_crds::virtual_cluster::HostNamespaces;

    use super::super::sync;
    use super::*;

    /// The operator may `bind` what the chart says, and binds what this file says.
    #[test]
    fn the_chart_has_every_role_and_the_right_to_bind_it() {
        let operator = include_str!("../../../../helm/warren/templates/rbac-operator.yaml");
        let agents = include_str!("../../../../helm/warren/templates/rbac-agents.yaml");
        for role in [
            OPERATOR_ROLE,
            SYNCER_ROLE,
            SYNCER_CLUSTER_ROLE,
            VKUBELET_ROLE,
            AGENT_SYSTEM_ROLE,
        ]
        .into_iter()
        .chain(sync::ROLES)
        {
            let defined = format!("\n  name: {role}\n");
            assert!(
                operator.contains(&defined) || agents.contains(&defined),
                "{role} is not defined"
            );
            assert!(
                operator.contains(&format!("\n      - {role}\n")),
                "{role} may not be bound"
            );
        }
    }

    /// Else a virtual cluster could not be made: the policy knows the binding by role, name, label and subject.
    #[test]
    fn the_admission_policy_speaks_of_the_binding_that_the_operator_writes() {
        let policy = include_str!("../../../../helm/warren/templates/policy-operator.yaml");
        let prefix = syncer_cluster_binding("");
        for words in [
            format!("object.roleRef.name == '{SYNCER_CLUSTER_ROLE}'"),
            format!(
                "object.metadata.name == '{prefix}' + object.metadata.labels['{}']",
                keys::CLUSTER
            ),
            format!("s.name == '{}'", component::SYNCER),
            "s.namespace.startsWith('wc-')".to_owned(),
        ] {
            assert!(policy.contains(&words), "{words}");
        }
        assert!(names::host_namespaces("a").system.starts_with("wc-"));
        for words in [
            format!("'{}'", sync::CONFIG_MAPS_ROLE),
            format!("'{}', '{}'", sync::SECRETS_ROLE, sync::SERVICES_ROLE),
            format!("b.roleRef.name == '{}'", sync::EXPORT_ROLE),
            format!(
                "b.metadata.name == b.roleRef.name + '-' + b.metadata.labels['{}']",
                keys::CLUSTER
            ),
            format!(
                "namespaceObject.metadata.labels[?'{}'].orValue('') == 'true'",
                keys::SYNC_SOURCE
            ),
        ] {
            assert!(policy.contains(&words), "{words}");
        }
    }

    /// Else no host name could be claimed: the policy knows a syncer by the name of its account.
    #[test]
    fn the_admission_policy_of_claims_speaks_of_the_account_that_syncers_run_as() {
        let policy = include_str!("../../../../helm/warren/templates/policy-host-names.yaml");
        let HostNamespaces { system, .. } = names::host_namespaces("ID");
        let account = format!("system:serviceaccount:{system}:{}", component::SYNCER);
        for object in ["object", "oldObject"] {
            let expression = account.replace("ID", &format!("' + {object}.spec.clusterId + '"));
            let words = format!("{object} == null\n        || request.userInfo.username == '{expression}'");
            assert!(policy.contains(&words), "{words}");
        }
        assert!(policy.contains(&format!("['{}'] == object.spec.clusterId", keys::CLUSTER)));
    }

    #[test]
    fn the_chart_has_no_wildcards_and_no_rights_that_make_more_rights() {
        for text in [
            include_str!("../../../../helm/warren/templates/rbac-operator.yaml"),
            include_str!("../../../../helm/warren/templates/rbac-agents.yaml"),
        ] {
            let rules: Vec<&str> = text
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'))
                .collect();
            let rules = rules.join("\n");
            for forbidden in ["'*'", "\"*\"", "escalate", "impersonate", "nodes/"] {
                assert!(!rules.contains(forbidden), "{forbidden}");
            }
        }
        let operator = include_str!("../../../../helm/warren/templates/rbac-operator.yaml");
        assert!(!operator.contains("pods/"));
    }
}
