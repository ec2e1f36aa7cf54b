//! Which specs there are: what a dry run of the suite reports.

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Marks specs that must run alone, also where Ginkgo's own decorator is missing.
const SERIAL: &str = "[Serial]";

/// One spec of the suite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spec {
    /// All its texts, joined by spaces: what Ginkgo prints and matches.
    pub(crate) name: String,
    /// Whether nothing else may run beside it.
    pub(crate) serial: bool,
}

/// What a dry run says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Name of the suite; Ginkgo matches `<this> <name of the spec>`.
    pub(crate) suite: String,
    /// The specs that would run, sorted by name, each once.
    pub(crate) specs: Vec<Spec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    suite_description: String,
    #[serde(default)]
    spec_reports: Vec<SpecReport>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SpecReport {
    container_hierarchy_texts: Option<Vec<String>>,
    leaf_node_type: String,
    leaf_node_text: String,
    state: String,
    #[serde(default)]
    is_serial: bool,
}

/// Reads Ginkgo's JSON report of a dry run, where `passed` means that the filters let the spec run.
///
/// # Errors
/// If it is no such report.
pub(crate) fn parse(report: &str) -> Result<Listing> {
    let reports: Vec<Report> = serde_json::from_str(report).context("failed to read the suite's report")?;
    let report = reports
        .into_iter()
        .next()
        .context("the suite's report is empty")?;
    let mut specs: Vec<Spec> = report
        .spec_reports
        .into_iter()
        .filter(|spec| spec.leaf_node_type == "It" && spec.state == "passed")
        .map(|spec| {
            let mut texts = spec.container_hierarchy_texts.unwrap_or_default();
            texts.push(spec.leaf_node_text);
            texts.retain(|text| !text.is_empty());
            let name = texts.join(" ");
            let serial = spec.is_serial || name.contains(SERIAL);
            Spec { name, serial }
        })
        .collect();
    specs.sort();
    specs.dedup_by(|second, first| second.name == first.name);
    Ok(Listing {
        suite: report.suite_description,
        specs,
    })
}

/// A regular expression that matches these specs and no others, as Go writes them.
pub(crate) fn focus(suite: &str, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
    format!("^{} (?:{})$", quote(suite), names.join("|"))
}

/// Go's `regexp.QuoteMeta`.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"[{"SuiteDescription": "Kubernetes e2e suite", "SpecReports": [
        {"ContainerHierarchyTexts": null, "LeafNodeType": "SynchronizedBeforeSuite", "LeafNodeText": "", "State": "passed"},
        {"ContainerHierarchyTexts": ["[sig-node] Pods", ""], "LeafNodeType": "It", "LeafNodeText": "should b [Conformance]", "State": "passed"},
        {"ContainerHierarchyTexts": ["[sig-node] Pods"], "LeafNodeType": "It", "LeafNodeText": "should a", "State": "skipped"},
        {"ContainerHierarchyTexts": ["[sig-apps] Taints [Serial]"], "LeafNodeType": "It", "LeafNodeText": "evict", "State": "passed"},
        {"ContainerHierarchyTexts": ["[sig-apps] Daemon set"], "LeafNodeType": "It", "LeafNodeText": "run", "State": "passed", "IsSerial": true},
        {"ContainerHierarchyTexts": ["[sig-node] Pods"], "LeafNodeType": "It", "LeafNodeText": "should b [Conformance]", "State": "passed"}
    ]}]"#;

    #[test]
    fn what_would_run_is_listed_once_and_serial_ones_are_known() {
        let listing = parse(REPORT).unwrap();
        assert_eq!(listing.suite, "Kubernetes e2e suite");
        let specs: Vec<(&str, bool)> = listing
            .specs
            .iter()
            .map(|spec| (spec.name.as_str(), spec.serial))
            .collect();
        assert_eq!(
            specs,
            [
                ("[sig-apps] Daemon set run", true),
                ("[sig-apps] Taints [Serial] evict", true),
                ("[sig-node] Pods should b [Conformance]", false),
            ]
        );
    }

    #[test]
    fn a_report_of_something_else_is_an_error() {
        assert!(parse("[]").is_err());
        assert!(parse("no json").is_err());
    }

    #[test]
    fn names_are_matched_literally_and_as_a_whole() {
        let names = ["[x] a (b)".to_owned(), "c.d".to_owned()];
        assert_eq!(focus("The suite", &names), r"^The suite (?:\[x\] a \(b\)|c\.d)$");
    }
}
