//! Both sides as they were at the start.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::{Value, json};

use super::{Bench, OTHERS, TEAM};
use crate::agent::{SYSTEM, WORKLOADS};
use crate::api::Api;
use crate::scenario::shared::{SOURCE, WIDGETS};
use crate::syncer::OWNER;

/// What is emptied on both sides.
const RESOURCES: [&str; 21] = [
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/events",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/persistentvolumes",
    "/api/v1/nodes",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/coordination.k8s.io/v1/leases",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/networking.k8s.io/v1/ingressclasses",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/storage.k8s.io/v1/csidrivers",
    "/apis/storage.k8s.io/v1/csinodes",
    "/apis/storage.k8s.io/v1/csistoragecapacities",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/node.k8s.io/v1/runtimeclasses",
    "/apis/warren.dev/v1alpha1/hostnameclaims",
];
/// Where: what is in no namespace goes as well. The last two are the tenant's, of Leases and capacities of its own.
const NAMESPACES: [&str; 8] = [
    TEAM,
    SYSTEM,
    WORKLOADS,
    OTHERS,
    SOURCE,
    OWNER,
    "kube-node-lease",
    "kube-system",
];
/// What the apiserver makes in `kube-system` stays: only this goes there.
const IN_KUBE_SYSTEM: &str = "csistoragecapacities";
/// What the names of Kubernetes' own PriorityClasses begin with.
const SYSTEM_CLASS: &str = "system-";

impl Bench {
    /// Ends the agent, and makes both sides as they were at the start.
    ///
    /// # Errors
    /// When the agent panicked in its life, or something does not go.
    pub async fn reset(&self) -> Result<()> {
        self.agent.end()?;
        self.control.reset();
        tokio::try_join!(
            clear(&self.tenant),
            clear(&self.host),
            self.forget_definition(),
            self.reset_fixed_services(),
        )?;
        let unlabelled = json!({ "metadata": { "labels": { "tier": null } } });
        let team = format!("/api/v1/namespaces/{TEAM}");
        self.tenant.patch(&team, &unlabelled).await.map(drop)
    }

    /// The tenant's definition, with all of its objects. The apiserver needs a moment for it.
    async fn forget_definition(&self) -> Result<()> {
        let [plural, group] = WIDGETS;
        let objects = format!("/apis/{group}/v1/{plural}");
        empty(&self.host, &objects).await?;
        let definition = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}");
        self.tenant.delete(&definition).await?;
        self.eventually(|| async {
            let left = self.tenant.find(&definition).await?;
            anyhow::ensure!(left.is_none(), "the definition is still there");
            Ok(())
        })
        .await
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
}

async fn clear(api: &Api) -> Result<()> {
    try_join_all(RESOURCES.iter().map(|path| empty(api, path)))
        .await
        .map(drop)
}

/// Deletes what there is of a resource: in [`NAMESPACES`], or in none.
async fn empty(api: &Api, path: &str) -> Result<()> {
    let Some((group, resource)) = path.rsplit_once('/') else {
        return Ok(());
    };
    let items = api.list(path).await?;
    let deletes = items.iter().filter_map(|item| {
        let path = own_path(group, resource, &item["metadata"])?;
        Some(async move {
            if item["metadata"]["finalizers"].is_array() {
                let freed = json!({ "metadata": { "finalizers": null } });
                api.patch(&path, &freed).await?;
            }
            api.delete(&path).await
        })
    });
    try_join_all(deletes).await.map(drop)
}

/// Where an object is, if it is to go.
fn own_path(group: &str, resource: &str, metadata: &Value) -> Option<String> {
    let name = metadata["name"].as_str()?;
    let Some(namespace) = metadata["namespace"].as_str() else {
        return (!name.starts_with(SYSTEM_CLASS)).then(|| format!("{group}/{resource}/{name}"));
    };
    let goes = NAMESPACES.contains(&namespace) && (namespace != "kube-system" || resource == IN_KUBE_SYSTEM);
    goes.then(|| format!("{group}/namespaces/{namespace}/{resource}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_apiserver_made_stays() {
        let path = |resource: &str, metadata: Value| own_path("/g", resource, &metadata);
        assert_eq!(
            path("services", json!({ "namespace": TEAM, "name": "a" })).as_deref(),
            Some("/g/namespaces/team/services/a")
        );
        assert_eq!(
            path("nodes", json!({ "name": "n1" })).as_deref(),
            Some("/g/nodes/n1")
        );
        let kube_system = |name: &str| json!({ "namespace": "kube-system", "name": name });
        assert_eq!(path("services", kube_system("kube-dns")), None);
        assert!(path("csistoragecapacities", kube_system("csisc-1")).is_some());
        assert_eq!(
            path("priorityclasses", json!({ "name": "system-node-critical" })),
            None
        );
        assert_eq!(
            path("secrets", json!({ "namespace": "default", "name": "a" })),
            None
        );
    }
}
