//! The request to the tenant's signer: sent, and read again for its answer.

use k8s_openapi::api::certificates::v1::PodCertificateRequest;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Api;
use kube::api::{DynamicObject, PostParams, TypeMeta};
use warren_runtime::act;
use warren_translate::kinds::pod_certificate::{Answer, Requester, answer, request};

use super::Subject;
use crate::certificates::Asked;
use crate::error::Result;

impl Subject<'_> {
    /// The signer's answer. `None` for a request that is gone.
    pub(super) async fn answer(&self, name: &str) -> Result<Option<Answer>> {
        let Some((api, _)) = self.requests() else {
            return Ok(None);
        };
        let what = format!("read PodCertificateRequest {name}");
        let found = act::call(what, api.get_opt(name)).await?;
        Ok(found.map(typed).transpose()?.as_ref().map(answer))
    }

    pub(super) fn requests(&self) -> Option<(Api<DynamicObject>, TypeMeta)> {
        let client = self.ctx.tenant_client.client();
        let namespace = &self.key.tenant.namespace;
        self.ctx.tenant.certificates.requests(client, namespace)
    }

    /// Everything that the request names is read now, so that it is of this Pod as the tenant has it.
    pub(super) async fn send(&self, api: &Api<DynamicObject>, types: TypeMeta) -> Result<Asked> {
        let Self { ctx, key, need, .. } = self;
        let nodes: Api<Node> = Api::all(ctx.tenant_client.client());
        let accounts: Api<ServiceAccount> = ctx.tenant_api(&key.tenant.namespace);
        let (node, account) = tokio::try_join!(
            act::call("read the Pod's Node", nodes.get_metadata(&self.node)),
            act::call(
                "read the Pod's ServiceAccount",
                accounts.get_metadata(&need.service_account)
            ),
        )?;
        let made = ctx.certificates.make(need.key_type.clone()).await?;
        let by = Requester {
            pod: &key.tenant,
            pod_uid: self.uid,
            node: &self.node,
            node_uid: node.metadata.uid.as_deref().unwrap_or_default(),
            service_account_uid: account.metadata.uid.as_deref().unwrap_or_default(),
        };
        let request = of_type(&request(&by, need, made.stub), types)?;
        let params = PostParams::default();
        let created = act::call("create a PodCertificateRequest", api.create(&params, &request)).await?;
        ctx.wrote();
        Ok(Asked {
            request: created.metadata.name.unwrap_or_default(),
            private_key: made.private_key,
        })
    }
}

/// A request of any version: they have the same fields.
fn typed(object: DynamicObject) -> Result<PodCertificateRequest> {
    let object = DynamicObject {
        types: Some(TypeMeta::resource::<PodCertificateRequest>()),
        ..object
    };
    Ok(serde_json::from_value(serde_json::to_value(object)?)?)
}

/// The request in the version that the tenant serves.
fn of_type(request: &PodCertificateRequest, types: TypeMeta) -> Result<DynamicObject> {
    let mut object: DynamicObject = serde_json::from_value(serde_json::to_value(request)?)?;
    object.types = Some(types);
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_an_older_version_reads_the_same() {
        let object: DynamicObject = serde_json::from_value(serde_json::json!({
            "apiVersion": "certificates.k8s.io/v1beta1", "kind": "PodCertificateRequest",
            "metadata": { "name": "req-1", "namespace": "a" },
            "spec": { "nodeName": "n", "nodeUID": "n", "podName": "p", "podUID": "p", "serviceAccountName": "s",
                "serviceAccountUID": "s", "signerName": "a/b", "stubPKCS10Request": "c3R1Yg==" },
        }))
        .unwrap();
        let request = typed(object.clone()).unwrap();
        assert_eq!(request.spec.stub_pkc_s10_request.0, b"stub");
        let types = object.types.clone().unwrap();
        assert_eq!(of_type(&request, types).unwrap(), object);
    }
}
