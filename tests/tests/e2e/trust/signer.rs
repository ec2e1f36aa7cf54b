//! A signer of pod certificates, played by the story.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::certificates::v1::PodCertificateRequest;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use time::OffsetDateTime;
use warren_tests::Tenant;

/// A certificate authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one, self-signed.
    pub(super) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).context("failed to describe the authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().context("failed to make the authority's key")?;
        let certificate = params.self_signed(&key).context("failed to sign the authority")?;
        Ok(Self {
            pem: certificate.pem().replace("\r\n", "\n"),
            issuer: Issuer::new(params, key),
        })
    }

    /// Its certificate.
    pub(super) fn pem(&self) -> String {
        self.pem.clone()
    }
}

async fn open_requests(tenant: &Tenant) -> Result<Vec<PodCertificateRequest>> {
    let items = tenant.items(&["podcertificaterequests", "-A"]).await?;
    let requests = items.into_iter().map(serde_json::from_value);
    let requests: Vec<PodCertificateRequest> = requests.collect::<Result<_, _>>()?;
    let is_open = |request: &PodCertificateRequest| {
        let conditions = request
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_ref());
        conditions.is_none_or(Vec::is_empty)
    };
    Ok(requests.into_iter().filter(is_open).collect())
}

/// Signs every open request to `test.example/mesh`: for an hour, to be renewed after half of it.
pub(super) async fn sign(tenant: &Tenant, authority: &Authority) -> Result<()> {
    for request in open_requests(tenant).await? {
        if request.spec.signer_name == "test.example/mesh" {
            answer(tenant, &request, &issued(authority, &request)?).await?;
        }
    }
    Ok(())
}

/// Denies the open requests to `signer`.
///
/// # Errors
/// When there is none.
pub(super) async fn deny(tenant: &Tenant, signer: &str) -> Result<()> {
    let requests = open_requests(tenant).await?;
    let request = requests.iter().find(|request| request.spec.signer_name == signer);
    let request = request.with_context(|| format!("no open request to {signer}"))?;
    answer(
        tenant,
        request,
        &json!({ "conditions": [condition("Denied", "NotToday")] }),
    )
    .await
}

fn issued(authority: &Authority, request: &PodCertificateRequest) -> Result<Value> {
    let begin = Timestamp::from_second(Timestamp::now().as_second())?;
    let end = begin + SignedDuration::from_hours(1);
    let mut stub =
        CertificateSigningRequestParams::from_der(&request.spec.stub_pkc_s10_request.0.clone().into())
            .context("the request holds no PKCS#10 request")?;
    stub.params.not_before = OffsetDateTime::from_unix_timestamp(begin.as_second())?;
    stub.params.not_after = OffsetDateTime::from_unix_timestamp(end.as_second())?;
    let leaf = stub.signed_by(&authority.issuer).context("failed to sign")?;
    let chain = format!(
        "leaf:\n{}issuer:\n{}",
        leaf.pem().replace("\r\n", "\n"),
        authority.pem()
    );
    Ok(json!({
        "conditions": [condition("Issued", "Issued")],
        "certificateChain": chain,
        "notBefore": begin.to_string(),
        "notAfter": end.to_string(),
        "beginRefreshAt": (begin + SignedDuration::from_mins(30)).to_string(),
    }))
}

fn condition(type_: &str, reason: &str) -> Value {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    json!({ "type": type_, "status": "True", "reason": reason, "message": "", "lastTransitionTime": now.to_string() })
}

async fn answer(tenant: &Tenant, request: &PodCertificateRequest, status: &Value) -> Result<()> {
    let name = request
        .metadata
        .name
        .as_deref()
        .context("a request without name")?;
    let namespace = request.metadata.namespace.as_deref().unwrap_or("default");
    ensure!(
        !request.spec.stub_pkc_s10_request.0.is_empty(),
        "no proof of possession"
    );
    let patch = json!({ "status": status }).to_string();
    let patch = [
        "patch",
        "podcertificaterequest",
        name,
        "-n",
        namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    tenant.kubectl(&patch).await.map(drop)
}
