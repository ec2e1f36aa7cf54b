//! `cargo xtask conformance`: upstream's conformance suite against a tenant and against the host itself, and what
//! passes there but not here.

mod batches;
mod exceptions;
mod output;
mod progress;
mod report;
mod results;
mod runner;
mod spec;
mod suite;
mod tenant;
mod verdict;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::sync::watch;
use warren_devhost::{Host, Options, images::Archive};

use self::{
    results::Results,
    runner::Side,
    spec::Spec,
    suite::{Filter, Suite},
    verdict::{Sides, compare},
};
use crate::{stage::Stage, step::step};

/// Nodes of the embedded host: some specs want two.
const NODES: u8 = 2;

/// Arguments of `cargo xtask conformance`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Arguments {
    /// Only specs whose name matches this (Go's regular expressions).
    #[arg(long, value_name = "RE", default_value = r"\[Conformance\]")]
    focus: String,
    /// But not those whose name matches this.
    #[arg(long, value_name = "RE")]
    skip: Option<String>,
    /// Run against the host itself only.
    #[arg(long, conflicts_with = "tenant_only")]
    native_only: bool,
    /// Run against the tenant only, and compare with what is known of the host.
    #[arg(long)]
    tenant_only: bool,
    /// Go on where the last run ended: keep its virtual cluster and its results.
    #[arg(long)]
    resume: bool,
    /// Go on as with --resume, and of the results that are kept run again those that failed.
    #[arg(long)]
    failed: bool,
    /// Suite processes at once.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=32))]
    processes: u8,
    /// How often a spec that fails is run: from the second time on alone on the cluster.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=5))]
    attempts: u8,
    /// Class of the virtual cluster. The class `conformance` is made where it is missing.
    #[arg(long, default_value = tenant::NAME)]
    class: String,
    /// Stop after this many minutes; --resume goes on.
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// Use the running host with what is installed there; build and install nothing of Warren.
    #[arg(long)]
    as_is: bool,
    /// Print the names of the specs and run none.
    #[arg(long, conflicts_with = "write")]
    list: bool,
    /// At the end write the results of all specs of --focus into docs/conformance.md, and how many were not run.
    #[arg(long, conflicts_with = "native_only")]
    write: bool,
}

/// Runs the suite and prints the verdict. Not 0 if there is a difference without a reason, or a result is missing.
///
/// # Errors
/// If something that the run stands on is missing or fails; a spec that fails is no error.
pub(crate) fn run(root: &'static Path, arguments: &Arguments) -> Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(conformance(root, arguments))
}

async fn conformance(root: &Path, arguments: &Arguments) -> Result<ExitCode> {
    // First of all, because it is quickly said.
    let exceptions = exceptions::read(&root.join("docs/conformance-exceptions.toml"))?;
    let suite = step("the suite", Suite::build()).await?;
    let filter = Filter {
        focus: &arguments.focus,
        skip: arguments.skip.as_deref(),
    };
    let listing = suite.list(filter).await?;
    if arguments.list {
        for spec in &listing.specs {
            println!("{}", spec.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("    {} specs", listing.specs.len());
    let host = host(root, arguments).await?;
    // The suite calls it; `Host::exec` puts it into the path.
    host.kubectl().await?;
    // Serves until this function ends.
    let _registry = step("the suite's images", suite.load_images(&host)).await?;

    let place = Place::find(&host).await?;
    let stop = stop_after(arguments.minutes.map(|minutes| Duration::from_secs(minutes * 60)));
    let side = |name: &'static str, kubeconfig: PathBuf| Side {
        name,
        host: &host,
        suite: &suite,
        title: &listing.suite,
        kubeconfig,
        logs: place.dir.join(name),
        processes: arguments.processes.into(),
        attempts: arguments.attempts,
        stop: stop.clone(),
    };
    let mut native = Results::open(&place.results("native"))?;
    if !arguments.tenant_only {
        let side = side("native", host.inner_kubeconfig_path());
        let todo = todo(&listing.specs, &native, arguments.failed);
        run_side(&side, &todo, None, &mut native).await?;
    }
    let mut tenant = Results::open(&place.results("tenant"))?;
    if !arguments.native_only && !*stop.borrow() {
        let go_on = arguments.resume || arguments.failed;
        if !go_on {
            tenant.forget(&listing.specs)?;
        }
        let kubeconfig = place.dir.join("tenant.kubeconfig");
        let mut stopped = stop.clone();
        let prepared = async {
            let client = host.client().await?;
            tokio::select! {
                prepared = tenant::prepare(&client, &arguments.class, go_on, &kubeconfig) => prepared,
                _ = stopped.wait_for(|stopped| *stopped) => bail!("interrupted"),
            }
        };
        step("the virtual cluster", prepared).await?;
        let side = side("tenant", kubeconfig);
        let todo = todo(&listing.specs, &tenant, arguments.failed);
        run_side(&side, &todo, Some(&native), &mut tenant).await?;
    }
    let sides = if arguments.native_only {
        Sides::Native
    } else {
        Sides::Both
    };
    let verdict = compare(&listing.specs, sides, &native, &tenant, &exceptions);
    println!("{verdict}");
    if arguments.write {
        let compared = report::Compared {
            version: &place.version,
            specs: &listing.specs,
            native: &native,
            tenant: &tenant,
            exceptions: &exceptions,
        };
        report::write(&root.join("docs/conformance.md"), &compared)?;
    }
    Ok(if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Archives of every image that conformance specs pull.
///
/// # Errors
/// If one of them cannot be made.
pub(crate) async fn images() -> Result<Vec<Archive>> {
    Suite::build().await?.archives().await
}

/// A host, with Warren on it where a tenant is asked for.
async fn host(root: &Path, arguments: &Arguments) -> Result<Host> {
    let runs = || Host::attach()?.context("no host runs: leave --as-is out, or use `cargo xtask host up`");
    if arguments.as_is {
        return runs();
    }
    if arguments.native_only {
        return step("embedded host", Host::up(&Options::for_xtask(NODES)?)).await;
    }
    Stage::build(root).await?;
    runs()
}

/// Where results and logs are.
struct Place {
    dir: PathBuf,
    version: String,
}

impl Place {
    /// `~/.cache/warren/conformance/<version of the host>/`: another Kubernetes has other results.
    async fn find(host: &Host) -> Result<Self> {
        let version = host.client().await?.apiserver_version().await;
        let version = version
            .context("failed to ask the host for its version")?
            .git_version;
        let cache = warren_devhost::binaries::cache_dir()?;
        let parent = cache.parent().context("the cache has no parent")?;
        Ok(Self {
            dir: parent.join("conformance").join(&version),
            version,
        })
    }

    fn results(&self, side: &str) -> PathBuf {
        self.dir.join(format!("{side}.jsonl"))
    }
}

/// What has no result yet, and what failed if that is asked for.
fn todo(specs: &[Spec], results: &Results, failed: bool) -> Vec<Spec> {
    specs
        .iter()
        .filter(|spec| match results.last(&spec.name) {
            None => true,
            Some(record) => failed && record.outcome == results::Outcome::Failed,
        })
        .cloned()
        .collect()
}

/// Runs one side; what a spec took natively, or the last time, tells how to divide the work.
async fn run_side(
    side: &Side<'_>,
    todo: &[Spec],
    before: Option<&Results>,
    results: &mut Results,
) -> Result<()> {
    if todo.is_empty() {
        eprintln!("{}: every result is known", side.name);
        return Ok(());
    }
    let seconds: std::collections::BTreeMap<String, f64> = todo
        .iter()
        .filter_map(|spec| {
            let record = before.unwrap_or(results).last(&spec.name)?;
            Some((spec.name.clone(), record.seconds))
        })
        .collect();
    side.run(todo, |name| seconds.get(name).copied(), results).await
}

/// Becomes true after Ctrl-C, or when the time is over.
fn stop_after(limit: Option<Duration>) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let over = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // If no handler can be installed, Ctrl-C ends this program as it always did.
            Ok(()) = tokio::signal::ctrl_c() => eprintln!("interrupted: what runs is being ended"),
            () = over => eprintln!("the time is over: what runs is being ended"),
        }
        let _ = sender.send(true);
        // The last receiver is gone before this program ends, or not at all.
        sender.closed().await;
    });
    receiver
}
