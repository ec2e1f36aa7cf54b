//! One virtual cluster of a story, deleted when the story ends, well or badly.

use std::fmt::Write as _;
use std::future::Future;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use warren_devhost::command::{output, output_with_input};

use crate::object::condition;
use crate::stage::{Stage, items};
use crate::wait::eventually;

/// How long a tenant may take to become Ready, or to go. Far above what is normal: several may start at once.
const DEADLINE: Duration = Duration::from_mins(3);
/// Namespace of the stories' VirtualClusters.
pub const NAMESPACE: &str = "e2e";

/// One virtual cluster.
#[derive(Debug)]
pub struct Tenant {
    /// The host.
    pub stage: Stage,
    /// Name of the VirtualCluster.
    pub name: String,
    /// Host namespace of its control plane.
    pub system: String,
    /// Host namespace of its Pods.
    pub workloads: String,
    kubeconfig: NamedTempFile,
}

impl Tenant {
    /// Creates a tenant with an ephemeral store, runs the story, and deletes the tenant whatever happened.
    ///
    /// # Errors
    /// The story's own first, then those of creating and deleting.
    pub async fn with<F, Fut>(name: &str, story: F) -> Result<()>
    where
        F: FnOnce(std::sync::Arc<Self>) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        Self::with_spec(name, json!({}), story).await
    }

    /// As [`Self::with`], with more in the `spec`, for example its class.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub async fn with_spec<F, Fut>(name: &str, mut spec: Value, story: F) -> Result<()>
    where
        F: FnOnce(std::sync::Arc<Self>) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        let stage = Stage::attach()?;
        spec["datastore"] = json!({ "etcd": { "ephemeral": true } });
        let told = match Self::create(&stage, name, &spec).await {
            Ok(tenant) => story(std::sync::Arc::new(tenant)).await,
            Err(error) => Err(error),
        };
        if told.is_err() {
            eprintln!("{}", state(&stage, name).await);
        }
        let deleted = delete(&stage, name).await;
        told?;
        deleted
    }

    /// Creates a VirtualCluster and waits until it is Ready.
    ///
    /// # Errors
    /// When it is refused, or not Ready in time; the message has its conditions.
    pub async fn create(stage: &Stage, name: &str, spec: &Value) -> Result<Self> {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        stage.apply(&namespace.to_string()).await?;
        let cluster = json!({
            "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster",
            "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
        });
        stage.apply(&cluster.to_string()).await?;
        let ready = eventually(&format!("{name} is Ready"), DEADLINE, || async {
            let cluster = self::cluster(stage, name).await?;
            let ready = condition(&cluster, "Ready")["status"] == "True";
            ensure!(ready, "conditions {}", cluster["status"]["conditions"]);
            Ok(cluster)
        })
        .await?;
        let text = |pointer: &str| -> Result<String> {
            let value = ready.pointer(pointer).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .with_context(|| format!("no {pointer} in {ready}"))
        };
        let secret = text("/status/kubeconfigSecret")?;
        let path = [
            "get",
            "secret",
            &secret,
            "-n",
            NAMESPACE,
            "-o",
            "go-template={{.data.value | base64decode}}",
        ];
        let mut kubeconfig = NamedTempFile::new().context("failed to make a kubeconfig file")?;
        kubeconfig
            .write_all(stage.kubectl(&path).await?.as_bytes())
            .context("failed to write the kubeconfig")?;
        Ok(Self {
            stage: stage.clone(),
            name: name.to_owned(),
            system: text("/status/namespaces/system")?,
            workloads: text("/status/namespaces/workloads")?,
            kubeconfig,
        })
    }

    /// Merges `spec` into the VirtualCluster's.
    ///
    /// # Errors
    /// When the host's API refuses it.
    pub async fn patch_spec(&self, spec: &Value) -> Result<()> {
        let patch = json!({ "spec": spec }).to_string();
        let name = self.name.as_str();
        let patch = [
            "patch",
            "virtualcluster",
            name,
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
            &patch,
        ];
        self.stage.kubectl(&patch).await.map(drop)
    }

    /// The VirtualCluster's condition of this type, once it speaks of the spec as it is.
    ///
    /// # Errors
    /// When there is none yet.
    pub async fn condition(&self, type_: &str) -> Result<Value> {
        let cluster = cluster(&self.stage, &self.name).await?;
        let found = condition(&cluster, type_);
        ensure!(!found.is_null(), "no condition {type_}");
        let current = found["observedGeneration"] == cluster["metadata"]["generation"];
        ensure!(current, "{found} is of an older spec");
        Ok(found.clone())
    }

    /// A command with the tenant's kubeconfig, where the tenant's address can be reached.
    ///
    /// # Errors
    /// When kubectl was not built.
    pub fn command(&self, program: &str) -> Result<tokio::process::Command> {
        let mut command = self.stage.command(program)?;
        command.env("KUBECONFIG", self.kubeconfig.path());
        Ok(command)
    }

    /// `kubectl` as the tenant's administrator.
    ///
    /// # Errors
    /// When it exits with another status than 0; the message has its standard error.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        output(self.command("kubectl")?.args(arguments)).await
    }

    /// Helm as the tenant's administrator.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn helm(&self, arguments: &[&str]) -> Result<tokio::process::Command> {
        let mut command = self.stage.helm(arguments).await?;
        command.env("KUBECONFIG", self.kubeconfig.path());
        Ok(command)
    }

    /// `kubectl apply` of `manifest` in the tenant.
    ///
    /// # Errors
    /// When the API refuses it.
    pub async fn apply(&self, manifest: &str) -> Result<()> {
        output_with_input(self.command("kubectl")?.args(["apply", "-f", "-"]), manifest)
            .await
            .map(|_printed| ())
    }

    /// Objects of the tenant as JSON.
    ///
    /// # Errors
    /// As [`Self::kubectl`].
    pub async fn items(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        items(
            &self
                .kubectl(&[&["get", "-o", "json"], arguments].concat())
                .await?,
        )
    }

    /// One object of the default namespace as JSON: `get("pod", "web")`.
    ///
    /// # Errors
    /// As [`Self::kubectl`], also when it is not there.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        let printed = self.kubectl(&["get", kind, name, "-o", "json"]).await?;
        serde_json::from_str(&printed).context("kubectl printed something that is not JSON")
    }

    /// Waits until a Pod of the default namespace is Ready.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn ready(&self, pod: &str) -> Result<()> {
        let pod = format!("pod/{pod}");
        self.kubectl(&["wait", &pod, "--for=condition=Ready", "--timeout=90s"])
            .await
            .map(|_printed| ())
    }

    /// What `warren explain pod` prints of a Pod of the default namespace, for somebody who may read the host.
    ///
    /// # Errors
    /// When it exits with another status than 0, or the test was not started by `cargo xtask test`.
    pub async fn explain(&self, pod: &str) -> Result<String> {
        let arguments = ["explain", "pod", pod, "--cluster", &self.name, "-n", NAMESPACE];
        output(&mut self.stage.warren(&arguments)?).await
    }

    /// Waits until the rollout of a Deployment is complete.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn rolled_out(&self, deployment: &str) -> Result<()> {
        self.kubectl(&["rollout", "status", deployment, "--timeout=180s"])
            .await
            .map(|_printed| ())
    }

    /// Asks `url` from the Pod `pod` of the default namespace until it answers.
    ///
    /// # Errors
    /// When there is no answer in 30 s.
    pub async fn ask(&self, pod: &str, url: &str) -> Result<String> {
        eventually(
            &format!("{url} answers {pod}"),
            Duration::from_secs(30),
            || async { self.kubectl(&["exec", pod, "--", "wget", "-qO-", url]).await },
        )
        .await
    }
}

/// The VirtualCluster.
async fn cluster(stage: &Stage, name: &str) -> Result<Value> {
    let get = ["get", "virtualcluster", name, "-n", NAMESPACE, "-o", "json"];
    serde_json::from_str(&stage.kubectl(&get).await?).context("kubectl printed something that is not JSON")
}

/// Deletes a VirtualCluster and waits until it is gone.
///
/// # Errors
/// When it is still there in time; the message has its conditions.
pub async fn delete(stage: &Stage, name: &str) -> Result<()> {
    stage
        .kubectl(&[
            "delete",
            "virtualcluster",
            name,
            "-n",
            NAMESPACE,
            "--ignore-not-found",
            "--wait=false",
        ])
        .await?;
    eventually(&format!("{name} is gone"), DEADLINE, || async {
        let get = [
            "get",
            "virtualcluster",
            name,
            "-n",
            NAMESPACE,
            "--ignore-not-found",
            "-o",
            "jsonpath={.status.conditions}",
        ];
        let left = stage.kubectl(&get).await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await
}

/// What a person would look at after a failure.
async fn state(stage: &Stage, name: &str) -> String {
    let mut text = format!("--- state of {name} after the failure\n");
    for arguments in [
        vec!["get", "virtualcluster", name, "-n", NAMESPACE, "-o", "yaml"],
        vec!["get", "pods", "-A", "-o", "wide"],
        vec!["get", "events", "-A", "--sort-by=.lastTimestamp"],
        vec![
            "logs",
            "-n",
            "warren-system",
            "-l",
            "app.kubernetes.io/name=warren",
            "--tail=40",
        ],
    ] {
        let shown = stage
            .kubectl(&arguments)
            .await
            .unwrap_or_else(|error| format!("{error:#}"));
        let _infallible = writeln!(text, "$ kubectl {}\n{shown}", arguments.join(" "));
    }
    text
}
