//! `warren create NAME`: makes a virtual cluster, and waits for it if asked.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Map, Value, json};

use crate::cluster::{self, Cluster};
use crate::exit::Failure;
use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::wait::state::Goal;
use crate::wait::{self, Target};
use crate::{hint, output, quantity, timespan};

/// Arguments of `create`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the virtual cluster, at most 40 characters
    name: String,
    /// Class that offers the images and sets the bounds [default: the host's default class]
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Kubernetes version, for example 1.37 [default: the class's]
    #[arg(long = "version", value_name = "VERSION", value_parser = minor_version)]
    kubernetes_version: Option<String>,
    /// How the API is reached from outside the host [default: ClusterIP]
    #[arg(long, value_enum, ignore_case = true, value_name = "TYPE")]
    expose: Option<Expose>,
    /// Keep its data in memory only: for throwaway clusters
    #[arg(long)]
    ephemeral: bool,
    /// Limit over everything it runs, for example requests.cpu=4; can be repeated
    #[arg(long, value_name = "RESOURCE=QUANTITY", value_parser = quantity::parse_pair, value_delimiter = ',')]
    quota: Vec<(String, String)>,
    /// Wait until it is ready
    #[arg(long)]
    wait: bool,
    /// How long to wait at most
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = timespan::parse)]
    timeout: Duration,
    /// Create nothing: have the host check it ('server'), or only print it ('client', with -o yaml)
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "server", conflicts_with = "wait")]
    dry_run: Option<DryRun>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Expose {
    /// Inside the host only; `connect` tunnels through the host's API
    #[value(name = "ClusterIP")]
    ClusterIp,
    /// On a port of every host node
    #[value(name = "NodePort")]
    NodePort,
    /// By the host's load balancer
    #[value(name = "LoadBalancer")]
    LoadBalancer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// The host checks it and keeps nothing
    Server,
    /// Nothing is sent
    Client,
}

/// Runs the command.
///
/// # Errors
/// What the host refuses, a timeout, …; see [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<()> {
    if command.dry_run == Some(DryRun::Client) {
        let manifest = manifest(&command, args.namespace.as_deref());
        let cluster = Cluster::new(serde_json::from_value(manifest)?)?;
        return super::done(args, &cluster, "created (dry run, nothing sent)");
    }
    let host = Host::new(args).await?;
    let created = create(&host, &command).await?;
    if command.dry_run.is_some() {
        return super::done(args, &created, "created (dry run by the host)");
    }
    if !command.wait {
        super::done(args, &created, "created")?;
        if !args.quiet && !args.is_machine_format() {
            output::note(&format!(
                "see how far it is: {} get {} -n {}",
                args.program, command.name, host.namespace
            ));
        }
        return Ok(());
    }
    if !args.is_machine_format() {
        super::done(args, &created, "created")?;
    }
    let target = Target {
        name: command.name.clone(),
        uid: created.object.metadata.uid.clone(),
        goal: Goal::Ready,
        limit: command.timeout,
    };
    let ready = wait::until(&host, args, &target).await?;
    if args.is_machine_format() {
        super::done(args, &ready.unwrap_or(created), "ready")?;
    } else if !args.quiet {
        output::note(&format!(
            "try: {} connect {} -n {} -- kubectl get nodes",
            args.program, command.name, host.namespace
        ));
    }
    Ok(())
}

async fn create(host: &Host, command: &Args) -> Result<Cluster> {
    let object: DynamicObject = serde_json::from_value(manifest(command, Some(&host.namespace)))?;
    let params = PostParams {
        dry_run: command.dry_run.is_some(),
        field_manager: Some("warren-cli".to_owned()),
    };
    match cluster::api(host, Some(&host.namespace))
        .create(&params, &object)
        .await
    {
        Ok(created) => Cluster::new(created),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let (name, namespace, program) = (&command.name, &host.namespace, host.program);
            Err(Failure::error(format!(
                "there is a virtual cluster '{name}' in namespace '{namespace}' already"
            ))
            .hint(format!("use it: {program} connect {name} -n {namespace}"))
            .hint(format!(
                "or remove it first: {program} delete {name} -n {namespace} --wait"
            ))
            .into())
        }
        Err(error) => {
            Err(hint::explain(host, cluster::attempt("create", Some(&host.namespace)), &error).into())
        }
    }
}

/// The object to create: only what was asked for, so that defaults stay the class's and the server's.
fn manifest(command: &Args, namespace: Option<&str>) -> Value {
    let mut spec = Map::new();
    if let Some(class) = &command.class {
        spec.insert("class".to_owned(), json!(class));
    }
    if let Some(version) = &command.kubernetes_version {
        spec.insert("version".to_owned(), json!(version));
    }
    if let Some(expose) = command.expose {
        spec.insert("access".to_owned(), json!({"expose": expose.service_type()}));
    }
    if command.ephemeral {
        spec.insert("datastore".to_owned(), json!({"etcd": {"ephemeral": true}}));
    }
    if !command.quota.is_empty() {
        let quota: BTreeMap<_, _> = command.quota.iter().cloned().collect();
        spec.insert("quota".to_owned(), json!(quota));
    }
    let mut metadata = Map::from_iter([("name".to_owned(), json!(command.name))]);
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    json!({
        "apiVersion": format!("{}/{}", warren_crds::GROUP, warren_crds::VERSION),
        "kind": "VirtualCluster",
        "metadata": metadata,
        "spec": spec,
    })
}

impl Expose {
    fn service_type(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// Takes `1.37` and `v1.37`; a patch release is the class's choice.
fn minor_version(text: &str) -> Result<String, String> {
    let version = text.strip_prefix('v').unwrap_or(text);
    match version.split_once('.') {
        Some((major, minor))
            if [major, minor]
                .iter()
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())) =>
        {
            Ok(version.to_owned())
        }
        _ => {
            Err("must be a minor version such as '1.37'; the patch release is the class's choice".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use warren_crds::VirtualCluster;

    use super::*;
    use crate::lowargs::{Command, LowArgs};

    fn parse(line: &str) -> Args {
        let words = ["warren", "create"].into_iter().chain(line.split_whitespace());
        match LowArgs::try_parse_from(words).unwrap().command {
            Command::Create(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_asked_for_is_an_empty_spec() {
        insta::assert_json_snapshot!(manifest(&parse("ci-42"), None));
    }

    #[test]
    fn each_flag_reaches_its_field() {
        let args = parse(
            "ci-42 --class small --version v1.36 --expose nodeport --ephemeral --quota pods=50,requests.cpu=4 --quota requests.memory=8Gi",
        );
        let manifest = manifest(&args, Some("demo"));
        let typed: VirtualCluster = serde_json::from_value(manifest.clone()).unwrap();
        assert!(typed.spec.datastore.etcd.ephemeral);
        assert_eq!(typed.spec.access.expose.service_type(), "NodePort");
        insta::assert_json_snapshot!(manifest);
    }

    #[test]
    fn versions_are_minor_versions() {
        assert_eq!(minor_version("1.37"), Ok("1.37".to_owned()));
        for bad in ["1.37.0", "37", "latest", "", "1."] {
            assert!(minor_version(bad).unwrap_err().contains("'1.37'"), "{bad}");
        }
    }

    #[test]
    fn a_bare_dry_run_asks_the_host() {
        assert_eq!(parse("x --dry-run").dry_run, Some(DryRun::Server));
        assert_eq!(parse("x --dry-run=client").dry_run, Some(DryRun::Client));
        assert_eq!(parse("--dry-run x").name, "x");
    }
}
