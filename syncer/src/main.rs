//! The syncer's process: provider, flags, logging, run.

use clap::Parser;
use warren_runtime::{telemetry, tls};
use warren_syncer::args::Args;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tls::install_provider()?;
    let args = Args::parse();
    telemetry::init(args.common.log_format);
    warren_syncer::run::run(args).await?;
    Ok(())
}
