//! The syncer's process: provider, flags, logging, run.

use clap::Parser;
use tikv_jemallocator::Jemalloc;
use warren_runtime::{telemetry, tls};
use warren_syncer::args::Args;

// The C library's keeps the pages that a burst of Pods has touched.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

// Not one thread for each of the machine's cores: threads have heaps, and there are two agents a tenant.
#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    tls::install_provider()?;
    let args = Args::parse();
    telemetry::init(args.common.log_format);
    warren_syncer::run::run(args).await?;
    Ok(())
}
