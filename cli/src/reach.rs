//! Whether a tenant's API can be reached from here, and whether it is that tenant's API.

use std::fmt;
use std::time::Duration;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::hint;
use crate::kubeconfig::Tenant;

/// How long the address may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// How long the API behind a connection that was accepted may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Why a server cannot be used from here: a clause for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable(pub(crate) String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tries the tenant's own address: first the bare connection, then a request.
///
/// The request matters because addresses of a host's Services are private ones: in this machine's network the same
/// address may belong to something else.
///
/// # Errors
/// [`Unreachable`] with the reason.
pub(crate) async fn probe(tenant: &Tenant) -> Result<(), Unreachable> {
    let (host, port) =
        host_and_port(&tenant.server).ok_or_else(|| Unreachable("its address is not a URL".to_owned()))?;
    match timeout(CONNECT_LIMIT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(Unreachable(error.to_string())),
        Err(_) => return Err(Unreachable(format!("no answer within {CONNECT_LIMIT:?}"))),
    }
    ask(tenant, &tenant.server, ANSWER_LIMIT).await
}

/// Asks the API at `server` for its version, with the tenant's credentials. Any answer over verified TLS will do.
///
/// # Errors
/// [`Unreachable`] with the reason.
pub(crate) async fn ask(tenant: &Tenant, server: &str, limit: Duration) -> Result<(), Unreachable> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(tenant.to_kubeconfig("tenant", server), &options).await;
    let mut config = config.map_err(|error| Unreachable(error.to_string()))?;
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|error| Unreachable(error.to_string()))?;
    match timeout(limit, client.apiserver_version()).await {
        Ok(Ok(_) | Err(kube::Error::Api(_))) => Ok(()),
        Ok(Err(error)) => {
            let causes = hint::causes(&error);
            // rustls goes on to list every name that would have been right.
            let why = causes.split(';').next().unwrap_or_default();
            Err(Unreachable(format!(
                "what answers there is not this tenant's API: {why}"
            )))
        }
        Err(_) => Err(Unreachable(format!(
            "it accepts connections but does not answer within {limit:?}"
        ))),
    }
}

/// Host (without the brackets of IPv6) and port of an https URL.
fn host_and_port(server: &str) -> Option<(String, u16)> {
    let uri: http::Uri = server.parse().ok()?;
    let host = uri
        .host()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    Some((host, uri.port_u16().unwrap_or(443)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::tenant::tests::GOOD;

    fn tenant_at(server: &str) -> Tenant {
        Tenant::parse(&GOOD.replace("https://10.96.12.7:443", server)).unwrap()
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(
            host_and_port("https://10.0.0.1:6443"),
            Some(("10.0.0.1".to_owned(), 6443))
        );
        assert_eq!(
            host_and_port("https://a.example/x"),
            Some(("a.example".to_owned(), 443))
        );
        assert_eq!(
            host_and_port("https://[fd00::1]:6443"),
            Some(("fd00::1".to_owned(), 6443))
        );
        assert_eq!(host_and_port("not a url"), None);
    }

    #[tokio::test]
    async fn a_closed_port_is_not_reachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let why = probe(&tenant_at(&format!("https://{address}")))
            .await
            .unwrap_err();
        assert!(why.0.contains("refused"), "{why}");
    }

    #[tokio::test]
    async fn something_else_at_the_address_is_not_the_tenant() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                drop(connection);
            }
        });
        probe(&tenant_at(&format!("https://{address}")))
            .await
            .unwrap_err();
        server.abort();
    }
}
