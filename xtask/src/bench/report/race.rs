//! The table of tenants that ask for many Pods at once.

use std::fmt;

use super::{super::race::Race, line, scale};

/// Writes the table.
pub(super) fn table(out: &mut fmt::Formatter<'_>, race: &Race) -> fmt::Result {
    writeln!(out)?;
    let title = format!(
        "{} tenants, {} Pods, {} places on {} nodes",
        race.tenants, race.wanted, race.places, race.nodes
    );
    line::<&str>(out, &title, &[])?;
    line(out, "  all that can run, after ms", &[race.full_ms])?;
    line(out, "  Pods refused and replaced", &[race.refused])?;
    line(out, "  running, by tenant", &race.running)?;
    scale::lag(out, race.bound_to_host_pod.as_ref())?;
    scale::memory(out, &race.memory, race.running_each)
}
