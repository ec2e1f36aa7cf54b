//! Upstream's suite as a program: what it lists, and the command that runs some of its specs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use warren_devhost::{
    Host,
    binaries::{Binaries, Component},
    command::output,
    images::{Archive, Registry, suite},
};

use super::spec::{self, Listing};

/// The built suite.
pub(crate) struct Suite {
    program: PathBuf,
}

/// Which specs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'a> {
    pub(crate) focus: &'a str,
    pub(crate) skip: Option<&'a str>,
}

impl Suite {
    /// Builds the suite where it is missing.
    ///
    /// # Errors
    /// If the build fails.
    pub(crate) async fn build() -> Result<Self> {
        let program = Binaries::ensure(&[Component::E2eTest])
            .await?
            .path(Component::E2eTest)?;
        Ok(Self { program })
    }

    /// The specs that the filter lets through; asks no cluster.
    ///
    /// # Errors
    /// If the suite refuses (a regular expression may be wrong), or there are none.
    pub(crate) async fn list(&self, filter: Filter<'_>) -> Result<Listing> {
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let report = directory.path().join("report.json");
        let mut command = Command::new(&self.program);
        command
            .current_dir(directory.path())
            .args(["--provider=skeleton", "--ginkgo.dry-run", "--ginkgo.no-color"])
            .arg(format!("--ginkgo.focus={}", filter.focus))
            .arg(format!("--ginkgo.json-report={}", report.display()));
        if let Some(skip) = filter.skip {
            command.arg(format!("--ginkgo.skip={skip}"));
        }
        output(&mut command)
            .await
            .context("failed to list the suite's specs")?;
        let report = std::fs::read_to_string(&report).context("the suite wrote no report")?;
        let listing = spec::parse(&report)?;
        ensure!(
            !listing.specs.is_empty(),
            "no spec matches '{}'{}",
            filter.focus,
            filter
                .skip
                .map(|skip| format!(" without '{skip}'"))
                .unwrap_or_default()
        );
        Ok(listing)
    }

    /// Makes every image that conformance specs pull.
    ///
    /// # Errors
    /// If one of them cannot be made.
    pub(crate) async fn archives(&self) -> Result<Vec<Archive>> {
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let mut command = Command::new(&self.program);
        command.current_dir(directory.path()).arg("--list-images");
        let listed = output(&mut command)
            .await
            .context("failed to list the suite's images")?;
        let references: Vec<String> = listed.lines().map(|line| line.trim().to_owned()).collect();
        let binaries = Binaries::ensure(&suite::COMPONENTS).await?;
        suite::archives(&references, &binaries).await
    }

    /// Loads the images into the nodes, and serves them to those that pull what is there. A missing image would cost
    /// each of its specs a time-out of minutes.
    ///
    /// # Errors
    /// If one of them cannot be made or loaded.
    pub(crate) async fn load_images(&self, host: &Host) -> Result<Registry> {
        let archives = self.archives().await?;
        let imports = host.load_images(&archives).await?;
        eprintln!("    {} images, {imports} imports were needed", archives.len());
        Registry::serve(&archives)
    }

    /// The command that runs the specs of this focus, inside the host's network: node, Pod and Service addresses can be
    /// reached from there, as from a machine beside the cluster.
    ///
    /// # Errors
    /// If kubectl's place cannot be found.
    pub(crate) fn command(
        &self,
        host: &Host,
        kubeconfig: &Path,
        focus: &str,
        scratch: &Path,
    ) -> Result<Command> {
        let mut command = host.exec(&self.program)?;
        command
            .current_dir(scratch)
            .env("KUBECONFIG", kubeconfig)
            // kubectl keeps what an address serves below it: the next tenant may have the same address.
            .env("HOME", scratch)
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--ginkgo.focus={focus}"))
            .arg(format!("--e2e-output-dir={}", scratch.display()))
            .args([
                "--provider=skeleton",
                "--ginkgo.v",
                "--ginkgo.no-color",
                // The specs have their own; this one only must not be shorter than all of them together.
                "--ginkgo.timeout=24h",
                "--disable-log-dump",
                "--allowed-not-ready-nodes=0",
                "--node-schedulable-timeout=2m",
                "--system-pods-startup-timeout=2m",
            ]);
        Ok(command)
    }
}
