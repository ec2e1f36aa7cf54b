//! Renders the chart with Helm, with its default values and with others, and checks what it grants.

mod rights;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warren_devhost::binaries::{Binaries, Component};

/// Values that the chart must render with, beside its defaults: each switch thrown once.
const VALUES: [&[&str]; 7] = [
    &[],
    &["defaultClass.create=false"],
    &["rbac.aggregate=false"],
    &["admissionPolicies.create=false", "networkPolicy.create=false"],
    &[
        "flowControl.create=false",
        "priorityClass.create=false",
        "uninstallCheck.create=false",
        "crds.install=false",
    ],
    &["customResources={certificates.cert-manager.io,issuers.cert-manager.io}"],
    &[
        "defaultClass.spec.podSecurity=restricted",
        "defaultClass.name=other",
    ],
];
/// And some that its schema must refuse.
const REFUSED: [&str; 2] = [
    "defaultClass.spec.podSecurity=none",
    "customResources={virtualclusters.warren.dev}",
];

/// Renders and checks the chart. `None` where Helm was not built yet: only what installs the chart builds it.
pub(crate) fn findings(root: &Path) -> Option<Vec<String>> {
    let built = Binaries::built(&[Component::Helm]).ok()?;
    let helm = built.path(Component::Helm).ok()?;
    let mut findings = Vec::new();
    for values in VALUES {
        let shown = if values.is_empty() {
            "default values".to_owned()
        } else {
            values.join(",")
        };
        match render(&helm, root, values) {
            Ok(objects) => findings.extend(
                rights::findings(&objects)
                    .into_iter()
                    .map(|finding| format!("chart with {shown}: {finding}")),
            ),
            Err(error) => findings.push(format!("chart with {shown}: {error:#}")),
        }
    }
    for refused in REFUSED {
        if render(&helm, root, &[refused]).is_ok() {
            findings.push(format!("chart: values.schema.json lets {refused} pass"));
        }
    }
    Some(findings)
}

/// The chart's objects.
fn render(helm: &Path, root: &Path, values: &[&str]) -> Result<Vec<Value>> {
    let mut command = Command::new(helm);
    command
        .args([
            "template",
            "warren",
            "helm/warren",
            "--namespace",
            "warren-system",
        ])
        .current_dir(root);
    for value in values {
        command.args(["--set", value]);
    }
    let output = command.output().context("failed to run helm")?;
    ensure!(
        output.status.success(),
        "helm: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let text = String::from_utf8(output.stdout).context("helm printed something that is not UTF-8")?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).context("helm printed what is no YAML")?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}
