//! What the gate answers itself: the kubelet API of all virtual Nodes, and `metrics.k8s.io`.

use std::sync::Arc;

use warren_runtime::limits::SESSIONS;

use super::Process;
use crate::args::Args;
use crate::metrics_api::serve::MetricsApi;
use crate::server::api::Kubelet;
use crate::server::find::Finder;
use crate::server::pages::Facts;
use crate::server::review::Reviews;
use crate::server::session::Sessions;
use crate::usage::Meter;

impl Process {
    /// Both, with one meter and one memory of reviews between them.
    pub(super) fn inside(&self, args: &Args) -> (Kubelet, MetricsApi) {
        let (context, stores) = (&self.context, &self.stores);
        let meter = Arc::new(Meter::new(
            context.host.client(),
            context.cluster.clone(),
            stores.host_pods.clone(),
            stores.tenant_pods.clone(),
            Arc::clone(&context.clock),
        ));
        let reviews = Arc::new(Reviews::new(context.tenant.client()));
        let kubelet = Kubelet {
            host: context.host.client(),
            finder: Finder {
                cluster: context.cluster.clone(),
                tenant_pods: stores.tenant_pods.clone(),
                host_pods: stores.host_pods.clone(),
            },
            ends: self.wakes.ends.clone(),
            meter: Arc::clone(&meter),
            reviews: Arc::clone(&reviews),
            facts: Facts {
                cluster_domain: args.cluster_domain.clone(),
                dns: (!args.dns_service_ip.is_empty()).then(|| args.dns_service_ip.clone()),
            },
            tenant_nodes: stores.tenant_nodes.clone(),
            leaves: Arc::clone(&context.leaves),
            sessions: Sessions::new(SESSIONS, context.own.sessions.clone()),
            own: context.own.clone(),
            closing: self.refusing.clone(),
        };
        let metrics_api = MetricsApi {
            meter,
            reviews,
            nodes: stores.tenant_nodes.clone(),
            leaves: Arc::clone(&context.leaves),
            own: context.own.clone(),
            clock: Arc::clone(&context.clock),
            closing: self.refusing.clone(),
        };
        (kubelet, metrics_api)
    }
}
