//! `warren`, also `kubectl warren`: makes, shows, enters and deletes virtual clusters.
//!
//! Code map: [`lowargs`] what was typed · [`hiargs`] what was meant · [`cmd`] one command a file · [`host`]
//! the client of the host cluster · [`cluster`] reading `VirtualCluster`s · [`wait`] following conditions ·
//! [`kubeconfig`] everything about kubeconfigs · [`explain`] where a Pod stands ·
//! [`reach`] is the tenant's address reachable from here ·
//! [`tunnel`] the way through the host's API where it is not · [`child`] running a command · [`output`]
//! tables, JSON, YAML · [`hint`] what to do about an error · [`exit`] exit codes.
//!
//! **Invariant:** results go to stdout, everything else to stderr. **Invariant:** text that came from a
//! cluster is printed through [`output::escape`] only.

mod child;
mod cluster;
mod cmd;
mod exit;
mod explain;
mod hiargs;
mod hint;
mod host;
mod kubeconfig;
mod lowargs;
mod output;
mod quantity;
mod reach;
mod timespan;
mod tunnel;
mod wait;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let low = match lowargs::parse() {
        Ok(low) => low,
        Err(error) => return exit::usage(&error),
    };
    let (args, command) = hiargs::HiArgs::new(low);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error)),
    };
    let outcome = runtime.block_on(cmd::run(&args, command));
    // A tunnel's connections and a blocked DNS look-up must not keep the process alive.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
