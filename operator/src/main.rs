//! The binary: flags, then `run`, or one short task.

use clap::Parser;
use warren_operator::args::{CommandLine, Task};
use warren_operator::{run::run, uninstall};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match CommandLine::parse() {
        CommandLine {
            task: Some(Task::CheckUninstall),
            ..
        } => uninstall::check().await,
        CommandLine { run: Some(args), .. } => run(args).await,
        CommandLine { .. } => anyhow::bail!("flags are missing: see --help"),
    }
}
