//! Compares the two sides: what passes natively has to pass in a tenant.

use std::fmt;

use super::{
    exceptions::Exceptions,
    results::{Outcome, Record, Results},
    spec::Spec,
};

/// What a comparison found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// Specs that pass natively.
    native: usize,
    /// Specs that pass in the tenant.
    tenant: usize,
    /// Specs that pass natively and not in the tenant.
    differ: Vec<Difference>,
    /// Specs that fail natively: the embedded host's fault first.
    native_failures: Vec<Failure>,
    /// Specs that passed at the second try only, and where.
    flaky: Vec<(&'static str, String)>,
    /// Exceptions of specs that pass.
    needless: Vec<String>,
    /// Specs without a result on a side that was asked for.
    not_run: usize,
}

#[derive(Debug, PartialEq)]
struct Difference {
    failure: Failure,
    /// Why it is known to differ.
    exception: Option<String>,
}

#[derive(Debug, PartialEq)]
struct Failure {
    name: String,
    reason: String,
}

/// Which sides a run was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sides {
    /// The tenant, against what is known of the host.
    Both,
    /// Only the host itself.
    Native,
}

/// Compares what is known of `specs`.
pub(crate) fn compare(
    specs: &[Spec],
    sides: Sides,
    native: &Results,
    tenant: &Results,
    exceptions: &Exceptions,
) -> Verdict {
    let mut verdict = Verdict::default();
    for Spec { name, .. } in specs {
        let (here, there) = (native.last(name), tenant.last(name));
        let passes_natively = passes(here);
        if passes_natively {
            verdict.native += 1;
        }
        if let Some(record) = here.filter(|record| record.outcome == Outcome::Failed) {
            verdict.native_failures.push(Failure::of(record));
        }
        verdict.not_run += usize::from(here.is_none());
        if native.is_flaky(name) {
            verdict.flaky.push(("native", name.clone()));
        }
        if sides == Sides::Native {
            continue;
        }
        if passes(there) {
            verdict.tenant += 1;
            if exceptions.contains_key(name) {
                verdict.needless.push(name.clone());
            }
        }
        if tenant.is_flaky(name) {
            verdict.flaky.push(("tenant", name.clone()));
        }
        match there {
            None => verdict.not_run += 1,
            Some(record) if passes_natively && record.outcome != Outcome::Passed => {
                verdict.differ.push(Difference {
                    failure: Failure::of(record),
                    exception: exceptions.get(name).cloned(),
                });
            }
            Some(_same) => {}
        }
    }
    verdict
}

fn passes(record: Option<&Record>) -> bool {
    record.is_some_and(|record| record.outcome == Outcome::Passed)
}

impl Failure {
    fn of(record: &Record) -> Self {
        Self {
            name: record.name.clone(),
            reason: if record.outcome == Outcome::Skipped {
                format!("skipped: {}", record.reason)
            } else {
                record.reason.clone()
            },
        }
    }
}

impl Verdict {
    /// Whether everything was run and every difference has its reason.
    pub(crate) fn is_good(&self) -> bool {
        self.not_run == 0
            && self
                .differ
                .iter()
                .all(|difference| difference.exception.is_some())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            native,
            tenant,
            differ,
            native_failures,
            flaky,
            needless,
            not_run,
        } = self;
        section(formatter, "fails natively", native_failures.iter())?;
        let (named, new): (Vec<_>, Vec<_>) = differ
            .iter()
            .partition(|difference| difference.exception.is_some());
        section(
            formatter,
            "passes natively but not in the tenant",
            new.iter().map(|difference| &difference.failure),
        )?;
        if !named.is_empty() {
            writeln!(formatter, "differs as docs/conformance-exceptions.toml says:")?;
            for difference in named {
                let reason = difference.exception.as_deref().unwrap_or_default();
                writeln!(formatter, "  {}\n      {reason}", difference.failure.name)?;
            }
        }
        if !flaky.is_empty() {
            writeln!(formatter, "passed at the second try only:")?;
            for (side, name) in flaky {
                writeln!(formatter, "  {side}: {name}")?;
            }
        }
        if !needless.is_empty() {
            writeln!(
                formatter,
                "passes, so remove it from docs/conformance-exceptions.toml:"
            )?;
            for name in needless {
                writeln!(formatter, "  {name}")?;
            }
        }
        if *not_run > 0 {
            writeln!(
                formatter,
                "{not_run} results are missing: the same command with --resume goes on"
            )?;
        }
        write!(
            formatter,
            "conformance: {native} native, {tenant} tenant, {} differ",
            differ.len()
        )
    }
}

fn section<'a>(
    formatter: &mut fmt::Formatter<'_>,
    title: &str,
    failures: impl Iterator<Item = &'a Failure>,
) -> fmt::Result {
    let mut titled = false;
    for Failure { name, reason } in failures {
        if !titled {
            writeln!(formatter, "{title}:")?;
            titled = true;
        }
        writeln!(formatter, "  {name}")?;
        for line in reason.lines() {
            writeln!(formatter, "      {line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
