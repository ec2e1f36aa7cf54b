//! The host cluster as this command sees it: which kubeconfig, which context, which namespace, a client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::exit::Failure;
use crate::hiargs::HiArgs;

/// How long a connection to the host's API may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The host cluster.
pub(crate) struct Host {
    /// Client of the host's API.
    pub(crate) client: Client,
    /// Namespace to work in.
    pub(crate) namespace: String,
    /// Name of the context in use; `None` inside a Pod.
    pub(crate) context: Option<String>,
    /// Address of the host's API, for messages.
    pub(crate) url: String,
    /// `warren` or `kubectl warren`.
    pub(crate) program: &'static str,
}

impl Host {
    /// Finds the kubeconfig (flag, `WARREN_KUBECONFIG`, `KUBECONFIG`, `~/.kube/config`, a Pod's own) and makes a client.
    ///
    /// # Errors
    /// When there is none, or it cannot be used. Nothing is sent to the host yet.
    pub(crate) async fn new(args: &HiArgs) -> Result<Self> {
        let (mut config, context) = match load(args.kubeconfig.as_deref())? {
            Some(kubeconfig) => {
                let context = context_name(&kubeconfig, args)?;
                let options = KubeConfigOptions {
                    context: Some(context.clone()),
                    ..KubeConfigOptions::default()
                };
                let config = Config::from_custom_kubeconfig(kubeconfig, &options)
                    .await
                    .map_err(|error| {
                        Failure::error(format!("context '{context}' cannot be used: {error}"))
                            .hint(format!("compare with: kubectl --context {context} version"))
                    })?;
                (config, Some(context))
            }
            None => (in_cluster()?, None),
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let namespace = args
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let url = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config)
            .map_err(|error| Failure::error(format!("cannot make a client for {url}: {error}")))?;
        Ok(Self {
            client,
            namespace,
            context,
            url,
            program: args.program,
        })
    }

    /// Names the host for messages: its context, or its address.
    pub(crate) fn label(&self) -> String {
        match &self.context {
            Some(context) => format!("context '{context}' ({})", self.url),
            None => self.url.clone(),
        }
    }
}

/// The files that kubectl would read, in its order; empty when there is only the Pod's own account.
pub(crate) fn files(flag: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = flag {
        return vec![path.to_owned()];
    }
    let listed: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|paths| {
            std::env::split_paths(&paths)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    if listed.is_empty() {
        default_file().into_iter().collect()
    } else {
        listed
    }
}

fn default_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube").join("config"))
}

/// Reads and merges the kubeconfig; `None` when no file exists. As in kubectl, a file asked for by flag must
/// exist, one listed in `KUBECONFIG` need not.
fn load(flag: Option<&Path>) -> Result<Option<Kubeconfig>> {
    let mut merged: Option<Kubeconfig> = None;
    for path in files(flag) {
        if flag.is_none() && !path.exists() {
            continue;
        }
        let next = Kubeconfig::read_from(&path).map_err(|error| unreadable(&path, &error))?;
        merged = Some(match merged {
            Some(first) => first.merge(next).map_err(|error| unreadable(&path, &error))?,
            None => next,
        });
    }
    Ok(merged)
}

fn unreadable(path: &Path, error: &KubeconfigError) -> Failure {
    Failure::error(format!("cannot use the kubeconfig '{}': {error}", path.display()))
        .hint("name another with --kubeconfig FILE or KUBECONFIG=FILE")
}

fn in_cluster() -> Result<Config> {
    Config::incluster().map_err(|_| {
        Failure::error("found no kubeconfig for the host cluster")
            .hint("name one with --kubeconfig FILE, KUBECONFIG=FILE, or put it at ~/.kube/config")
            .into()
    })
}

/// The context to use: asked for, or current; it must exist.
fn context_name(kubeconfig: &Kubeconfig, args: &HiArgs) -> Result<String> {
    let known = kubeconfig
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let wanted = args
        .context
        .as_ref()
        .or(kubeconfig.current_context.as_ref())
        .filter(|name| !name.is_empty());
    let Some(wanted) = wanted else {
        let hint = if known.is_empty() {
            "the kubeconfig has no contexts".to_owned()
        } else {
            format!("contexts: {known}")
        };
        return Err(Failure::error("the kubeconfig has no current context")
            .hint(hint)
            .hint("choose one with --context NAME")
            .into());
    };
    if kubeconfig.contexts.iter().any(|context| &context.name == wanted) {
        return Ok(wanted.clone());
    }
    let failure = Failure::error(format!("the kubeconfig has no context '{wanted}'"));
    Err(if known.is_empty() {
        failure
    } else {
        failure.hint(format!("contexts: {known}"))
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    const TWO: &str = "
        current-context: gone
        contexts:
        - {name: kind-a, context: {cluster: a, user: a}}
        - {name: kind-b, context: {cluster: b, user: b}}";

    fn args(context: Option<&str>) -> HiArgs {
        HiArgs {
            program: "warren",
            namespace: None,
            context: context.map(str::to_owned),
            kubeconfig: None,
            output: None,
            quiet: false,
            screen: crate::hiargs::Screen::default(),
        }
    }

    #[test]
    fn a_flag_beats_the_current_context() {
        let kubeconfig = Kubeconfig::from_yaml(TWO).unwrap();
        assert_eq!(
            context_name(&kubeconfig, &args(Some("kind-b"))).unwrap(),
            "kind-b"
        );
    }

    #[test]
    fn a_context_that_is_missing_lists_those_that_exist() {
        let kubeconfig = Kubeconfig::from_yaml(TWO).unwrap();
        let error = context_name(&kubeconfig, &args(None)).unwrap_err();
        insta::assert_snapshot!(exit::render(&error), @r"
        error: the kubeconfig has no context 'gone'
        hint: contexts: kind-a, kind-b
        ");
    }

    #[test]
    fn a_flag_names_the_only_file() {
        assert_eq!(files(Some(Path::new("/x/y"))), [PathBuf::from("/x/y")]);
    }
}
