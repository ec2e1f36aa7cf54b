//! What a Pod needs before it starts: the syncer settles it, and says which Services have just changed.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::ListParams;
use tokio::time::timeout;
use warren_runtime::act;
use warren_runtime::limits::{CALL_TIMEOUT, LIST_PAGE};
use warren_runtime::proto::sync::EnsureDependenciesRequest;
use warren_runtime::proto::sync::dependency::State;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::pod::words;

use super::act::Pods;
use super::error::{Error, Result};
use super::pair::Pair;
use crate::raw_pod::RawPod;

/// Namespace and name of the Service that every Pod's environment names.
const API: (&str, &str) = ("default", "kubernetes");

impl Pods {
    /// Asks the syncer to settle everything that the Pod names; the Services whose addresses go into its environment.
    pub(super) async fn ensure_dependencies(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
    ) -> Result<Vec<Arc<Service>>> {
        let namespace = pair.key.namespace.as_str();
        let request = EnsureDependenciesRequest {
            namespace: namespace.to_owned(),
            name: pair.key.name.as_str().to_owned(),
            uid: tenant.uid().to_owned(),
        };
        let mut syncer = self.syncer.clone();
        let answer = match timeout(CALL_TIMEOUT, syncer.ensure_dependencies(request)).await {
            Ok(answer) => answer.map_err(|status| Error::Syncer(Box::new(status)))?,
            Err(_elapsed) => {
                let status = tonic::Status::deadline_exceeded("the syncer did not answer in time");
                return Err(Error::Syncer(Box::new(status)));
            }
        };
        let all = answer.into_inner().dependencies;
        if let Some(failed) = all.iter().find(|dependency| dependency.state() == State::Failed) {
            let what = format!("{} {}", failed.kind, failed.name);
            let note = words::cannot_be_brought(&what, &failed.message);
            self.tell_once(key, tenant, words::FAILED_DEPENDENCY, &note);
            return Err(Error::Dependency {
                what,
                message: failed.message.clone(),
            });
        }
        // Services that were settled just now have other addresses than the watch shows: the answer outran it.
        if all.iter().any(|dependency| dependency.kind == "Service") {
            return self.services_now(namespace).await;
        }
        Ok(self.known_services(pair))
    }

    /// The same Services as the watch shows them.
    pub(super) fn known_services(&self, pair: &Pair) -> Vec<Arc<Service>> {
        let namespace = pair.key.namespace.as_str();
        self.services.filter(|service| {
            let meta = &service.metadata;
            let place = (meta.namespace.as_deref(), meta.name.as_deref());
            place.0 == Some(namespace) || place == (Some(API.0), Some(API.1))
        })
    }

    async fn services_now(&self, namespace: &str) -> Result<Vec<Arc<Service>>> {
        let in_namespace: Api<Service> = Api::namespaced(self.tenant.clone(), namespace);
        let in_default: Api<Service> = Api::namespaced(self.tenant.clone(), API.0);
        let mut page = ListParams::default().limit(LIST_PAGE);
        let mut services = Vec::new();
        loop {
            let list = act::call("list Services", in_namespace.list(&page)).await?;
            services.extend(list.items.into_iter().map(Arc::new));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = ListParams::default().limit(LIST_PAGE).continue_token(&token),
                None => break,
            }
        }
        if namespace != API.0 {
            let api = act::call("get the Service of the API", in_default.get_opt(API.1)).await?;
            services.extend(api.map(Arc::new));
        }
        Ok(services)
    }
}
