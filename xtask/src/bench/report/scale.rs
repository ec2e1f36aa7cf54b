//! The table of many Pods at once: how soon all run, and what memory each adds.

use std::{collections::BTreeMap, fmt};

use super::{
    super::{
        figures::Spread,
        scale::{Growth, Scale},
    },
    line,
};

/// Writes the table.
pub(super) fn table(out: &mut fmt::Formatter<'_>, scale: &Scale) -> fmt::Result {
    let pods = scale.pods;
    writeln!(out)?;
    line(out, &format!("{pods} Pods on nodes of kwok"), &["s", "Pods/s"])?;
    for (name, time) in [("on the host", scale.native_ms), ("in a tenant", scale.tenant_ms)] {
        let seconds = thousandth(time);
        let rate = f64::from(pods) / seconds.max(0.001);
        line(
            out,
            &format!("  all Running, {name}"),
            &[format!("{seconds:.1}"), format!("{rate:.0}")],
        )?;
    }
    let ratio = scale
        .ratio
        .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    line(out, "  tenant to host", &[ratio])?;
    lag(out, scale.bound_to_host_pod.as_ref())?;
    memory(out, &scale.memory, pods)
}

/// How long host Pods were waited for.
pub(super) fn lag(out: &mut fmt::Formatter<'_>, lag: Option<&Spread>) -> fmt::Result {
    let Some(lag) = lag else { return Ok(()) };
    writeln!(out)?;
    let title = "bound in the tenant → host Pod, ms";
    line(out, title, &["p50", "p90", "p99", "max"])?;
    line(out, "  each Pod", &[lag.p50, lag.p90, lag.p99, lag.max])
}

/// What each container holds without and with the Pods of one tenant.
pub(super) fn memory(
    out: &mut fmt::Formatter<'_>,
    memory: &BTreeMap<String, Growth>,
    pods: u16,
) -> fmt::Result {
    writeln!(out)?;
    let title = format!("own memory, MiB; per Pod, KiB (of {pods})");
    line(out, &title, &["none", "all", "per Pod"])?;
    for (container, growth) in memory {
        let columns = [
            format!("{:.1}", kibi(growth.without_kib)),
            format!("{:.1}", kibi(growth.with_kib)),
            per_pod(growth.bytes_per_pod),
        ];
        line(out, &format!("  {container}"), &columns)?;
    }
    let agents = ["syncer", "vkubelet"].iter().filter_map(|name| memory.get(*name));
    let sum = agents.map(|growth| growth.bytes_per_pod).sum();
    line(
        out,
        "  syncer and vkubelet",
        &[String::new(), String::new(), per_pod(sum)],
    )
}

#[allow(
    clippy::cast_precision_loss,
    reason = "memory of a Pod is far below 2^52 bytes"
)]
fn per_pod(bytes: i64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "memory of a process is far below 2^52 KiB"
)]
fn kibi(value: u64) -> f64 {
    value as f64 / 1024.0
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of a benchmark are far below 2^52"
)]
fn thousandth(value: u64) -> f64 {
    value as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown(Scale);

    impl fmt::Display for Shown {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            table(out, &self.0)
        }
    }

    #[test]
    fn the_agents_memory_is_summed_and_rates_follow_from_times() {
        let growth = |bytes_per_pod| Growth {
            without_kib: 10_240,
            with_kib: 20_480,
            bytes_per_pod,
        };
        let memory = [("etcd", 4096), ("syncer", 10_240), ("vkubelet", 20_480)];
        let text = Shown(Scale {
            pods: 500,
            native_ms: 10_000,
            tenant_ms: 12_500,
            ratio: Some(1.25),
            bound_to_host_pod: None,
            memory: memory
                .map(|(name, bytes)| (name.to_owned(), growth(bytes)))
                .into(),
        })
        .to_string();
        let has = |words: &[&str]| {
            let is = |line: &str| line.split_whitespace().eq(words.iter().copied());
            assert!(text.lines().any(is), "{words:?} in {text}");
        };
        has(&["all", "Running,", "in", "a", "tenant", "12.5", "40"]);
        has(&["tenant", "to", "host", "1.25"]);
        has(&["etcd", "10.0", "20.0", "4.0"]);
        has(&["syncer", "and", "vkubelet", "30.0"]);
    }
}
