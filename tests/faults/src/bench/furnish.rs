//! What both sides have before an agent starts: namespaces, rights, definitions.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_crds::sync::SyncSpec;
use warren_operator::virtual_cluster::bootstrap;
use warren_operator::virtual_cluster::plan::rbac::{
    AGENT_SYSTEM_ROLE, SYNCER_CLUSTER_ROLE, SYNCER_ROLE, VKUBELET_ROLE,
};
use warren_operator::virtual_cluster::plan::sync::{
    CONFIG_MAPS_ROLE, CUSTOM_ROLE, EXPORT_ROLE, SECRETS_ROLE, SERVICES_ROLE,
};

use super::{Bench, OTHERS, TEAM};
use crate::agent::{SYSTEM, WORKLOADS};
use crate::api::Api;
use crate::scenario::shared::{self, SOURCE, WIDGETS};
use crate::syncer::OWNER;

/// The definition of host name claims, which Ingresses wait for.
const CLAIMS: &str = include_str!("../../../../crds/yaml/hostnameclaims.yaml");
/// What the chart grants to agents.
const RBAC: &str = "helm/warren/templates/rbac-agents.yaml";
const RBAC_GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";

impl Bench {
    /// With all rights that a syncer may have: whether it uses them is what its flags say.
    pub(super) async fn furnish_host_for_syncer(&self) -> Result<()> {
        self.furnish_host().await?;
        let claims = serde_saphyr::from_str(CLAIMS).context("failed to parse the definition of claims")?;
        for definition in [claims, shared::definition()] {
            self.host
                .create(
                    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                    &definition,
                )
                .await?;
        }
        let [plural, group] = WIDGETS;
        for served in [
            "/apis/warren.dev/v1alpha1/hostnameclaims".to_owned(),
            format!("/apis/{group}/v1/{plural}"),
        ] {
            self.eventually(|| self.host.get(&served)).await?;
        }
        for (role, namespace) in [
            (AGENT_SYSTEM_ROLE, Some(SYSTEM)),
            (SYNCER_ROLE, Some(WORKLOADS)),
            (CUSTOM_ROLE, Some(WORKLOADS)),
            (CONFIG_MAPS_ROLE, Some(SOURCE)),
            (SECRETS_ROLE, Some(SOURCE)),
            (SERVICES_ROLE, Some(SOURCE)),
            (EXPORT_ROLE, Some(OWNER)),
            (SYNCER_CLUSTER_ROLE, None),
        ] {
            self.bind(role, "syncer", namespace).await?;
        }
        Ok(())
    }

    pub(super) async fn furnish_host_for_vkubelet(&self) -> Result<()> {
        self.furnish_host().await?;
        self.bind(AGENT_SYSTEM_ROLE, "vkubelet", Some(SYSTEM)).await?;
        self.bind(VKUBELET_ROLE, "vkubelet", Some(WORKLOADS)).await
    }

    async fn furnish_host(&self) -> Result<()> {
        for namespace in [SYSTEM, WORKLOADS, OTHERS, SOURCE, OWNER] {
            make_namespace(&self.host, namespace).await?;
        }
        make_account(&self.host, WORKLOADS, keys::WORKLOAD_SERVICE_ACCOUNT).await?;
        for role in agent_roles()? {
            self.host
                .create(&format!("{RBAC_GROUP}/clusterroles"), &role)
                .await?;
        }
        Ok(())
    }

    /// Grants a role to an agent, in one namespace or in all.
    async fn bind(&self, role: &str, agent: &str, namespace: Option<&str>) -> Result<()> {
        let collection = match namespace {
            Some(namespace) => format!("{RBAC_GROUP}/namespaces/{namespace}/rolebindings"),
            None => format!("{RBAC_GROUP}/clusterrolebindings"),
        };
        let binding = json!({
            "metadata": { "name": role },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": agent, "namespace": SYSTEM }],
        });
        self.host.create(&collection, &binding).await.map(drop)
    }

    pub(super) async fn furnish_tenant(&self, sync: &SyncSpec) -> Result<()> {
        make_namespace(&self.tenant, TEAM).await?;
        make_account(&self.tenant, TEAM, "default").await?;
        for bootstrap::TenantObject {
            collection, object, ..
        } in bootstrap::objects("10.96.0.10", sync, None)
        {
            self.tenant.create(collection, &object).await?;
        }
        Ok(())
    }
}

async fn make_namespace(api: &Api, name: &str) -> Result<()> {
    let namespace = json!({ "metadata": { "name": name } });
    api.create("/api/v1/namespaces", &namespace).await.map(drop)
}

async fn make_account(api: &Api, namespace: &str, name: &str) -> Result<()> {
    let account = json!({ "metadata": { "name": name } });
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    api.create(&accounts, &account).await.map(drop)
}

/// The roles of agents in the chart, with [`WIDGETS`] for its value `customResources`. Without the lines that Helm acts on,
/// which only add labels, conditions and loops, they are YAML.
fn agent_roles() -> Result<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(RBAC)).with_context(|| format!("failed to read {RBAC}"))?;
    let [plural, group] = WIDGETS;
    let filled = text
        .replace("{{ . }}", &WIDGETS.join("."))
        .replace("{{ $parts._0 }}", plural)
        .replace("{{ $parts._1 }}", group);
    let acted_on = |line: &&str| line.contains("{{") || *line == "rules: []";
    let plain: Vec<&str> = filled.lines().filter(|line| !acted_on(line)).collect();
    let plain = plain.join("\n");
    let roles = plain.split("\n---\n");
    roles
        .map(|role| serde_saphyr::from_str(role).with_context(|| format!("failed to parse {role}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_roles_of_agents_are_read() {
        let roles = agent_roles().unwrap();
        for name in [
            AGENT_SYSTEM_ROLE,
            SYNCER_ROLE,
            SYNCER_CLUSTER_ROLE,
            VKUBELET_ROLE,
            CONFIG_MAPS_ROLE,
            SECRETS_ROLE,
            SERVICES_ROLE,
            EXPORT_ROLE,
            CUSTOM_ROLE,
        ] {
            let role = roles
                .iter()
                .find(|role| role["metadata"]["name"] == name)
                .unwrap();
            assert!(
                role["rules"].as_array().is_some_and(|rules| !rules.is_empty()),
                "{name}"
            );
        }
    }

    #[test]
    fn what_a_value_of_the_chart_names_is_in_the_roles() {
        let roles = agent_roles().unwrap();
        let granted = |name: &str| {
            let role = roles.iter().find(|role| role["metadata"]["name"] == name);
            role.unwrap()["rules"].as_array().unwrap().clone()
        };
        let custom = granted(CUSTOM_ROLE);
        assert_eq!(custom[0]["apiGroups"], json!([WIDGETS[1]]));
        assert_eq!(custom[0]["resources"], json!([WIDGETS[0]]));
        let cluster = granted(SYNCER_CLUSTER_ROLE);
        let definitions = json!(["customresourcedefinitions"]);
        let definitions = cluster.iter().find(|rule| rule["resources"] == definitions);
        let named = definitions.unwrap()["resourceNames"].as_array().unwrap();
        assert!(named.contains(&json!(WIDGETS.join("."))), "{named:?}");
    }
}
