//! The table of the race for places.

use std::fmt;

use super::{super::race::Race, line};

/// Writes the table.
pub(super) fn table(out: &mut fmt::Formatter<'_>, race: &Race) -> fmt::Result {
    writeln!(out)?;
    let title = format!(
        "{} tenants, {} Pods, {} places",
        race.tenants, race.wanted, race.places
    );
    line::<&str>(out, &title, &[])?;
    line(out, "  all places taken after, ms", &[race.full_ms])?;
    line(out, "  Pods refused and replaced", &[race.refused])?;
    line(out, "  running, by tenant", &race.running)
}
