//! The command line as it was typed: flags, their environment variables, and clap's checks.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::cmd;

/// Whole Kubernetes clusters that run inside a Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(
    name = "warren",
    version,
    about,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 ok, 1 error, 2 usage, 3 timeout, 4 not ready; `connect` returns its command's.\n\
                  Flags come before environment variables, these before files."
)]
pub(crate) struct LowArgs {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Namespace of the virtual cluster on the host [default: the context's]
    #[arg(
        short,
        long,
        global = true,
        env = "WARREN_NAMESPACE",
        hide_env = true,
        value_name = "NAMESPACE"
    )]
    pub(crate) namespace: Option<String>,
    /// Context of the host's kubeconfig [default: its current context]
    #[arg(
        long,
        global = true,
        env = "WARREN_CONTEXT",
        hide_env = true,
        value_name = "CONTEXT"
    )]
    pub(crate) context: Option<String>,
    /// The host's kubeconfig [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(
        long,
        global = true,
        env = "WARREN_KUBECONFIG",
        hide_env = true,
        value_name = "FILE"
    )]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Output format: json, yaml, wide or name; the machine formats are stable
    // Not from the environment: a script that parses the output of one command must not change another.
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    pub(crate) output: Option<Format>,
    /// Only results and errors, no progress
    #[arg(
        short,
        long,
        global = true,
        env = "WARREN_QUIET",
        hide_env = true,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub(crate) quiet: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The object, or a `List` of them.
    Json,
    /// The same as YAML.
    Yaml,
    /// For people, with more columns.
    Wide,
    /// `virtualcluster.warren.dev/NAME`, one a line.
    Name,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a virtual cluster
    Create(cmd::create::Args),
    /// List virtual clusters
    #[command(visible_alias = "ls")]
    List(cmd::list::Args),
    /// Show one virtual cluster and the state of its parts
    Get(cmd::get::Args),
    /// Explain where something in a virtual cluster stands, and what would help
    Explain(cmd::explain::Args),
    /// Print a kubeconfig for a virtual cluster
    Kubeconfig(cmd::kubeconfig::Args),
    /// Run a command, or a shell, with a virtual cluster's kubeconfig
    Connect(cmd::connect::Args),
    /// Delete a virtual cluster and everything in it
    #[command(visible_alias = "rm")]
    Delete(cmd::delete::Args),
    /// Print the versions of this program, the operator and the host
    Version,
    /// Print a completion script
    Completion(cmd::completion::Args),
}

/// Parses the process's command line; usage lines begin with `kubectl warren` when kubectl started it.
///
/// # Errors
/// clap's error, which is also how `--help` and `--version` are asked for.
pub(crate) fn parse() -> Result<LowArgs, clap::Error> {
    let command = LowArgs::command().bin_name(program(std::env::args_os().next().as_deref().map(Path::new)));
    LowArgs::from_arg_matches(&command.try_get_matches()?)
}

/// How a person starts this program, judged by `argv0`.
pub(crate) fn program(argv0: Option<&Path>) -> &'static str {
    let is_plugin = argv0
        .and_then(Path::file_name)
        .and_then(std::ffi::OsStr::to_str)
        .is_some_and(|name| name.starts_with("kubectl-"));
    if is_plugin { "kubectl warren" } else { "warren" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault_with_the_definitions() {
        LowArgs::command().debug_assert();
    }

    #[test]
    fn kubectl_starts_it_by_another_name() {
        assert_eq!(
            program(Some(Path::new("/usr/bin/kubectl-warren"))),
            "kubectl warren"
        );
        assert_eq!(program(Some(Path::new("target/debug/warren"))), "warren");
        assert_eq!(program(None), "warren");
    }
}
