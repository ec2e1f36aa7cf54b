//! The tables of Pods at a rate: how long each takes, what each costs, and how many there are in a second.

use std::{collections::BTreeSet, fmt};

use super::{
    super::rate::{Rate, Side, name},
    line,
};

/// Writes the tables.
pub(super) fn table(out: &mut fmt::Formatter<'_>, rate: &Rate) -> fmt::Result {
    writeln!(out)?;
    let title = format!("{} Pods, {} a second: ms", rate.pods, rate.offered);
    line(out, &title, &["p50", "p90", "p99", "max"])?;
    for side in &rate.sides {
        let columns = side
            .to_running
            .map_or_else(Vec::new, |s| vec![s.p50, s.p90, s.p99, s.max]);
        line(out, &format!("  {}", name(side.tenants)), &columns)?;
    }
    writeln!(out)?;
    let columns: Vec<_> = rate.sides.iter().map(|side| side.tenants.to_string()).collect();
    line(out, "Pods a second, all at once; by tenants", &columns)?;
    let rates = rate
        .sides
        .iter()
        .map(|side| format!("{:.1}", side.at_once_per_second));
    line(out, "  all Running", &rates.collect::<Vec<_>>())?;
    line(out, "processor time of a Pod, ms; by tenants", &columns)?;
    let processes: BTreeSet<&String> = rate
        .sides
        .iter()
        .flat_map(|side| side.cpu_ms_per_pod.keys())
        .collect();
    for process in processes {
        let times = rate.sides.iter().map(|side| {
            let time = side.cpu_ms_per_pod.get(process);
            time.map_or_else(|| "-".to_owned(), |time| format!("{time:.2}"))
        });
        line(out, &format!("  {process}"), &times.collect::<Vec<_>>())?;
    }
    let sums = rate
        .sides
        .iter()
        .map(|side| format!("{:.1}", side.cpu_ms_per_pod.values().sum::<f64>()));
    line(out, "  sum", &sums.collect::<Vec<_>>())
}

/// What is known of one side as soon as it ends, in a line.
impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu: f64 = self.cpu_ms_per_pod.values().sum();
        write!(out, "  {}: ", name(self.tenants))?;
        if let Some(s) = self.to_running {
            write!(
                out,
                "{}/{}/{}/{} ms (p50/p90/p99/max), ",
                s.p50, s.p90, s.p99, s.max
            )?;
        }
        write!(
            out,
            "{cpu:.1} ms of processor time a Pod, {:.1} a second",
            self.at_once_per_second
        )
    }
}
