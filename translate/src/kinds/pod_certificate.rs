//! PodCertificate projections: Warren plays the kubelet. What a Pod asks for, the request to the tenant's signer, the
//! host Secret with key and chain, when to renew.

mod needs;
mod secret;

pub use needs::{PodCertificateNeed, needs};
pub use secret::{CERTIFICATE_CHAIN, CREDENTIAL_BUNDLE, KEY, secret_name};
