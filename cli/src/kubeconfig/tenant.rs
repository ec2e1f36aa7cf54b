//! The credentials of one virtual cluster, taken from a kubeconfig that is not trusted.

use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

/// What is needed to reach a tenant's API. Everything else a kubeconfig can say is refused or left behind.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// URL of the tenant's API.
    pub(crate) server: String,
    cluster: Cluster,
    user: AuthInfo,
}

impl Tenant {
    /// Reads the current context of `text`.
    ///
    /// Whoever can write the Secret must not be able to run programs or read files on the machine of whoever uses
    /// it (SE-48): credential plugins, references to files and proxies are refused.
    ///
    /// # Errors
    /// A clause that says what is wrong, for people.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // The parser's message may quote the text, which holds a private key.
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| "it is not a kubeconfig".to_owned())?;
        let current = kubeconfig
            .current_context
            .as_deref()
            .filter(|name| !name.is_empty());
        let named = match current {
            Some(name) => kubeconfig.contexts.iter().find(|context| context.name == name),
            None => kubeconfig.contexts.first(),
        };
        let context = named
            .and_then(|named| named.context.as_ref())
            .ok_or("it has no current context")?;
        let cluster = kubeconfig
            .clusters
            .iter()
            .find(|named| named.name == context.cluster);
        let cluster = cluster
            .and_then(|named| named.cluster.as_ref())
            .ok_or("its context names no cluster")?;
        let user = kubeconfig
            .auth_infos
            .iter()
            .find(|named| Some(&named.name) == context.user.as_ref());
        let user = user
            .and_then(|named| named.auth_info.as_ref())
            .ok_or("its context names no user")?;
        Ok(Self {
            server: checked_server(cluster)?,
            cluster: Cluster {
                certificate_authority_data: cluster.certificate_authority_data.clone(),
                tls_server_name: cluster.tls_server_name.clone(),
                ..Cluster::default()
            },
            user: checked_user(user)?,
        })
    }

    /// A complete kubeconfig with one context, cluster and user called `name`, whose server is `server`.
    pub(crate) fn to_kubeconfig(&self, name: &str, server: &str) -> Kubeconfig {
        let cluster = Cluster {
            server: Some(server.to_owned()),
            ..self.cluster.clone()
        };
        let context = Context {
            cluster: name.to_owned(),
            user: Some(name.to_owned()),
            namespace: Some("default".to_owned()),
            ..Context::default()
        };
        Kubeconfig {
            kind: Some("Config".to_owned()),
            api_version: Some("v1".to_owned()),
            clusters: vec![NamedCluster {
                name: name.to_owned(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: name.to_owned(),
                auth_info: Some(self.user.clone()),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.to_owned(),
                context: Some(context),
                ..NamedContext::default()
            }],
            current_context: Some(name.to_owned()),
            ..Kubeconfig::default()
        }
    }
}

fn checked_server(cluster: &Cluster) -> Result<String, String> {
    let server = cluster
        .server
        .clone()
        .filter(|server| !server.is_empty())
        .ok_or("it names no server")?;
    let uri: http::Uri = server.parse().map_err(|_| "its server is not a URL".to_owned())?;
    if uri.scheme_str() != Some("https") || uri.host().is_none_or(str::is_empty) {
        return Err("its server is not an https URL".to_owned());
    }
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Err("it switches verification of the server off (`insecure-skip-tls-verify`)".to_owned());
    }
    for (field, value) in [
        ("certificate-authority", &cluster.certificate_authority),
        ("proxy-url", &cluster.proxy_url),
    ] {
        refuse(field, value.as_ref().is_some_and(|text| !text.is_empty()))?;
    }
    if cluster
        .certificate_authority_data
        .as_ref()
        .is_none_or(String::is_empty)
    {
        return Err("it has no `certificate-authority-data`".to_owned());
    }
    Ok(server)
}

fn checked_user(user: &AuthInfo) -> Result<AuthInfo, String> {
    refuse("exec", user.exec.is_some())?;
    refuse("auth-provider", user.auth_provider.is_some())?;
    let references = [
        ("client-certificate", &user.client_certificate),
        ("client-key", &user.client_key),
        ("tokenFile", &user.token_file),
    ];
    for (field, value) in references {
        refuse(field, value.as_ref().is_some_and(|text| !text.is_empty()))?;
    }
    let checked = AuthInfo {
        client_certificate_data: user.client_certificate_data.clone(),
        client_key_data: user.client_key_data.clone(),
        token: user.token.clone(),
        ..AuthInfo::default()
    };
    let has_certificate = checked.client_certificate_data.is_some() && checked.client_key_data.is_some();
    if has_certificate || checked.token.is_some() {
        Ok(checked)
    } else {
        Err("it holds no credentials".to_owned())
    }
}

fn refuse(field: &str, is_set: bool) -> Result<(), String> {
    if is_set {
        Err(format!("it sets `{field}`"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::output::machine;

    /// A kubeconfig as the operator writes it.
    pub(crate) const GOOD: &str = "
apiVersion: v1
kind: Config
current-context: warren
clusters:
- name: tenant
  cluster: {server: 'https://10.96.12.7:443', certificate-authority-data: Q0E=}
users:
- name: admin
  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
contexts:
- name: warren
  context: {cluster: tenant, user: admin}
";

    #[test]
    fn what_the_operator_writes_comes_out_under_warrens_names() {
        let tenant = Tenant::parse(GOOD).unwrap();
        assert_eq!(tenant.server, "https://10.96.12.7:443");
        let kubeconfig = tenant.to_kubeconfig("warren/demo/ci-42", "https://127.0.0.1:40001");
        insta::assert_snapshot!(machine::to_yaml(&kubeconfig).unwrap());
    }

    #[test]
    fn a_name_to_verify_the_server_by_is_kept() {
        let text = GOOD.replace(
            "certificate-authority-data",
            "tls-server-name: kubernetes, certificate-authority-data",
        );
        let kubeconfig = Tenant::parse(&text)
            .unwrap()
            .to_kubeconfig("x", "https://127.0.0.1:1");
        assert_eq!(
            kubeconfig.clusters[0]
                .cluster
                .as_ref()
                .unwrap()
                .tls_server_name
                .as_deref(),
            Some("kubernetes")
        );
    }

    #[test]
    fn whatever_could_run_or_read_something_here_is_refused() {
        let user = |extra: &str| {
            GOOD.replace(
                "{client-certificate-data",
                &format!("{{{extra}, client-certificate-data"),
            )
        };
        let cluster = |extra: &str| GOOD.replace("{server", &format!("{{{extra}, server"));
        let cases = [
            (
                user("exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh}"),
                "exec",
            ),
            (user("auth-provider: {name: oidc}"), "auth-provider"),
            (user("client-key: /home/me/.ssh/id_rsa"), "client-key"),
            (user("client-certificate: /etc/passwd"), "client-certificate"),
            (user("tokenFile: /etc/shadow"), "tokenFile"),
            (
                cluster("certificate-authority: /etc/passwd"),
                "certificate-authority",
            ),
            (cluster("proxy-url: 'http://evil'"), "proxy-url"),
            (
                cluster("insecure-skip-tls-verify: true"),
                "insecure-skip-tls-verify",
            ),
            (GOOD.replace("https://", "http://"), "https"),
            (
                GOOD.replace(", certificate-authority-data: Q0E=", ""),
                "certificate-authority-data",
            ),
            (
                GOOD.replace(
                    "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}",
                    "{username: x}",
                ),
                "credentials",
            ),
        ];
        for (text, word) in cases {
            let why = Tenant::parse(&text).unwrap_err();
            assert!(why.contains(word), "{word}: {why}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        let why = Tenant::parse("clusters: [{name: 1, cluster: 'SECRET").unwrap_err();
        assert_eq!(why, "it is not a kubeconfig");
    }
}
