//! `cargo xtask tidy`: what neither rustfmt nor clippy checks: file sizes, first lines, the crate graph,
//! banned dependencies, generated files, and what the chart grants.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use walkdir::WalkDir;

use crate::{chart, crds};

/// A file longer than this has two jobs.
const MAX_LINES: usize = 500;
/// Never in the dependency graph: a second crypto provider, an unmaintained YAML.
const BANNED: [&str; 3] = ["openssl-sys", "aws-lc-sys", "serde_yaml"];
/// Crates that must stay pure, and what pure means here.
const PURE: [&str; 2] = ["warren-crds", "warren-translate"];
const IMPURE: [&str; 4] = ["tokio", "hyper", "kube-client", "kube-runtime"];
/// Which of our crates may depend on which.
const GRAPH: [(&str, &[&str]); 12] = [
    ("warren-crds", &[]),
    ("warren-translate", &["warren-crds"]),
    ("warren-runtime", &["warren-crds"]),
    ("warren-operator", &["warren-crds", "warren-runtime"]),
    (
        "warren-syncer",
        &["warren-crds", "warren-runtime", "warren-translate"],
    ),
    (
        "warren-vkubelet",
        &["warren-crds", "warren-runtime", "warren-translate"],
    ),
    ("warren-cli", &["warren-crds", "warren-translate"]),
    ("warren-devhost", &[]),
    ("warren-devhost-netpol", &[]),
    (
        "xtask",
        &["warren-crds", "warren-devhost", "warren-devhost-netpol"],
    ),
    (
        "warren-tests",
        // What operator and vkubelet make together of the host's nodes is tested together.
        &[
            "warren-crds",
            "warren-devhost",
            "warren-operator",
            "warren-runtime",
            "warren-translate",
            "warren-vkubelet",
        ],
    ),
    (
        "warren-faults",
        // The operator says what it grants in a tenant, and issues certificates.
        &[
            "warren-crds",
            "warren-devhost",
            "warren-operator",
            "warren-runtime",
            "warren-translate",
        ],
    ),
];

/// Runs every check and reports all findings at once.
///
/// # Errors
/// When there is a finding, or the tree cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut findings = Vec::new();
    source_files(root, &mut findings)?;
    crate_graph(root, &mut findings)?;
    if let Err(error) = crds::run(root, &crds::Arguments { check: true }) {
        findings.push(format!("{error:#}"));
    }
    match chart::findings(root) {
        Some(found) => findings.extend(found),
        None => println!(
            "tidy: the chart was not rendered, because Helm is not built: `cargo xtask test` builds it"
        ),
    }
    if findings.is_empty() {
        println!("tidy: ok");
        return Ok(());
    }
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    bail!("{} finding(s)", findings.len())
}

fn source_files(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    let skipped = |name: &str| matches!(name, "target" | ".git" | "generated");
    let files = WalkDir::new(root)
        .into_iter()
        .filter_entry(|e| !skipped(&e.file_name().to_string_lossy()));
    for file in files {
        let file = file.context("failed to walk the tree")?;
        if file.path().extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let shown = file.path().strip_prefix(root).unwrap_or(file.path()).display();
        let text = fs::read_to_string(file.path()).with_context(|| format!("failed to read {shown}"))?;
        if !text.starts_with("//! ") {
            findings.push(format!(
                "{shown}: the first line must say the file's job (`//! …`)"
            ));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            findings.push(format!(
                "{shown}: {lines} lines, at most {MAX_LINES}: split it by job"
            ));
        }
        if file.file_name() == "mod.rs" {
            findings.push(format!("{shown}: use foo.rs beside foo/ instead of mod.rs"));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

fn metadata(root: &Path) -> Result<Metadata> {
    let graph = [
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ];
    serde_json::from_str(&cargo(root, &graph)?).context("failed to read cargo metadata")
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = crate::cargo::cargo(root)
        .args(arguments)
        .output()
        .context("failed to run cargo")?;
    if !output.status.success() {
        bail!(
            "cargo {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).context("cargo printed something that is not UTF-8")
}

fn crate_graph(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    let metadata = metadata(root)?;
    let names: BTreeMap<&str, &str> = metadata
        .packages
        .iter()
        .map(|p| (p.id.as_str(), p.name.as_str()))
        .collect();
    for banned in BANNED
        .iter()
        .filter(|banned| names.values().any(|name| name == *banned))
    {
        findings.push(format!("{banned} is in the dependency graph; see deny.toml"));
    }
    // Normal dependencies only: tests may use what they like.
    let edges: BTreeMap<&str, Vec<&str>> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node
                .deps
                .iter()
                .filter(|d| d.dep_kinds.iter().any(|k| k.kind.is_none()));
            (node.id.as_str(), normal.map(|d| d.pkg.as_str()).collect())
        })
        .collect();
    for (id, name) in names
        .iter()
        .filter(|(_, name)| GRAPH.iter().any(|(ours, _)| ours == *name))
    {
        let allowed = GRAPH
            .iter()
            .find(|(ours, _)| ours == name)
            .map_or(&[][..], |(_, allowed)| allowed);
        for dependency in edges.get(id).into_iter().flatten().filter_map(|id| names.get(id)) {
            let ours = GRAPH.iter().any(|(ours, _)| ours == dependency);
            if ours && !allowed.contains(dependency) {
                findings.push(format!(
                    "{name} must not depend on {dependency} (see ARCHITECTURE.md, crate graph)"
                ));
            }
        }
    }
    pure(root, findings)
}

/// Asked of cargo crate by crate: in the whole workspace's graph, features of one crate would count for all.
fn pure(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    for name in PURE {
        let tree = cargo(
            root,
            &[
                "tree", "--locked", "-p", name, "-e", "normal", "--prefix", "none", "-f", "{lib}",
            ],
        )?;
        for impure in IMPURE {
            // Library names have underscores where package names have hyphens.
            let lib = impure.replace('-', "_");
            if tree
                .lines()
                .any(|line| line.split_whitespace().next() == Some(&lib))
            {
                findings.push(format!("{name} reaches {impure}: it must stay free of I/O"));
            }
        }
    }
    Ok(())
}
