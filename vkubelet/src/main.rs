//! The vkubelet's process: crypto provider, flags, run.

use clap::Parser;
use tikv_jemallocator::Jemalloc;
use warren_runtime::log::Chain;
use warren_runtime::{shutdown, telemetry, tls};
use warren_vkubelet::args::Args;
use warren_vkubelet::run;

// The C library's keeps the pages that a burst of Pods has touched.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

// Not one thread for each of the machine's cores: threads have heaps, and there are two agents a tenant.
#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    tls::install_provider()?;
    let args = Args::parse();
    telemetry::init(args.common.log_format);
    tracing::info!(
        cluster = args.common.cluster_id,
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );
    let closing = shutdown::install()?;
    if let Err(error) = run::run(args, closing).await {
        tracing::error!(error = %Chain(&error), "ended");
        return Err(error.into());
    }
    Ok(())
}
