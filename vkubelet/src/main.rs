//! The vkubelet's process: crypto provider, flags, run.

use clap::Parser;
use warren_runtime::log::Chain;
use warren_runtime::{shutdown, telemetry, tls};
use warren_vkubelet::args::Args;
use warren_vkubelet::run;

#[tokio::main]
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
