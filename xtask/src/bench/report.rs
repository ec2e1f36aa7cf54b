//! What the bench found, as text and as JSON.

mod life;
mod objects;
mod race;
mod rate;
mod scale;

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    figures::{Spread, ratio},
    life::Life,
    memory::Resident,
    objects::Objects,
    race::Race,
    rate::Rate,
    requests::Counts,
    scale::Scale,
};

/// How many kinds of requests the table has; JSON has all.
const SHOWN: usize = 10;

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Processors of the machine: figures of two machines are not compared, ratios are.
    pub(super) processors: usize,
    /// A tenant by itself, if asked for.
    #[serde(flatten)]
    pub(super) base: Option<Base>,
    /// Requests of one Pod's life, if asked for.
    pub(super) life: Option<Life>,
    /// What the syncer's objects cost, if asked for.
    pub(super) objects: Option<Objects>,
    /// Many Pods at once, if asked for.
    pub(super) scale: Option<Scale>,
    /// Pods at one rate, if asked for.
    pub(super) rate: Option<Rate>,
    /// More Pods than places, if asked for.
    pub(super) race: Option<Race>,
    /// Many tenants on many nodes, if asked for.
    pub(super) crowd: Option<Race>,
}

/// A tenant by itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Base {
    /// Milliseconds from the creation of a virtual cluster until it is Ready.
    pub(super) create_to_ready: Create,
    /// Memory of an idle tenant by container.
    pub(super) memory: BTreeMap<String, Resident>,
    /// Milliseconds from the creation of a Pod until it runs.
    pub(super) pod_to_running: Sides,
    /// Requests per second to the host's API.
    pub(super) requests: Requests,
}

/// Virtual clusters by their store.
#[derive(Debug, Serialize)]
pub(super) struct Create {
    pub(super) ephemeral: Option<Spread>,
    pub(super) volume: Option<Spread>,
}

/// The same on the host itself and in a tenant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sides {
    pub(super) native: Option<Spread>,
    pub(super) tenant: Option<Spread>,
    /// Tenant to native.
    pub(super) ratio_p50: Option<f64>,
    pub(super) ratio_p90: Option<f64>,
}

impl Sides {
    pub(super) fn new(native: Option<Spread>, tenant: Option<Spread>) -> Self {
        let of = |pick: fn(Spread) -> u64| ratio(pick(tenant?), pick(native?));
        Self {
            native,
            tenant,
            ratio_p50: of(|spread| spread.p50),
            ratio_p90: of(|spread| spread.p90),
        }
    }
}

/// Requests per second to the host's API, watches left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Requests {
    /// Before the bench's first tenant.
    pub(super) without_tenant: f64,
    /// With the tenant at rest.
    pub(super) with_idle_tenant: f64,
    /// What changed, by verb and resource.
    pub(super) difference: Counts,
}

/// A line of the table: a name and its columns.
fn line<T: fmt::Display>(out: &mut fmt::Formatter<'_>, name: &str, columns: &[T]) -> fmt::Result {
    wide_line(out, 40, name, columns)
}

/// A line with longer names.
fn wide_line<T: fmt::Display>(
    out: &mut fmt::Formatter<'_>,
    width: usize,
    name: &str,
    columns: &[T],
) -> fmt::Result {
    write!(out, "{name:<width$}")?;
    columns.iter().try_for_each(|column| write!(out, "{column:>9}"))?;
    writeln!(out)
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(base) = &self.base {
            base.fmt(out)?;
        }
        if let Some(life) = &self.life {
            life::table(out, life)?;
        }
        if let Some(objects) = &self.objects {
            objects::table(out, objects)?;
        }
        if let Some(scale) = &self.scale {
            scale::table(out, scale)?;
        }
        if let Some(rate) = &self.rate {
            rate::table(out, rate)?;
        }
        for race in self.race.iter().chain(&self.crowd) {
            race::table(out, race)?;
        }
        write!(
            out,
            "\non {} processors: compare ratios, not times",
            self.processors
        )
    }
}

impl fmt::Display for Base {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spreads = ["min", "p50", "p90", "max"];
        line(out, "virtual cluster: create → Ready, ms", &spreads)?;
        spread(out, "in memory", self.create_to_ready.ephemeral)?;
        spread(out, "with a volume", self.create_to_ready.volume)?;

        objects::sides(out, "Pod: create → Running, ms", &self.pod_to_running)?;

        writeln!(out)?;
        line(out, "memory of an idle tenant, MiB", &["own", "files", "both"])?;
        let mut sum = Resident::default();
        for (container, resident) in &self.memory {
            memory(out, container, *resident)?;
            sum += *resident;
        }
        memory(out, "sum", sum)?;

        let requests = &self.requests;
        let difference = requests.with_idle_tenant - requests.without_tenant;
        writeln!(out, "\nhost API, requests per second")?;
        rate(out, "without the tenant", requests.without_tenant)?;
        rate(out, "with the tenant at rest", requests.with_idle_tenant)?;
        rate(out, "difference", difference)?;
        let mut parts: Vec<(&String, &f64)> = requests.difference.iter().collect();
        parts.sort_by(|(_, left), (_, right)| right.abs().total_cmp(&left.abs()));
        for (key, value) in parts.into_iter().take(SHOWN) {
            rate(out, &format!("  {key}"), *value)?;
        }
        Ok(())
    }
}

fn spread(out: &mut fmt::Formatter<'_>, name: &str, spread: Option<Spread>) -> fmt::Result {
    let columns = spread.map_or_else(Vec::new, |s| vec![s.min, s.p50, s.p90, s.max]);
    let count = spread.map_or(0, |spread| spread.count);
    line(out, &format!("  {name} ({count} times)"), &columns)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "kibibytes of a process are far below 2^52"
)]
fn memory(out: &mut fmt::Formatter<'_>, name: &str, resident: Resident) -> fmt::Result {
    let both = resident.anonymous_kib + resident.file_kib;
    let columns = [resident.anonymous_kib, resident.file_kib, both];
    let columns = columns.map(|kib| format!("{:.1}", kib as f64 / 1024.0));
    line(out, &format!("  {name}"), &columns)
}

fn rate(out: &mut fmt::Formatter<'_>, name: &str, value: f64) -> fmt::Result {
    line(out, &format!("  {name}"), &[format!("{value:.2}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_names() {
        let times = |p50| Spread {
            count: 20,
            min: 1,
            p50,
            p90: 200,
            p99: 300,
            max: 300,
        };
        let base = Base {
            create_to_ready: Create {
                ephemeral: Some(times(7)),
                volume: None,
            },
            memory: [("etcd", 2048, 1024), ("syncer", 1024, 512)]
                .map(|(name, anonymous_kib, file_kib)| {
                    let resident = Resident {
                        anonymous_kib,
                        file_kib,
                    };
                    (name.to_owned(), resident)
                })
                .into(),
            pod_to_running: Sides::new(Some(times(100)), Some(times(110))),
            requests: Requests {
                without_tenant: 1.0,
                with_idle_tenant: 1.5,
                difference: Counts::from([("PUT leases".to_owned(), 0.5)]),
            },
        };
        let report = Report {
            processors: 2,
            base: Some(base),
            life: None,
            objects: None,
            rate: None,
            race: None,
            crowd: None,
            scale: None,
        };
        let text = report.to_string();
        let ends = |start: &str, word: &str| -> Vec<usize> {
            let line = text
                .lines()
                .find(|line| line.trim_start().starts_with(start))
                .unwrap();
            line.find(word)
                .map(|at| line[..at + word.len()].chars().count())
                .into_iter()
                .collect()
        };
        assert_eq!(ends("virtual", "p50"), ends("in memory", "7"));
        assert_eq!(ends("Pod", "p50"), ends("tenant to host", "1.10"));
        assert_eq!(ends("Pod", "p50"), ends("on the host", "100"));
        assert_eq!(ends("memory of", "both"), ends("sum", "4.5"));
        assert!(text.contains("with a volume (0 times)"));
    }
}
