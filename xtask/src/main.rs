//! Warren's development commands: `cargo xtask --help`.
#![allow(
    clippy::print_stdout,
    reason = "a command line program: standard output is its product"
)]

mod bench;
mod cargo;
mod chart;
mod conformance;
mod crds;
mod demo;
mod host;
mod images;
mod stage;
mod step;
mod test;
mod tidy;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};

/// Development commands of Warren.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The embedded host cluster: a real Kubernetes on this machine, without Docker.
    Host(host::Arguments),
    /// Build all images as archives, without Docker, and load them into the running host.
    Images(images::Arguments),
    /// From nothing to a Deployment that answers in a tenant's cluster: host, images, chart, virtual cluster.
    Demo(demo::Arguments),
    /// Unit, property and golden tests, then the end-to-end stories on the embedded host.
    Test(test::Arguments),
    /// What a tenant costs: start, memory, Pods and requests, measured against the host itself.
    Bench(bench::Arguments),
    /// Upstream's conformance suite against a tenant and against the host itself, and the difference.
    Conformance(conformance::Arguments),
    /// Write the generated CRD YAML.
    Crds(crds::Arguments),
    /// File sizes, first lines, crate graph, banned dependencies, generated files, what the chart grants.
    Tidy,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Another part of the program may have installed it; either is the same ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = match arguments.command {
        Command::Host(arguments) => host::run(arguments),
        Command::Images(arguments) => images::run(root(), &arguments).map(|()| ExitCode::SUCCESS),
        Command::Demo(arguments) => block_on(demo::run_demo(root(), &arguments)),
        Command::Test(arguments) => block_on(test::run_tests(root(), &arguments)),
        Command::Bench(arguments) => bench::run(root(), &arguments).map(|()| ExitCode::SUCCESS),
        Command::Conformance(arguments) => conformance::run(root(), &arguments),
        Command::Crds(arguments) => crds::run(root(), &arguments).map(|()| ExitCode::SUCCESS),
        Command::Tidy => tidy::run(root()).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// The checkout that this program was built from.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work).map(|()| ExitCode::SUCCESS)
}
