//! What a `CONNECT` line asks for. Pure.

use std::fmt;
use std::net::IpAddr;

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Address(IpAddr),
    /// Anything else, in lower case: also `127.1` and `0x7f000001`, which some resolvers take for addresses.
    Name(String),
}

/// Host and port of a `CONNECT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Where to.
    pub host: Host,
    /// TCP port, never 0.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            Host::Address(address) => write!(f, "{address}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// Longest DNS name.
const NAME_MAX: usize = 253;

/// Reads `host:port`, `1.2.3.4:port` or `[::1]:port`; `None` for everything else.
pub fn parse(authority: &str) -> Option<Target> {
    let (host, port) = authority.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => Host::Address(IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?)),
        None => match host.parse() {
            Ok(address @ IpAddr::V4(_)) => Host::Address(address),
            Ok(IpAddr::V6(_)) => return None,
            Err(_not_an_address) => Host::Name(name(host)?),
        },
    };
    Some(Target { host, port })
}

fn name(host: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let fits = !host.is_empty() && host.len() <= NAME_MAX && host.bytes().all(plain);
    fits.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_names() {
        for (text, back) in [
            ("10.0.0.1:443", "10.0.0.1:443"),
            ("[fd00::1]:443", "[fd00::1]:443"),
            ("[::ffff:10.0.0.1]:443", "[::ffff:10.0.0.1]:443"),
            ("Web.Default.SVC:8443", "web.default.svc:8443"),
            ("127.1:80", "127.1:80"),
            ("0x7f000001:80", "0x7f000001:80"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), back, "{text}");
        }
        assert_eq!(parse("127.1:80").unwrap().host, Host::Name("127.1".to_owned()));
    }

    #[test]
    fn refuses_everything_that_is_not_exactly_host_and_port() {
        for text in [
            "",
            ":",
            ":80",
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:65536",
            "10.0.0.1:+80",
            "10.0.0.1:8 0",
            "fd00::1:443",
            "[fd00::1",
            "[fd00::1]443:1",
            "[fe80::1%eth0]:80",
            "[10.0.0.1]:80",
            "user@10.0.0.1:80",
            "10.0.0.1/x:80",
            "a%2fb:80",
            "a\u{0}b:80",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&format!("{}:80", "a".repeat(254))), None);
    }
}
