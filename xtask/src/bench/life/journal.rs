//! Makes the host's apiserver log requests for a while, sets marks in the logs, and reads them.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, LogParams},
};
use warren_crds::VirtualCluster;
use warren_devhost::{
    Host,
    wait::{Look, until},
};

use super::super::clusters;

/// From this verbosity on a kube-apiserver logs every request.
pub(super) const VERBOSITY: &str = "3";
/// A kube-apiserver's verbosity unless its flags say otherwise, as the embedded host's do not.
const USUAL: &str = "0";
/// Name of the container, and of the embedded host's process.
const API_SERVER: &str = "kube-apiserver";
/// How long a line may take from the process into the log.
const DEADLINE: Duration = Duration::from_secs(10);

/// The host's log from here on.
pub(super) struct Journal<'a> {
    client: &'a Client,
    path: PathBuf,
    offset: u64,
}

impl<'a> Journal<'a> {
    /// Makes the host's apiserver log requests.
    pub(super) async fn begin(client: &'a Client, host: &Host) -> Result<Self> {
        let path = host.state().log(API_SERVER);
        let length = path.metadata().map(|metadata| metadata.len());
        let offset = length.with_context(|| format!("failed to look at {}", path.display()))?;
        set(client, VERBOSITY).await?;
        Ok(Self { client, path, offset })
    }

    /// Ends that and returns what was logged, up to a mark.
    pub(super) async fn end(self, mark: &str) -> Result<String> {
        lower(self.client).await?;
        until(
            "the mark in the host's log",
            Some(&self.path),
            DEADLINE,
            || async { look(self.read(), mark) },
        )
        .await
    }

    fn read(&self) -> Result<String> {
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.offset))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().with_context(|| format!("failed to read {}", self.path.display()))
    }
}

/// Makes the host's apiserver log as little as it usually does.
pub(in super::super) async fn lower(client: &Client) -> Result<()> {
    set(client, USUAL).await
}

async fn set(client: &Client, verbosity: &str) -> Result<()> {
    let request = http::Request::put("/debug/flags/v").body(verbosity.as_bytes().to_vec());
    let request = request.context("failed to ask for a verbosity")?;
    let answer = client.request_text(request).await;
    answer
        .map(drop)
        .context("failed to set the verbosity of the host's apiserver")
}

/// The log of a virtual cluster's apiserver, up to a mark.
pub(super) async fn tenant(client: &Client, cluster: &VirtualCluster, mark: &str) -> Result<String> {
    let api: Api<Pod> = Api::namespaced(client.clone(), clusters::system_namespace(cluster)?);
    let pods = api.list(&ListParams::default()).await;
    let pods = pods.context("failed to list the tenant's Pods")?;
    let pod = pods.iter().find(|pod| has_api_server(pod));
    let name = pod.context("the tenant has no apiserver")?.name_any();
    let parameters = LogParams {
        container: Some(API_SERVER.to_owned()),
        ..LogParams::default()
    };
    let read = || async {
        let text = api.logs(&name, &parameters).await;
        look(
            text.context("failed to read the log of the tenant's apiserver"),
            mark,
        )
    };
    until("the mark in the tenant's log", None, DEADLINE, read).await
}

fn has_api_server(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    // It is a sidecar, and those are among the init containers.
    let sidecars = spec.init_containers.iter().flatten();
    let mut all = sidecars.chain(&spec.containers);
    all.any(|container| container.name == API_SERVER)
}

fn look(text: Result<String>, mark: &str) -> Look<String> {
    match text {
        Ok(text) if text.contains(mark) => Look::Ready(text),
        Ok(_) => Look::NotYet("no mark".to_owned()),
        Err(error) => Look::Never(format!("{error:#}")),
    }
}

/// Text of a mark. With the process's id: the log may hold marks of an earlier run.
pub(super) fn mark(name: &str, edge: &str) -> String {
    format!("/version?bench={}-{name}-{edge}", std::process::id())
}

/// Sets a mark: a request that the log shows, between those before and those after it.
pub(super) async fn note(client: &Client, mark: &str) -> Result<()> {
    let request = http::Request::get(mark).body(Vec::new());
    let request = request.context("failed to make a mark")?;
    let answer = client.request_text(request).await;
    answer.map(drop).context("failed to set a mark")
}
