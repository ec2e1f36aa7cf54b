//! What a virtual kubelet answers by itself: health, Pods, statistics, metrics, configuration.

use http::StatusCode;
use warren_runtime::store::ObjectKey;

use super::answer::{Answer, json, page, text};
use super::api::Kubelet;
use super::exposition::CONTENT_TYPE;
use super::route::{MetricsPage, Route};
use super::{own_metrics, resource_metrics, summary};
use crate::raw_pod::{KeptPod, Phase};

/// What a virtual kubelet says about itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Such as `cluster.local`.
    pub cluster_domain: String,
    /// ClusterIP of the tenant's DNS.
    pub dns: Option<String>,
}

impl Kubelet {
    /// The page of a route; `None` for routes that are streams.
    pub(super) async fn page(&self, name: &str, route: &Route) -> Option<Answer> {
        let answer = match route {
            Route::Healthz => text(StatusCode::OK, "ok"),
            Route::Pods => json(&self.finder.list(name, false)),
            Route::RunningPods => json(&self.finder.list(name, true)),
            Route::Configz => json(&own_metrics::configz(
                &self.facts.cluster_domain,
                self.facts.dns.as_deref(),
            )),
            Route::Summary => {
                let node = self.tenant_nodes.get(&ObjectKey::new("", name));
                let since = node.and_then(|node| Some(node.metadata.creation_timestamp.as_ref()?.0));
                json(&summary::summary(self.meter.now().await.as_deref(), name, since))
            }
            Route::Metrics(MetricsPage::Own) => metrics(own_metrics::metrics(name, self.running_pods(name))),
            Route::Metrics(MetricsPage::Slis) => metrics(own_metrics::slis()),
            Route::Metrics(MetricsPage::Probes) => metrics(String::new()),
            Route::Metrics(MetricsPage::Resource) => {
                let snapshot = self.meter.now().await;
                metrics(resource_metrics::resource(snapshot.as_deref(), name))
            }
            Route::Metrics(MetricsPage::Cadvisor) => {
                let snapshot = self.meter.now().await;
                metrics(resource_metrics::cadvisor(snapshot.as_deref(), name))
            }
            Route::Logs { .. } | Route::Exec { .. } | Route::Attach { .. } | Route::PortForward { .. } => {
                return None;
            }
        };
        Some(answer)
    }

    fn running_pods(&self, node: &str) -> usize {
        let runs = |pod: &KeptPod| pod.facts().node_name == node && pod.facts().phase == Phase::Running;
        self.finder.tenant_pods.pick(|pod| runs(pod).then_some(())).len()
    }
}

fn metrics(content: String) -> Answer {
    page(content, CONTENT_TYPE)
}
