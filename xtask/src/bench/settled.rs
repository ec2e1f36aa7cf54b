//! Waits until a tenant's agents have nothing to do, so that memory is that of what they keep.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use kube::Client;
use tokio::time::sleep;
use warren_crds::keys::ports;
use warren_devhost::inside;

use super::memory::{self, Running};

/// The agents' containers.
const AGENTS: [&str; 2] = ["syncer", "vkubelet"];
/// There must be nothing to do at so many looks in a row: work comes in waves, from one side and then from the other.
const LOOKS: u8 = 5;
/// Heartbeats of nodes and the like make so many rounds between two looks, Pods make more.
const ROUNDS_AT_REST: f64 = 20.0;
const DEPTH: &str = "warren_workqueue_depth";
const ROUNDS: &str = "warren_reconcile_total";
const INTERVAL: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_mins(3);

/// Waits until the queues of all agents in the namespace stay empty.
pub(super) async fn wait(client: &Client, namespace: &str) -> Result<()> {
    let agents: Vec<Running> = memory::running(client, namespace)
        .await?
        .into_iter()
        .filter(|running| AGENTS.contains(&running.container.as_str()))
        .collect();
    ensure!(!agents.is_empty(), "no agents in {namespace}");
    let begun = Instant::now();
    let (mut quiet, mut rounds) = (0, 0.0);
    while quiet < LOOKS {
        let (mut waiting, mut sum) = (0.0, 0.0);
        for agent in &agents {
            let metrics = metrics(agent)?;
            waiting += total(&metrics, DEPTH)?;
            sum += total(&metrics, ROUNDS)?;
        }
        let rests = waiting <= 0.0 && sum - rounds <= ROUNDS_AT_REST;
        quiet = if rests { quiet + 1 } else { 0 };
        if begun.elapsed() > DEADLINE {
            let (seconds, new) = (DEADLINE.as_secs(), sum - rounds);
            bail!("the agents have work after {seconds} s: {waiting} keys wait, {new} rounds in a second");
        }
        rounds = sum;
        sleep(INTERVAL).await;
    }
    Ok(())
}

/// An agent's metrics, from its own loopback: its policies let nobody in but Warren's operator.
fn metrics(agent: &Running) -> Result<String> {
    let pid = *agent
        .pids
        .first()
        .with_context(|| format!("{} has no process", agent.pod))?;
    inside::of_process(pid, || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, ports::HEALTH))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    })
    .with_context(|| format!("failed to read the metrics of {}", agent.pod))
}

/// Sum of a metric over its labels.
fn total(metrics: &str, name: &str) -> Result<f64> {
    let mut sum = None;
    for line in metrics.lines() {
        let labelled = line.strip_prefix(name).filter(|rest| rest.starts_with('{'));
        if let Some((_, value)) = labelled.and_then(|rest| rest.rsplit_once("} ")) {
            let value: f64 = value
                .parse()
                .with_context(|| format!("failed to read `{line}`"))?;
            *sum.get_or_insert(0.0) += value;
        }
    }
    sum.with_context(|| format!("no {name} among an agent's metrics"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let metrics = "# TYPE warren_workqueue_depth gauge\n\
                       warren_workqueue_depth{controller=\"pods\"} 3\n\
                       warren_workqueue_depth{controller=\"nodes\"} 1\n\
                       warren_reconcile_total{controller=\"pods\"} 77\n# EOF\n";
        assert!((total(metrics, DEPTH).unwrap() - 4.0).abs() < f64::EPSILON);
        assert!((total(metrics, ROUNDS).unwrap() - 77.0).abs() < f64::EPSILON);
    }

    #[test]
    fn no_queue_is_not_an_empty_one() {
        assert!(total("warren_reconcile_total{controller=\"pods\"} 77\n", DEPTH).is_err());
    }
}
