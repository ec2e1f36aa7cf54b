//! NetworkPolicies: who reaches whom in a tenant is who reaches whom on a cluster of its own; tenants never meet; and a
//! namespace that is being deleted opens nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const MANIFEST: &str = include_str!("network_policies.yaml");
/// The namespaces that have the same as the tenant's, on the host itself.
const PREFIX: &str = "np-";
const NAMESPACES: [&str; 3] = ["red", "green", "blue"];
const PODS: [&str; 3] = ["a", "b", "c"];
const SOON: Duration = Duration::from_secs(120);
/// How long a connection may take. What is closed takes all of it.
const PATIENCE: &str = "--timeout=2s";

/// Who reaches whom: `namespace/pod` of both.
type Matrix = BTreeSet<(String, String)>;

/// A cluster that has the manifests.
#[derive(Clone, Copy)]
enum Place<'a> {
    Tenant(&'a Tenant),
    Host(&'a Stage),
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn policies_of_a_tenant_mean_what_they_mean_natively_and_tenants_never_meet() -> Result<()> {
    Tenant::with("walls", |tenant| async move {
        Tenant::with("street", |other| async move {
            let told = story(&tenant, &other).await;
            for namespace in NAMESPACES {
                let namespace = format!("{PREFIX}{namespace}");
                let delete = [
                    "delete",
                    "namespace",
                    &namespace,
                    "--ignore-not-found",
                    "--wait=false",
                ];
                tenant.stage.kubectl(&delete).await?;
            }
            told
        })
        .await
    })
    .await
}

async fn story(tenant: &Tenant, other: &Tenant) -> Result<()> {
    let (inside, native) = (Place::Tenant(tenant), Place::Host(&tenant.stage));
    let (namespaces, policies) = MANIFEST
        .split_once("POLICIES")
        .context("the manifest has two parts")?;
    tokio::try_join!(
        inside.begin(namespaces),
        native.begin(namespaces),
        neighbours(other)
    )?;
    let all: Matrix = Place::pods()
        .flat_map(|from| Place::pods().map(move |to| (from.clone(), to)))
        .collect();
    same(inside, native, |matrix| *matrix == all)
        .await
        .context("without policies")?;
    apart(tenant, other).await.context("without policies")?;

    tokio::try_join!(inside.apply(policies), native.apply(policies))?;
    let is_narrow = |matrix: &Matrix| {
        let reaches = |from: &str, to: &str| matrix.contains(&(from.to_owned(), to.to_owned()));
        // Some of what the manifest says, so that two hosts that enforce nothing are not the same.
        reaches("green/a", "red/a")
            && !reaches("green/c", "red/a")
            && !reaches("green/b", "blue/a")
            && reaches("red/c", "blue/c")
            && reaches("red/a", "blue/a")
            && !reaches("red/a", "blue/b")
    };
    same(inside, native, is_narrow).await.context("with policies")?;
    apart(tenant, other).await.context("with policies")?;
    dns(tenant).await.context("DNS under a policy")?;
    doomed(tenant).await.context("a namespace that is being deleted")
}

impl Place<'_> {
    async fn kubectl(self, arguments: &[&str]) -> Result<String> {
        match self {
            Self::Tenant(tenant) => tenant.kubectl(arguments).await,
            Self::Host(stage) => stage.kubectl(arguments).await,
        }
    }

    /// Applies a part of the manifest.
    async fn apply(self, manifest: &str) -> Result<()> {
        let manifest = |prefix| manifest.replace("PREFIX", prefix);
        match self {
            Self::Tenant(tenant) => tenant.apply(&manifest("")).await,
            Self::Host(stage) => stage.apply(&manifest(PREFIX)).await,
        }
    }

    /// Applies Pods of new namespaces, which have no ServiceAccount in their first moment.
    async fn create(self, pods: &[Value]) -> Result<()> {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": pods }).to_string();
        eventually("the Pods are taken", SOON, || async {
            match self {
                Self::Tenant(tenant) => tenant.apply(&list).await,
                Self::Host(stage) => stage.apply(&list).await,
            }
        })
        .await
    }

    fn namespace(self, name: &str) -> String {
        match self {
            Self::Tenant(_) => name.to_owned(),
            Self::Host(_) => format!("{PREFIX}{name}"),
        }
    }

    fn pods() -> impl Iterator<Item = String> {
        NAMESPACES
            .into_iter()
            .flat_map(|namespace| PODS.map(|pod| format!("{namespace}/{pod}")))
    }

    /// The namespaces, with their Pods running.
    async fn begin(self, namespaces: &str) -> Result<()> {
        self.apply(namespaces).await?;
        let pods: Vec<Value> = NAMESPACES
            .iter()
            .flat_map(|namespace| PODS.map(|name| pod(&self.namespace(namespace), name)))
            .collect();
        self.create(&pods).await?;
        for namespace in NAMESPACES {
            let namespace = self.namespace(namespace);
            let wait = [
                "wait",
                "pod",
                "--all",
                "-n",
                &namespace,
                "--for=condition=Ready",
                "--timeout=120s",
            ];
            self.kubectl(&wait).await?;
        }
        Ok(())
    }

    /// Tries every pair.
    async fn matrix(self) -> Result<Matrix> {
        let mut addresses = BTreeMap::new();
        for namespace in NAMESPACES {
            for name in PODS {
                let address = address(self, &self.namespace(namespace), name).await?;
                addresses.insert(address, format!("{namespace}/{name}"));
            }
        }
        let targets: Vec<&str> = addresses.keys().map(String::as_str).collect();
        let mut matrix = Matrix::new();
        // One after the other: eighty tries at once on two cores end in time-outs that no policy made.
        for from in Self::pods() {
            let (namespace, name) = from.split_once('/').context("namespace/pod")?;
            let reached = reach(self, &self.namespace(namespace), name, &targets).await?;
            let reached = reached.into_iter().map(|address| addresses[&address].clone());
            matrix.extend(reached.map(|to| (from.clone(), to)));
        }
        Ok(matrix)
    }
}

/// A Pod that answers on port 8080, called `http`.
fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": name } },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [{
            "name": "web", "image": IMAGE, "args": ["netexec", "--http-port=8080", "--udp-port=-1"],
            "ports": [{ "name": "http", "containerPort": 8080 }],
            "readinessProbe": { "exec": { "command": ["true"] } },
        }] },
    })
}

async fn address(place: Place<'_>, namespace: &str, name: &str) -> Result<String> {
    let get = [
        "get",
        "pod",
        name,
        "-n",
        namespace,
        "-o",
        "jsonpath={.status.podIP}",
    ];
    place.kubectl(&get).await
}

/// Which of the addresses a Pod reaches, all tried at once.
async fn reach(place: Place<'_>, namespace: &str, pod: &str, targets: &[&str]) -> Result<Vec<String>> {
    let script = format!(
        "for to in {}; do (/agnhost connect $to:8080 {PATIENCE} >/dev/null 2>&1 && echo $to) & done; wait",
        targets.join(" ")
    );
    let printed = place
        .kubectl(&["exec", "-n", namespace, pod, "--", "sh", "-c", &script])
        .await?;
    Ok(printed.lines().map(str::to_owned).collect())
}

/// Both places come to the same matrix, and it is one that was meant.
async fn same(inside: Place<'_>, native: Place<'_>, is_meant: impl Fn(&Matrix) -> bool) -> Result<()> {
    eventually("who reaches whom is the same on both", SOON, || async {
        let (inside, native) = tokio::try_join!(inside.matrix(), native.matrix())?;
        let missing: Vec<_> = native.difference(&inside).collect();
        let added: Vec<_> = inside.difference(&native).collect();
        ensure!(
            missing.is_empty() && added.is_empty(),
            "missing {missing:?}, added {added:?}"
        );
        ensure!(
            is_meant(&native),
            "the host itself has {native:?}: does it enforce NetworkPolicies?"
        );
        Ok(())
    })
    .await
}

/// Two Pods of another tenant.
async fn neighbours(other: &Tenant) -> Result<()> {
    let pods = ["one", "two"].map(|name| pod("default", name));
    Place::Tenant(other).create(&pods).await?;
    other
        .kubectl(&["wait", "pod", "--all", "--for=condition=Ready", "--timeout=120s"])
        .await
        .map(drop)
}

/// Pods of two tenants do not reach each other, though the other's reach one another.
async fn apart(tenant: &Tenant, other: &Tenant) -> Result<()> {
    let (tenant, other) = (Place::Tenant(tenant), Place::Tenant(other));
    let (one, two) = (
        address(other, "default", "one").await?,
        address(other, "default", "two").await?,
    );
    let theirs = address(tenant, "blue", "a").await?;
    let reached = reach(other, "default", "one", &[&two, &theirs]).await?;
    ensure!(
        reached == [two.clone()],
        "the other tenant's Pod reached {reached:?}"
    );
    for from in ["red", "green", "blue"] {
        let reached = reach(tenant, from, "a", &[&one, &two]).await?;
        ensure!(
            reached.is_empty(),
            "{from}/a reached {reached:?} of another tenant"
        );
    }
    Ok(())
}

/// A Pod that may go out to DNS by its labels, and hardly anywhere else, has names.
async fn dns(tenant: &Tenant) -> Result<()> {
    eventually("green/b resolves a name", SOON, || async {
        let dig = "dig +short +time=2 +tries=1 kubernetes.default.svc.cluster.local";
        let answer = tenant
            .kubectl(&["exec", "-n", "green", "b", "--", "sh", "-c", dig])
            .await?;
        ensure!(answer.trim().parse::<std::net::IpAddr>().is_ok(), "{answer}");
        Ok(())
    })
    .await
}

/// Somebody tries all the time to reach a Pod whose policy goes before it does.
async fn doomed(tenant: &Tenant) -> Result<()> {
    let mut victim = pod("doomed", "victim");
    victim["spec"]["terminationGracePeriodSeconds"] = json!(15);
    victim["spec"]["containers"][0]["args"] = json!([
        "netexec",
        "--http-port=8080",
        "--udp-port=-1",
        "--delay-shutdown=8"
    ]);
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "doomed" } });
    tenant.apply(&namespace.to_string()).await?;
    let place = Place::Tenant(tenant);
    place.create(&[victim]).await?;
    let wait = [
        "wait",
        "pod/victim",
        "-n",
        "doomed",
        "--for=condition=Ready",
        "--timeout=60s",
    ];
    tenant.kubectl(&wait).await?;
    let target = address(place, "doomed", "victim").await?;
    let reaches = |expected: bool| {
        let target = &target;
        let what = format!("red/a reaches the victim: {expected}");
        async move {
            eventually(&what, SOON, || async {
                let reached = reach(place, "red", "a", &[target]).await?;
                ensure!(reached.is_empty() != expected, "{reached:?}");
                Ok(())
            })
            .await
        }
    };
    reaches(true).await?;
    let closed = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "closed", "namespace": "doomed" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"] },
    });
    tenant.apply(&closed.to_string()).await?;
    reaches(false).await?;
    let script = format!(
        "end=$(($(date +%s) + 15)); tried=0; while [ $(date +%s) -lt $end ]; do tried=$((tried + 1)); /agnhost connect \
         {target}:8080 --timeout=300ms >/dev/null 2>&1 && echo open; done; echo tried $tried"
    );
    let exec = ["exec", "-n", "red", "a", "--", "sh", "-c", &script];
    let delete = ["delete", "namespace", "doomed", "--timeout=60s"];
    let (tried, _deleted) = tokio::try_join!(tenant.kubectl(&exec), tenant.kubectl(&delete))?;
    ensure!(!tried.contains("open"), "it was open for a moment: {tried}");
    ensure!(tried.contains("tried"), "{tried}");
    Ok(())
}
