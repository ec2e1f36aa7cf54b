//! `cargo xtask images`: builds all images as archives and loads them into the running host.
use anyhow::Result;
use clap::Args;

/// Arguments of `cargo xtask images`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Builds and loads.
pub(crate) fn run(_arguments: Arguments) -> Result<()> {
    Ok(())
}
