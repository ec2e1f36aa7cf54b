//! `warren completion SHELL`: prints a completion script.

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::hiargs::HiArgs;
use crate::lowargs::LowArgs;
use crate::output;

/// Arguments of `completion`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell to complete in; for example: source <(warren completion bash)
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written to, or `-o` is set.
pub(crate) fn run(args: &HiArgs, command: &Args) -> Result<()> {
    super::no_output_format(args, "completion")?;
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut LowArgs::command(), "warren", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
