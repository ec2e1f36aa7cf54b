//! The tables of the syncer's objects.

use std::fmt;

use super::{super::objects::Objects, Sides, line, spread};

/// Writes the tables.
pub(super) fn table(out: &mut fmt::Formatter<'_>, objects: &Objects) -> fmt::Result {
    sides(out, "ConfigMap: change → on the host, ms", &objects.change)?;
    sides(out, "Service: create → reachable, ms", &objects.reach)?;
    writeln!(out)?;
    line(
        out,
        "Node: cordon → in the tenant, ms",
        &["min", "p50", "p90", "max"],
    )?;
    spread(out, "of one node", objects.cordon)?;
    let crowd = &objects.crowd;
    writeln!(out)?;
    let title = format!(
        "syncer, {} ConfigMaps of which {} used",
        crowd.config_maps, crowd.used
    );
    line::<&str>(out, &title, &[])?;
    line(out, "  on the host", &[crowd.on_host])?;
    line(out, "  own memory without, KiB", &[crowd.without_kib])?;
    line(out, "  own memory with, KiB", &[crowd.with_kib])?;
    line(out, "  processor time of making them, ms", &[crowd.making_ms])?;
    let rest = format!("{:.2}", crowd.at_rest_ms_per_second);
    line(out, "  processor time at rest, ms per s", &[rest])
}

/// The same on both sides, and the ratio.
pub(super) fn sides(out: &mut fmt::Formatter<'_>, title: &str, sides: &Sides) -> fmt::Result {
    writeln!(out)?;
    line(out, title, &["min", "p50", "p90", "max"])?;
    spread(out, "on the host", sides.native)?;
    spread(out, "in a tenant", sides.tenant)?;
    let ratios = [None, sides.ratio_p50, sides.ratio_p90];
    let ratios = ratios.map(|ratio| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
    line(out, "  tenant to host", &ratios)
}
