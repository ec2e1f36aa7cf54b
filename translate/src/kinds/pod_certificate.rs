//! PodCertificate projections: Warren plays the kubelet. What a Pod asks for, the request to the tenant's signer, what
//! to do next, the host Secret with key and chain.

mod needs;
mod plan;
mod request;
mod secret;

pub use needs::{PodCertificateNeed, needs};
pub use plan::{Next, Observed, next, warnings};
pub use request::{Answer, Requester, answer, request};
pub use secret::{
    CERTIFICATE_CHAIN, CREDENTIAL_BUNDLE, Credentials, KEY, REFRESH, Refresh, SOURCE, refresh, secret,
    secret_name, source_of,
};

#[cfg(test)]
mod tests;
