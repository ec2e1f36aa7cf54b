//! `warren kubeconfig NAME`: prints a kubeconfig for the virtual cluster.

use anyhow::Result;

use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::lowargs::Format;
use crate::output::{self, escape, machine};
use crate::{cluster, kubeconfig, reach};

/// Arguments of `kubeconfig`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the virtual cluster
    name: String,
}

/// Runs the command. When the tenant's address cannot be reached from here, it says so on stderr and still prints.
///
/// # Errors
/// See [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<()> {
    if matches!(args.output, Some(Format::Wide | Format::Name)) {
        super::no_output_format(args, "kubeconfig -o wide|name")?;
    }
    let host = Host::new(args).await?;
    let cluster = cluster::get(&host, &command.name).await?;
    let tenant = kubeconfig::fetch(&host, &cluster).await?;
    let whole = tenant.to_kubeconfig(&kubeconfig::context_name(&cluster), &tenant.server);
    let text = if args.output == Some(Format::Json) {
        machine::to_json(&whole)?
    } else {
        machine::to_yaml(&whole)?
    };
    output::print(&text)?;
    if let Err(why) = reach::probe(&tenant).await {
        // Not a remark that --quiet drops: whoever stores this kubeconfig must know.
        output::note(&escape::line(&format!(
            "warning: {} cannot be reached from here: {why}",
            tenant.server
        )));
        output::note(&escape::line(&format!(
            "hint: use a tunnel through the host's API instead: {} connect {} -n {} -- COMMAND",
            args.program,
            cluster.name(),
            cluster.namespace()
        )));
    }
    Ok(())
}
