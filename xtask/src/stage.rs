//! What demo and tests stand on: a cluster with Warren's images and chart in it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::process::Command;
use warren_devhost::command::output;
use warren_devhost::{Host, Options, Release, machine};

use crate::cargo::target;
use crate::images;
use crate::step::step;

/// Namespace and Helm release of Warren.
const NAMESPACE: &str = "warren-system";

/// A cluster with Warren installed.
pub(crate) struct Stage {
    /// Kubeconfig of its administrator, from here.
    pub(crate) kubeconfig: PathBuf,
    /// kubectl of the host's version.
    pub(crate) kubectl: PathBuf,
    /// The built `warren`.
    pub(crate) warren: PathBuf,
}

impl Stage {
    /// Brings the embedded host up where none runs, builds and loads the images, and installs the chart.
    ///
    /// # Errors
    /// Names the step that failed.
    pub(crate) async fn build(root: &Path) -> Result<Self> {
        Self::build_on(root, Release::default()).await
    }

    /// As [`Stage::build`], on a host of another Kubernetes.
    ///
    /// # Errors
    /// Names the step that failed; also if a host of yet another Kubernetes runs.
    pub(crate) async fn build_on(root: &Path, release: Release) -> Result<Self> {
        let options = Options::for_xtask(machine::usual_nodes()?)?.of(release);
        let host = step(&format!("embedded host of {release}"), Host::up(&options)).await?;
        let tag = step("images", load_images(root, &host)).await?;
        let warren = command_line(root)?;
        let stage = Self {
            kubeconfig: host.kubeconfig_path(),
            kubectl: host.kubectl().await?,
            warren,
        };
        let helm = host.helm().await?;
        step("helm install warren", stage.install(root, &helm, &tag)).await?;
        Ok(stage)
    }

    async fn install(&self, root: &Path, helm: &Path, tag: &str) -> Result<()> {
        let chart = root.join("helm/warren");
        let mut command = Command::new(helm);
        command
            .args(["upgrade", "--install", "warren"])
            .arg(chart)
            .args([
                "--namespace",
                NAMESPACE,
                "--create-namespace",
                "--wait",
                "--timeout",
                "120s",
            ])
            .arg("--set-string")
            .arg(format!("images.tag={tag}"))
            // For the story of custom resources.
            .args(["--set", "customResources={certificates.pki.example.com}"])
            .env("KUBECONFIG", &self.kubeconfig);
        output(&mut command).await.map(|_notes| ())
    }

    /// `kubectl` against the host.
    pub(crate) fn host_kubectl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// `warren` against the host, with our kubectl first in `PATH`.
    pub(crate) fn warren(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.warren);
        let own = self.kubectl.parent().map(Path::to_path_buf).unwrap_or_default();
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("PATH", format!("{}:{path}", own.display()));
        command
    }
}

/// Builds all images and loads those that changed; returns the tag of Warren's own.
async fn load_images(root: &Path, host: &Host) -> Result<String> {
    let (tag, archives) = images::build(root, false).await?;
    let imports = images::load(host, &archives).await?;
    eprintln!("    {} images, {imports} imports were needed", archives.len());
    Ok(tag)
}

/// The command line that was built together with the images.
fn command_line(root: &Path) -> Result<PathBuf> {
    let target = target(root);
    let built = target.join("release/warren");
    built
        .canonicalize()
        .with_context(|| format!("failed to find {}", built.display()))
}
