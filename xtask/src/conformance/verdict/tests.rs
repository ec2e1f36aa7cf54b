//! Tests of the comparison and of what it prints.
use jiff::Timestamp;

use super::*;

/// Results from `(name, outcome)`, oldest first.
fn results(runs: &[(&str, Outcome)]) -> Results {
    let dir = tempfile::tempdir().unwrap();
    let mut results = Results::open(&dir.path().join("results")).unwrap();
    for (name, outcome) in runs {
        let record = Record {
            name: (*name).to_owned(),
            outcome: *outcome,
            seconds: 1.0,
            reason: if *outcome == Outcome::Passed {
                ""
            } else {
                "it broke"
            }
            .to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        results.add(record).unwrap();
    }
    results
}

fn specs(names: &[&str]) -> Vec<Spec> {
    names
        .iter()
        .map(|name| Spec {
            name: (*name).to_owned(),
            serial: false,
        })
        .collect()
}

const PASSED: Outcome = Outcome::Passed;
const FAILED: Outcome = Outcome::Failed;

#[test]
fn only_what_passes_natively_can_differ() {
    let native = results(&[("both", PASSED), ("native", PASSED), ("none", FAILED)]);
    let tenant = results(&[("both", PASSED), ("native", FAILED), ("none", FAILED)]);
    let specs = specs(&["both", "native", "none"]);
    let verdict = compare(&specs, Sides::Both, &native, &tenant, &Exceptions::new());
    assert!(!verdict.is_good());
    let text = verdict.to_string();
    assert!(
        text.ends_with("\nconformance: 2 native, 1 tenant, 1 differ"),
        "{text}"
    );
    assert!(text.contains("fails natively:\n  none\n"), "{text}");
    assert!(
        text.contains("passes natively but not in the tenant:\n  native\n      it broke\n"),
        "{text}"
    );
}

#[test]
fn a_skip_in_the_tenant_differs_too() {
    let native = results(&[("one", PASSED)]);
    let tenant = results(&[("one", Outcome::Skipped)]);
    let verdict = compare(
        &specs(&["one"]),
        Sides::Both,
        &native,
        &tenant,
        &Exceptions::new(),
    );
    assert!(!verdict.is_good());
    assert!(verdict.to_string().contains("skipped: it broke"));
}

#[test]
fn a_named_difference_is_good_and_a_needless_name_is_told() {
    let native = results(&[("one", PASSED), ("two", PASSED)]);
    let tenant = results(&[("one", FAILED), ("two", PASSED)]);
    let exceptions: Exceptions = ["one", "two"]
        .map(|name| (name.to_owned(), format!("why {name}")))
        .into_iter()
        .collect();
    let verdict = compare(
        &specs(&["one", "two"]),
        Sides::Both,
        &native,
        &tenant,
        &exceptions,
    );
    assert!(verdict.is_good());
    let text = verdict.to_string();
    assert!(text.contains("one\n      why one\n"), "{text}");
    assert!(
        text.contains("remove it from docs/conformance-exceptions.toml:\n  two\n"),
        "{text}"
    );
    assert!(text.ends_with("1 tenant, 1 differ"), "{text}");
}

#[test]
fn what_was_not_run_is_not_good() {
    let native = results(&[("one", PASSED)]);
    let tenant = results(&[]);
    let both = compare(
        &specs(&["one"]),
        Sides::Both,
        &native,
        &tenant,
        &Exceptions::new(),
    );
    assert!(!both.is_good());
    assert!(both.to_string().contains("1 results are missing"));
    let alone = compare(
        &specs(&["one"]),
        Sides::Native,
        &native,
        &tenant,
        &Exceptions::new(),
    );
    assert!(alone.is_good());
}

#[test]
fn a_second_try_is_told() {
    let native = results(&[("one", PASSED)]);
    let tenant = results(&[("one", FAILED), ("one", PASSED)]);
    let verdict = compare(
        &specs(&["one"]),
        Sides::Both,
        &native,
        &tenant,
        &Exceptions::new(),
    );
    assert!(verdict.is_good());
    assert!(verdict.to_string().contains("second try only:\n  tenant: one\n"));
}
