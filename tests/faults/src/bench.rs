//! Two control planes, a proxy in front of each, and the syncer between them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_crds::sync::SyncSpec;
use warren_operator::virtual_cluster::bootstrap;
use warren_operator::virtual_cluster::plan::rbac::{AGENT_SYSTEM_ROLE, SYNCER_CLUSTER_ROLE, SYNCER_ROLE};

use crate::api::Api;
use crate::call::Side;
use crate::control::Control;
use crate::control_plane::ControlPlane;
use crate::proxy::Proxy;
use crate::syncer::{Files, SYSTEM, Syncer, WORKLOADS};
use crate::world::World;

/// The tenant's namespace.
pub const TEAM: &str = "team";
/// A host namespace that is not this cluster's.
pub const OTHERS: &str = "others";
/// The definition of host name claims, which Ingresses wait for.
const CLAIMS: &str = include_str!("../../../crds/yaml/hostnameclaims.yaml");
/// What the chart grants to agents.
const RBAC: &str = "helm/warren/templates/rbac-agents.yaml";
/// How long both sides may take to become as they should be.
const SETTLED: Duration = Duration::from_secs(40);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(120);
/// A look costs a list of everything: it waits until nothing was written for so long.
const PAUSE: Duration = Duration::from_millis(50);

/// Everything that a sweep needs.
#[derive(Debug)]
pub struct Bench {
    /// The tenant's apiserver, past the proxy.
    pub tenant: Api,
    /// The host's apiserver, past the proxy.
    pub host: Api,
    /// What the proxies are told.
    pub control: Control,
    /// The syncer.
    pub syncer: Syncer,
    /// In front of the tenant's apiserver.
    pub tenant_proxy: Proxy,
    /// In front of the host's apiserver.
    pub host_proxy: Proxy,
    _planes: [ControlPlane; 2],
}

impl Bench {
    /// Starts the control planes; the syncer not yet.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn start() -> Result<Self> {
        // Another part of the program may have installed it; either is the same ring.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (host, tenant) = tokio::try_join!(ControlPlane::start(), ControlPlane::start())?;
        let (mut host, mut tenant) = (host, tenant);
        let (host_client, tenant_client) = tokio::try_join!(host.ready(), tenant.ready())?;
        let control = Control::default();
        let user = format!("system:serviceaccount:{SYSTEM}:syncer");
        let host_proxy = Proxy::start(Side::Host, host_client.clone(), &user, control.clone()).await?;
        let tenant_proxy = Proxy::start(
            Side::Tenant,
            tenant_client.clone(),
            keys::SYNCER_USER,
            control.clone(),
        )
        .await?;
        let syncer = Syncer::new(&Files {
            directory: tenant.directory(),
            host: host_proxy.url(),
            tenant: tenant_proxy.url(),
            leaf: tenant.leaf()?,
        })?;
        control.kills(syncer.killer());
        let bench = Self {
            tenant: Api::new(tenant_client),
            host: Api::new(host_client),
            control,
            syncer,
            tenant_proxy,
            host_proxy,
            _planes: [host, tenant],
        };
        tokio::try_join!(bench.furnish_host(), bench.furnish_tenant())?;
        Ok(bench)
    }

    async fn furnish_host(&self) -> Result<()> {
        for namespace in [SYSTEM, WORKLOADS, OTHERS] {
            make_namespace(&self.host, namespace).await?;
        }
        let account = json!({ "metadata": { "name": keys::WORKLOAD_SERVICE_ACCOUNT } });
        self.host
            .create(
                &format!("/api/v1/namespaces/{WORKLOADS}/serviceaccounts"),
                &account,
            )
            .await?;
        for role in agent_roles()? {
            self.host
                .create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
                .await?;
        }
        let definition =
            serde_saphyr::from_str(CLAIMS).context("failed to parse the definition of claims")?;
        self.host
            .create(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                &definition,
            )
            .await?;
        let subject = json!({ "kind": "ServiceAccount", "name": "syncer", "namespace": SYSTEM });
        let binding = |role: &str| {
            json!({
                "metadata": { "name": role },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
                "subjects": [subject],
            })
        };
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        for (role, collection) in [
            (
                AGENT_SYSTEM_ROLE,
                format!("{rbac}/namespaces/{SYSTEM}/rolebindings"),
            ),
            (SYNCER_ROLE, format!("{rbac}/namespaces/{WORKLOADS}/rolebindings")),
            (SYNCER_CLUSTER_ROLE, format!("{rbac}/clusterrolebindings")),
        ] {
            self.host.create(&collection, &binding(role)).await?;
        }
        Ok(())
    }

    async fn furnish_tenant(&self) -> Result<()> {
        make_namespace(&self.tenant, TEAM).await?;
        let account = json!({ "metadata": { "name": "default" } });
        self.tenant
            .create(&format!("/api/v1/namespaces/{TEAM}/serviceaccounts"), &account)
            .await?;
        for bootstrap::TenantObject {
            collection, object, ..
        } in bootstrap::objects("10.96.0.10", &SyncSpec::default(), None)
        {
            self.tenant.create(collection, &object).await?;
        }
        Ok(())
    }

    /// Ends the syncer, and makes both sides as they were at the start.
    ///
    /// # Errors
    /// When the syncer panicked in its life, or something does not go.
    pub async fn reset(&self) -> Result<()> {
        self.syncer.end()?;
        self.control.reset();
        let below = |group: &str, namespace: &str, resource: &str| {
            format!("{group}/namespaces/{namespace}/{resource}")
        };
        let clear = |api: &Api, namespace: &str| {
            let api = api.clone();
            let collections = [
                below("/api/v1", namespace, "pods"),
                below("/api/v1", namespace, "services"),
                below("/api/v1", namespace, "configmaps"),
                below("/api/v1", namespace, "secrets"),
                below("/api/v1", namespace, "persistentvolumeclaims"),
                below("/apis/policy/v1", namespace, "poddisruptionbudgets"),
                below("/apis/discovery.k8s.io/v1", namespace, "endpointslices"),
                below("/apis/coordination.k8s.io/v1", namespace, "leases"),
                below("/api/v1", namespace, "events"),
                "/api/v1/persistentvolumes".to_owned(),
                "/apis/storage.k8s.io/v1/storageclasses".to_owned(),
            ];
            async move { try_join_all(collections.iter().map(|path| empty(&api, path))).await }
        };
        tokio::try_join!(
            clear(&self.tenant, TEAM),
            clear(&self.host, WORKLOADS),
            clear(&self.host, SYSTEM),
            clear(&self.host, OTHERS),
            self.reset_fixed_services(),
        )?;
        Ok(())
    }

    /// With another address than the syncer gives them; as those of before may not be free yet, whichever.
    async fn reset_fixed_services(&self) -> Result<()> {
        for path in [
            "/api/v1/namespaces/default/services/kubernetes",
            "/api/v1/namespaces/kube-system/services/kube-dns",
        ] {
            let parked = json!({
                "metadata": { "annotations": null },
                "spec": {
                    "type": "ExternalName", "externalName": "parked.invalid",
                    "clusterIP": null, "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null,
                    "internalTrafficPolicy": null,
                },
            });
            self.tenant.patch(path, &parked).await?;
            let back = json!({ "spec": { "type": "ClusterIP", "externalName": null } });
            self.tenant.patch(path, &back).await?;
        }
        Ok(())
    }

    /// What both sides have.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn world(&self) -> Result<World> {
        World::read(&self.tenant, &self.host).await
    }

    /// Waits until both sides are as `expected`; starts the syncer again whenever it was killed.
    ///
    /// # Errors
    /// When they are not in time, or the syncer ends by itself.
    pub async fn becomes(&self, expected: &World) -> Result<()> {
        self.eventually(|| async {
            self.control.quiet(PAUSE, SETTLED).await?;
            let differences = self.world().await?.differences(expected);
            ensure!(differences.is_empty(), "{}", differences.join("\n"));
            Ok(())
        })
        .await
    }

    /// Waits until `look` finds nothing missing; starts the syncer again whenever it was killed.
    ///
    /// # Errors
    /// As [`Self::becomes`].
    pub async fn eventually<T, F>(&self, mut look: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let begun = Instant::now();
        loop {
            self.syncer.tend()?;
            match look().await {
                Ok(value) => return Ok(value),
                Err(error) if begun.elapsed() > SETTLED => {
                    let seconds = SETTLED.as_secs();
                    bail!(
                        "not within {seconds} s: {error:#}\n--- the syncer said last:\n{}",
                        self.syncer.tail()
                    )
                }
                Err(_not_yet) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

async fn make_namespace(api: &Api, name: &str) -> Result<()> {
    let namespace = json!({ "metadata": { "name": name } });
    api.create("/api/v1/namespaces", &namespace).await.map(drop)
}

/// Deletes what a collection has.
async fn empty(api: &Api, collection: &str) -> Result<()> {
    let items = api.list(collection).await?;
    let deletes = items.iter().map(|item| async move {
        let name = item["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{collection}/{name}");
        if item["metadata"]["finalizers"].is_array() {
            let freed = json!({ "metadata": { "finalizers": null } });
            api.patch(&path, &freed).await?;
        }
        api.delete(&path).await
    });
    try_join_all(deletes).await.map(drop)
}

/// The roles of agents in the chart that are the same for all values: without the lines that Helm acts on, which only add
/// labels and what the values name, they are YAML.
fn agent_roles() -> Result<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(RBAC)).with_context(|| format!("failed to read {RBAC}"))?;
    let plain: Vec<&str> = text.lines().filter(|line| !line.contains("{{")).collect();
    let plain = plain.join("\n");
    let wanted = [AGENT_SYSTEM_ROLE, SYNCER_ROLE, SYNCER_CLUSTER_ROLE];
    let is_wanted = |role: &&str| {
        wanted
            .iter()
            .any(|name| role.contains(&format!("name: {name}\n")))
    };
    let roles = plain.split("\n---\n").filter(is_wanted);
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
        for name in [AGENT_SYSTEM_ROLE, SYNCER_ROLE, SYNCER_CLUSTER_ROLE] {
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
}
