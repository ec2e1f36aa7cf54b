//! The binary: flags, then `run`.

use clap::Parser;
use warren_operator::{args::Args, run::run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Args::parse()).await
}
