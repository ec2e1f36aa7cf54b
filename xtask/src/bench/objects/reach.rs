//! How long it takes from the creation of a Service until a connection to its address is accepted: on the host itself and
//! in a tenant. One Pod serves all, and is ready before.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, PostParams},
    runtime::{conditions::is_deleted, wait::await_condition},
};
use serde_json::json;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use warren_devhost::images::AGNHOST_IMAGE;

use super::super::pods::{self, Times};

const APP: &str = "reach";
const PORT: u16 = 8080;
const DEADLINE: Duration = Duration::from_mins(1);
/// How long one try may take: packets to an address that nobody has programmed are dropped, not refused.
const TRY: Duration = Duration::from_millis(20);
/// Between tries that are refused at once.
const PAUSE: Duration = Duration::from_millis(2);

/// Creates `turns` Services on each side, by turns.
pub(super) async fn measure(
    host: &Client,
    native: &str,
    tenant: &Client,
    inner: &str,
    turns: u8,
) -> Result<Times> {
    for (client, namespace) in [(host, native), (tenant, inner)] {
        serve(&pods::api(client, namespace)).await?;
    }
    let mut times = Times::default();
    for turn in 1..=turns {
        let one = |client: &Client, namespace: &str| one(Api::namespaced(client.clone(), namespace), turn);
        times.native.push(one(host, native).await.context("on the host")?);
        times
            .tenant
            .push(one(tenant, inner).await.context("in the tenant")?);
    }
    Ok(times)
}

async fn one(api: Api<Service>, turn: u8) -> Result<Duration> {
    let service = json!({
        "metadata": {"name": format!("{APP}-{turn}")},
        "spec": {"selector": {"app": APP}, "ports": [{"port": 80, "targetPort": PORT}]},
    });
    let service: Service = serde_json::from_value(service).context("the Service to measure with is none")?;
    let begun = Instant::now();
    let made = api.create(&PostParams::default(), &service).await;
    let made = made.context("failed to create the Service")?;
    let address = made.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
    let address = address.context("a Service without an address")?;
    loop {
        match timeout(TRY, TcpStream::connect((address.as_str(), 80))).await {
            Ok(Ok(_connection)) => break,
            Ok(Err(_refused)) => sleep(PAUSE).await,
            Err(_dropped) => {}
        }
        if begun.elapsed() > DEADLINE {
            bail!("{address} was not reached in {} s", DEADLINE.as_secs());
        }
    }
    let took = begun.elapsed();
    let (name, uid) = (made.name_any(), made.uid().unwrap_or_default());
    api.delete(&name, &DeleteParams::default())
        .await
        .context("failed to delete the Service")?;
    timeout(DEADLINE, await_condition(api, &name, is_deleted(&uid)))
        .await
        .with_context(|| format!("Service {name} was not gone in {} s", DEADLINE.as_secs()))?
        .context("failed to watch the Service")?;
    Ok(took)
}

/// Starts the Pod behind the Services and waits until it is ready.
async fn serve(api: &Api<Pod>) -> Result<()> {
    let mut pod = pods::pod(APP, 0)?;
    pod.labels_mut().insert("app".to_owned(), APP.to_owned());
    let container = pod.spec.as_mut().and_then(|spec| spec.containers.first_mut());
    let container = container.context("a Pod without containers")?;
    container.image = Some(AGNHOST_IMAGE.to_owned());
    container.args = Some(vec!["netexec".to_owned(), format!("--http-port={PORT}")]);
    let probe = json!({"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1});
    container.readiness_probe = serde_json::from_value(probe).context("the probe is none")?;
    api.create(&PostParams::default(), &pod)
        .await
        .context("failed to create the Pod behind the Services")?;
    let is_ready = await_condition(api.clone(), APP, is_ready);
    timeout(DEADLINE, is_ready)
        .await
        .with_context(|| format!("Pod {APP} was not ready in {} s", DEADLINE.as_secs()))?
        .map(drop)
        .context("failed to watch the Pod behind the Services")
}

fn is_ready(pod: Option<&Pod>) -> bool {
    let conditions = pod
        .and_then(|pod| pod.status.as_ref())
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}
