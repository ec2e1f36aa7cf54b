//! The results as a section of `docs/conformance.md`, from what both sides' files hold.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    ops::AddAssign,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{
    exceptions::Exceptions,
    results::{Outcome, Results},
    spec::Spec,
};

/// What the section begins and ends with; around it the page is written by hand.
const MARKS: [&str; 2] = [
    "<!-- results: written by `cargo xtask conformance --write` -->",
    "<!-- end of results -->",
];

/// What both sides' results are of.
pub(crate) struct Compared<'a> {
    /// Kubernetes' version, of the host and of the tenant.
    pub(crate) version: &'a str,
    /// All specs that belong into the table.
    pub(crate) specs: &'a [Spec],
    pub(crate) native: &'a Results,
    pub(crate) tenant: &'a Results,
    pub(crate) exceptions: &'a Exceptions,
}

/// Specs of one group, and how many pass on each side.
#[derive(Clone, Copy, Default)]
struct Row {
    specs: usize,
    native: usize,
    tenant: usize,
    /// Without a result on one of the sides.
    missing: usize,
}

impl AddAssign for Row {
    fn add_assign(&mut self, other: Self) {
        self.specs += other.specs;
        self.native += other.native;
        self.tenant += other.tenant;
        self.missing += other.missing;
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            specs,
            native,
            tenant,
            missing,
        } = self;
        write!(out, "{specs} | {native} | {tenant} | {missing} |")
    }
}

/// Puts the section into the page.
///
/// # Errors
/// If the page has no place for it, or cannot be read or written.
pub(crate) fn write(page: &Path, compared: &Compared<'_>) -> Result<()> {
    let shown = page.display();
    let text = fs::read_to_string(page).with_context(|| format!("failed to read {shown}"))?;
    let section = section(compared)?;
    let text = replace(&text, &section).with_context(|| format!("{shown} has no place for results"))?;
    fs::write(page, text).with_context(|| format!("failed to write {shown}"))
}

fn section(compared: &Compared<'_>) -> Result<String> {
    let Compared {
        version,
        specs,
        native,
        tenant,
        exceptions,
    } = compared;
    let passes = |results: &Results, spec: &Spec| {
        results
            .last(&spec.name)
            .is_some_and(|record| record.outcome == Outcome::Passed)
    };
    let mut rows = BTreeMap::<&str, Row>::new();
    let mut differences = String::new();
    let mut flaky = String::new();
    for spec in *specs {
        let row = rows.entry(group(&spec.name)).or_default();
        let (here, there) = (passes(native, spec), passes(tenant, spec));
        row.specs += 1;
        row.native += usize::from(here);
        row.tenant += usize::from(there);
        let is_missing = [native, tenant]
            .iter()
            .any(|results| results.last(&spec.name).is_none());
        row.missing += usize::from(is_missing);
        if here && !there && !is_missing {
            let reason = exceptions
                .get(&spec.name)
                .map_or("no reason is known yet", |reason| reason.trim());
            writeln!(differences, "- `{}`: {reason}", spec.name)?;
        }
        for (side, results) in [("natively", native), ("in the tenant", tenant)] {
            if results.is_flaky(&spec.name) {
                writeln!(flaky, "- `{}` {side}", spec.name)?;
            }
        }
    }
    let mut text = format!("Kubernetes {version}, the same on both sides.\n\n");
    text.push_str(
        "| | specs | pass natively | pass in a tenant | not run on both |\n|---|---|---|---|---|\n",
    );
    let mut all = Row::default();
    for (name, row) in rows {
        writeln!(text, "| {name} | {row}")?;
        all += row;
    }
    writeln!(text, "| all | {all}")?;
    for (title, list) in [
        ("Pass natively but not in a tenant:", differences),
        ("Passed at the second try only:", flaky),
    ] {
        if !list.is_empty() {
            write!(text, "\n{title}\n\n{list}")?;
        }
    }
    Ok(text)
}

/// What a spec's name begins with: `[sig-apps]`, `[sig-node]`, …
fn group(name: &str) -> &str {
    name.split_once(' ')
        .map_or(name, |(group, _)| group)
        .trim_matches(['[', ']'])
}

/// `page` with `section` between the marks; nothing if it has none.
fn replace(page: &str, section: &str) -> Option<String> {
    let [begin, end] = MARKS;
    let (before, rest) = page.split_once(begin)?;
    let (_old, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{section}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::results::Record;
    use super::*;

    fn results(dir: &Path, side: &str, runs: &[(&str, Outcome)]) -> Results {
        let mut results = Results::open(&dir.join(side)).unwrap();
        for (name, outcome) in runs {
            let record = Record {
                name: (*name).to_owned(),
                outcome: *outcome,
                seconds: 1.0,
                reason: String::new(),
                at: Timestamp::UNIX_EPOCH,
            };
            results.add(record).unwrap();
        }
        results
    }

    #[test]
    fn the_section_counts_by_group_and_names_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, c) = ("[sig-apps] one", "[sig-apps] two", "[sig-node] three");
        let specs = [a, b, c].map(|name| Spec {
            name: name.to_owned(),
            serial: false,
        });
        let native = results(
            dir.path(),
            "native",
            &[(a, Outcome::Passed), (b, Outcome::Passed), (c, Outcome::Failed)],
        );
        let mut tenant = results(
            dir.path(),
            "tenant",
            &[(a, Outcome::Failed), (a, Outcome::Passed), (b, Outcome::Failed)],
        );
        let exceptions = Exceptions::from([(b.to_owned(), "because\n".to_owned())]);
        let of = |tenant: &Results| {
            section(&Compared {
                version: "v1.37.0",
                specs: &specs,
                native: &native,
                tenant,
                exceptions: &exceptions,
            })
        };
        assert!(of(&tenant).unwrap().contains("| sig-node | 1 | 0 | 0 | 1 |\n"));
        tenant
            .add(Record {
                name: c.to_owned(),
                outcome: Outcome::Failed,
                seconds: 1.0,
                reason: String::new(),
                at: Timestamp::UNIX_EPOCH,
            })
            .unwrap();
        let expected = "Kubernetes v1.37.0, the same on both sides.\n\n\
            | | specs | pass natively | pass in a tenant | not run on both |\n|---|---|---|---|---|\n\
            | sig-apps | 2 | 2 | 1 | 0 |\n| sig-node | 1 | 0 | 0 | 0 |\n| all | 3 | 2 | 1 | 0 |\n\
            \nPass natively but not in a tenant:\n\n- `[sig-apps] two`: because\n\
            \nPassed at the second try only:\n\n- `[sig-apps] one` in the tenant\n";
        assert_eq!(of(&tenant).unwrap(), expected);
    }

    #[test]
    fn the_page_around_it_stays_and_writing_again_changes_nothing() {
        let [begin, end] = MARKS;
        let page = format!("before\n{begin}\nold\n{end}\nafter\n");
        let once = replace(&page, "new\n").unwrap();
        assert_eq!(once, format!("before\n{begin}\n\nnew\n\n{end}\nafter\n"));
        assert_eq!(replace(&once, "new\n").unwrap(), once);
        assert!(replace("no marks", "new").is_none());
    }

    #[test]
    fn the_page_of_this_checkout_has_its_place() {
        let page = fs::read_to_string(crate::root().join("docs/conformance.md")).unwrap();
        assert!(replace(&page, "").is_some());
    }
}
