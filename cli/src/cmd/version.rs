//! `warren version`: this program, the operator, the host.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::ListParams;
use serde::Serialize;

use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::lowargs::Format;
use crate::output::{self, escape, machine};

/// How long each question to the host may take: this command is also for when nothing works.
const LIMIT: Duration = Duration::from_secs(5);
/// Where the chart puts the operator by default.
const NAMESPACE: &str = "warren-system";
/// Labels of the operator's Deployment in the chart.
const LABELS: &str = "app.kubernetes.io/name=warren,app.kubernetes.io/component=operator";
/// Name of the operator's container image, before its tag.
const IMAGE: &str = "/operator";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    /// This program's.
    client: String,
    /// Image of the operator.
    operator_image: Option<String>,
    /// The host's kube-apiserver.
    host: Option<String>,
    /// Why something is missing above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

/// Runs the command. A host that does not answer is a remark, not an error.
///
/// # Errors
/// When stdout cannot be written to.
pub(crate) async fn run(args: &HiArgs) -> Result<()> {
    let mut versions = Versions {
        client: env!("CARGO_PKG_VERSION").to_owned(),
        operator_image: None,
        host: None,
        remarks: Vec::new(),
    };
    match Host::new(args).await {
        Ok(host) => ask(&host, &mut versions).await,
        Err(error) => versions.remarks.push(error.to_string()),
    }
    match args.output {
        Some(Format::Json) => output::print(&machine::to_json(&versions)?),
        Some(Format::Yaml) => output::print(&machine::to_yaml(&versions)?),
        Some(Format::Name) => output::line(&versions.client),
        Some(Format::Wide) | None => {
            output::print(&text(&versions))?;
            if !args.quiet {
                for remark in &versions.remarks {
                    output::note(&escape::line(remark));
                }
            }
            Ok(())
        }
    }
}

fn text(versions: &Versions) -> String {
    let or_unknown = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "unknown".to_owned(), escape::line)
    };
    format!(
        "client:   v{}\noperator: {}\nhost:     {}\n",
        versions.client,
        or_unknown(&versions.operator_image),
        or_unknown(&versions.host)
    )
}

async fn ask(host: &Host, versions: &mut Versions) {
    match tokio::time::timeout(LIMIT, host.client.apiserver_version()).await {
        Ok(Ok(info)) => versions.host = Some(info.git_version),
        Ok(Err(error)) => versions.remarks.push(format!(
            "{} does not answer: {}",
            host.label(),
            crate::hint::causes(&error)
        )),
        Err(_) => versions
            .remarks
            .push(format!("{} does not answer within {LIMIT:?}", host.label())),
    }
    if versions.host.is_none() {
        return;
    }
    match tokio::time::timeout(LIMIT, operator_image(host)).await {
        Ok(Ok(Some(image))) => versions.operator_image = Some(image),
        Ok(Ok(None)) => versions.remarks.push(
            "found no operator; install it: helm install warren helm/warren -n warren-system --create-namespace".to_owned(),
        ),
        Ok(Err(error)) => versions.remarks.push(format!("cannot look for the operator: {}", crate::hint::causes(&error))),
        Err(_) => versions.remarks.push("cannot look for the operator: no answer".to_owned()),
    }
}

/// Image of the operator: anywhere by its labels, or where the chart puts it, if only that may be read.
async fn operator_image(host: &Host) -> Result<Option<String>, kube::Error> {
    let labels = ListParams::default().labels(LABELS);
    let everywhere = Api::<Deployment>::all(host.client.clone()).list(&labels).await;
    let found = match everywhere {
        Err(kube::Error::Api(status)) if status.code == 403 => {
            Api::<Deployment>::namespaced(host.client.clone(), NAMESPACE)
                .list(&labels)
                .await?
        }
        other => other?,
    };
    Ok(found.items.iter().find_map(image))
}

fn image(deployment: &Deployment) -> Option<String> {
    let containers = &deployment.spec.template.spec.as_ref()?.containers;
    let images = || containers.iter().filter_map(|container| container.image.clone());
    images()
        .find(|image| image.contains(IMAGE))
        .or_else(|| images().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_said_to_be_unknown() {
        let versions = Versions {
            client: "0.1.0".to_owned(),
            operator_image: None,
            host: Some("v1.37.0".to_owned()),
            remarks: vec![],
        };
        insta::assert_snapshot!(text(&versions), @r"
        client:   v0.1.0
        operator: unknown
        host:     v1.37.0
        ");
    }
}
