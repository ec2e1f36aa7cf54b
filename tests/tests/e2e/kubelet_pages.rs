//! What a virtual kubelet answers by itself, and what it refuses: through the node proxy, and to strangers.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use warren_devhost::command::output;
use warren_tests::{Tenant, eventually};

/// The kubelet itself, through the node proxy, in its own words. By curl: of most refusals kubectl shows only the code.
pub(super) async fn refusals(tenant: &Tenant) -> Result<()> {
    let node = node_of(tenant, "talker").await?;
    let cases = [
        ("/containerLogs/default/talker/app?tail=1", "200", "second 5"),
        (
            "/containerLogs/default/nobody/app",
            "404",
            "pod \"nobody\" does not exist",
        ),
        (
            "/containerLogs/default/talker/nobody",
            "404",
            "container \"nobody\" not found in pod \"talker\"",
        ),
        (
            "/containerLogs/default/talker/app?tailLines=x",
            "400",
            "Unable to decode query.",
        ),
        (
            "/containerLogs/default/talker/app?tailLines=-1",
            "422",
            "Invalid request.",
        ),
        (
            "/exec/default/nobody/app?command=sh&output=1",
            "404",
            "pod does not exist",
        ),
        (
            "/exec/default/talker/app?output=1",
            "400",
            "you must specify a command",
        ),
        (
            "/run/default/talker/app?cmd=id",
            "403",
            "not available in a virtual cluster",
        ),
        ("/logs/", "403", "not available in a virtual cluster"),
        ("/debug/pprof/", "403", "not available in a virtual cluster"),
        ("/flagz", "403", "not available in a virtual cluster"),
        (
            "/checkpoint/default/talker/app",
            "403",
            "not available in a virtual cluster",
        ),
        ("/no/such/page", "404", "404 page not found"),
    ];
    let mut script = "kubectl proxy --port=18084 >/dev/null 2>&1 & pid=$!; trap 'kill $pid' EXIT\n\
        for n in $(seq 100); do curl -sf http://127.0.0.1:18084/readyz >/dev/null && break; sleep 0.1; done\n"
        .to_owned();
    for (path, ..) in cases {
        let url = format!("http://127.0.0.1:18084/api/v1/nodes/{node}/proxy{path}");
        writeln!(
            script,
            "curl -s -w ' %{{http_code}}\\n' '{url}' | tr '\\n' ' '; echo"
        )?;
    }
    let told = output(tenant.command("sh")?.args(["-c", &script])).await?;
    let answers: Vec<&str> = told.lines().collect();
    ensure!(answers.len() == cases.len(), "{told}");
    for ((path, code, wanted), answer) in cases.iter().zip(answers) {
        let fits = answer.trim_end().ends_with(&format!(" {code}")) && answer.contains(wanted);
        ensure!(fits, "{path}: {answer}");
    }
    Ok(())
}

pub(super) async fn pages(tenant: &Tenant) -> Result<()> {
    let node = node_of(tenant, "web").await?;
    let page = |path: &'static str| {
        let path = format!("/api/v1/nodes/{node}/proxy{path}");
        async move { tenant.kubectl(&["get", "--raw", &path]).await }
    };
    ensure!(page("/healthz").await?.trim() == "ok");
    ensure!(page("/configz").await?.contains("\"kubeletconfig\""));
    let pods: Value = serde_json::from_str(&page("/pods").await?)?;
    let own = tenant
        .items(&["pods", "-A", &format!("--field-selector=spec.nodeName={node}")])
        .await?;
    let names = |items: &[Value]| {
        let mut names: Vec<String> = items
            .iter()
            .map(|pod| pod["metadata"]["uid"].to_string())
            .collect();
        names.sort();
        names
    };
    let listed = pods["items"].as_array().cloned().unwrap_or_default();
    ensure!(names(&listed) == names(&own), "/pods has {pods}");

    // Measurements come some seconds after the start.
    eventually("web is measured", Duration::from_secs(60), || async {
        let metrics = page("/metrics/resource").await?;
        ensure!(
            metrics.contains("container_memory_working_set_bytes{container=\"web\",pod=\"web\""),
            "{metrics}"
        );
        Ok(())
    })
    .await?;
    let summary: Value = serde_json::from_str(&page("/stats/summary?only_cpu_and_memory=true").await?)?;
    ensure!(summary["node"]["nodeName"] == node.as_str(), "{summary}");
    let measured = summary["pods"].as_array().into_iter().flatten();
    ensure!(
        measured.into_iter().any(|pod| pod["podRef"]["name"] == "web"),
        "{summary}"
    );
    for path in [
        "/pods",
        "/runningpods/",
        "/stats/summary",
        "/metrics",
        "/metrics/resource",
        "/metrics/cadvisor",
        "/metrics/probes",
        "/metrics/slis",
    ] {
        let shown = page(path).await?;
        for foreign in [tenant.workloads.as_str(), "warren-system", "metrics-server"] {
            ensure!(!shown.contains(foreign), "{path} shows {foreign}: {shown}");
        }
    }
    Ok(())
}

/// From a Pod of the tenant: the kubelet at its node's address and the egress gate tell nothing, the tenant's own token
/// or not.
pub(super) async fn strangers(tenant: &Tenant) -> Result<()> {
    let node = tenant
        .kubectl(&["get", "pod", "web", "-o", "jsonpath={.status.hostIP}"])
        .await?;
    for path in ["/pods", "/healthz", "/metrics/resource"] {
        for header in ["X-None: none", "Authorization: Bearer $(cat $TOKEN)"] {
            let script = format!(
                "TOKEN=/var/run/secrets/kubernetes.io/serviceaccount/token; \
                 curl -sk -w ' %{{http_code}}' -H \"{header}\" https://{node}:10250{path}"
            );
            let answer = tenant
                .kubectl(&["exec", "web", "--", "sh", "-c", &script])
                .await?;
            ensure!(
                answer.trim() == "Unauthorized 401",
                "{path} with {header}: {answer}"
            );
        }
    }
    let gate = tenant
        .stage
        .kubectl(&[
            "get",
            "service",
            "vkubelet",
            "-n",
            &tenant.system,
            "-o",
            "jsonpath={.spec.clusterIP}",
        ])
        .await?;
    let url = format!("https://{gate}:8132/pods");
    let answer = tenant
        .kubectl(&["exec", "web", "--", "curl", "-sk", "--max-time", "10", &url])
        .await;
    ensure!(
        answer.is_err(),
        "the gate answered without a certificate: {answer:?}"
    );
    Ok(())
}

async fn node_of(tenant: &Tenant, pod: &str) -> Result<String> {
    tenant
        .kubectl(&["get", "pod", pod, "-o", "jsonpath={.spec.nodeName}"])
        .await
}
