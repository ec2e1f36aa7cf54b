//! The embedded host with Warren in it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::process::Command;
use warren_crds::keys;
use warren_devhost::command::{output, output_with_input};
use warren_devhost::node::process_name;
use warren_devhost::process::{Spawn, spawn, split};
use warren_devhost::{Host, Release};

/// The embedded host with Warren in it.
#[derive(Clone, Debug)]
pub struct Stage {
    host: Host,
}

impl Stage {
    /// The host that runs.
    ///
    /// # Errors
    /// When none runs; `cargo xtask test` starts one.
    pub fn attach() -> Result<Self> {
        let host = Host::attach()?
            .context("no embedded host runs: use `cargo xtask test`, or `cargo xtask host up`")?;
        Ok(Self { host })
    }

    /// The host's Kubernetes.
    pub fn release(&self) -> Release {
        self.host.release()
    }

    /// Names of the host's nodes; the last one has the devices.
    pub fn nodes(&self) -> Vec<String> {
        self.host.nodes().into_iter().map(|node| node.name).collect()
    }

    /// A command inside the control plane's network namespace, where Service and Pod addresses can be reached.
    ///
    /// # Errors
    /// When kubectl was not built.
    pub fn command(&self, program: &str) -> Result<Command> {
        let mut command = self.host.exec(program)?;
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// `kubectl` as the host's administrator.
    ///
    /// # Errors
    /// When it exits with another status than 0; the message has its standard error.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        output(self.command("kubectl")?.args(arguments)).await
    }

    /// Objects of the host as JSON: the `items` of a list.
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

    /// `kubectl apply` of `manifest` on the host, by the server: stories that run at once may apply the same object,
    /// and a client that reads and then creates loses that race.
    ///
    /// # Errors
    /// When the API refuses it.
    pub async fn apply(&self, manifest: &str) -> Result<()> {
        let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        output_with_input(self.command("kubectl")?.args(arguments), manifest)
            .await
            .map(|_printed| ())
    }

    /// As [`Self::apply`], as somebody else.
    ///
    /// # Errors
    /// When the API refuses it.
    pub async fn apply_as(&self, user: &str, manifest: &str) -> Result<()> {
        let arguments = ["apply", "--server-side", "--as", user, "-f", "-"];
        output_with_input(self.command("kubectl")?.args(arguments), manifest)
            .await
            .map(|_printed| ())
    }

    /// The spec of the host's default class.
    ///
    /// # Errors
    /// When there is none.
    pub async fn default_class(&self) -> Result<Value> {
        let selector = format!("{}=true", keys::DEFAULT_CLASS);
        let classes = self.items(&["virtualclusterclasses", "-l", &selector]).await?;
        let class = classes.first().context("there is no default class")?;
        Ok(class["spec"].clone())
    }

    /// Makes a class like the default one, in which the fields of `differs` have other values.
    ///
    /// # Errors
    /// When the API refuses it, or there is no default class.
    pub async fn apply_class(&self, name: &str, differs: &Value) -> Result<()> {
        let mut spec = self.default_class().await?;
        for (field, value) in differs.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        let class = json!({
            "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualClusterClass",
            "metadata": { "name": name }, "spec": spec,
        });
        self.apply(&class.to_string()).await
    }

    /// `kubectl create` on the host as somebody else, who may have no right to read or patch.
    ///
    /// # Errors
    /// When the API refuses it.
    pub async fn create_as(&self, user: &str, manifest: &str) -> Result<()> {
        let arguments = ["create", "--as", user, "-f", "-"];
        output_with_input(self.command("kubectl")?.args(arguments), manifest)
            .await
            .map(|_printed| ())
    }

    /// Helm as the host's administrator.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn helm(&self, arguments: &[&str]) -> Result<Command> {
        let helm = self.host.helm().await?;
        let mut command = self.command(helm.to_str().context("Helm's path is not UTF-8")?)?;
        command.args(arguments);
        Ok(command)
    }

    /// Tells a part of a story while a process of the node `node` is dead: killed before, and started again as it was
    /// started, whatever becomes of the part.
    ///
    /// # Errors
    /// The part's own first; then if the process does not run, or cannot be killed or started.
    pub async fn without(
        &self,
        component: &str,
        node: &str,
        part: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let state = self.host.state();
        let name = process_name(component, node);
        let process = state
            .process(&name)
            .with_context(|| format!("no process {name}"))?;
        let (program, args) = split(&process.command_line()?)?;
        let mounts = state.process(&process_name("mounts", node));
        let mounts_of = mounts
            .filter(|mounts| mounts.shares_mounts(&process))
            .map(|mounts| mounts.pid);
        // Other stories that begin now shall not find a broken host.
        state.forget(&process)?;
        process.signal(Signal::SIGKILL)?;
        let told = part.await;
        let again = spawn(
            state,
            &Spawn {
                name: &name,
                network: Some(node),
                mounts_of,
                program: &program,
                args,
                path: Vec::new(),
            },
        );
        told.and(again.map(drop))
    }

    /// Tells a part of a story while a process of the node `node` stands still, as on a machine that has died, whatever
    /// becomes of the part.
    ///
    /// # Errors
    /// The part's own first; then if the process does not run, or cannot be stopped or let go on.
    pub async fn paused<T>(
        &self,
        component: &str,
        node: &str,
        part: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.paused_process(&process_name(component, node), part).await
    }

    /// As [`Self::paused`], of a process of the control plane, by its name.
    ///
    /// # Errors
    /// As [`Self::paused`].
    pub async fn paused_process<T>(&self, name: &str, part: impl Future<Output = Result<T>>) -> Result<T> {
        let process = self.host.state().process(name);
        let process = process.with_context(|| format!("no process {name}"))?;
        process.signal(Signal::SIGSTOP)?;
        let told = part.await;
        let goes_on = process.signal(Signal::SIGCONT);
        let told = told?;
        goes_on.map(|()| told)
    }

    /// The `warren` command line from outside the namespaces, as a person would call it.
    ///
    /// # Errors
    /// When the test was not started by `cargo xtask test`.
    pub fn warren(&self, arguments: &[&str]) -> Result<Command> {
        let program =
            std::env::var_os("WARREN_CLI").context("WARREN_CLI is not set: use `cargo xtask test`")?;
        let kubectl = self.command("kubectl")?;
        let path = kubectl
            .as_std()
            .get_envs()
            .find(|(name, _)| *name == "PATH")
            .and_then(|(_, value)| value);
        let mut command = Command::new(PathBuf::from(program));
        command
            .args(arguments)
            .env("PATH", path.context("no PATH for kubectl")?)
            .env("KUBECONFIG", self.host.kubeconfig_path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }
}

/// The `items` of a list in JSON.
///
/// # Errors
/// When it is not JSON.
pub fn items(list: &str) -> Result<Vec<Value>> {
    let list: Value = serde_json::from_str(list).context("kubectl printed something that is not JSON")?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}
