//! The user that the tenant's kube-apiserver speaks for, from the headers of its front proxy. Pure.

use http::HeaderMap;

use crate::server::review::User;

/// Common name of the only certificate of the front-proxy CA that may speak for others.
pub const FRONT_PROXY: &str = "front-proxy-client";

const USER: &str = "x-remote-user";
const UID: &str = "x-remote-uid";
const GROUP: &str = "x-remote-group";
const EXTRA: &str = "x-remote-extra-";

/// The user; `None` when there is no name.
pub fn user(headers: &HeaderMap) -> Option<User> {
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let first = |name: &str| all(name).into_iter().next();
    let mut user = User {
        name: first(USER)?,
        uid: first(UID).unwrap_or_default(),
        groups: all(GROUP),
        ..User::default()
    };
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            user.extra.insert(unescaped(key), all(name.as_str()));
        }
    }
    Some(user)
}

/// Header names cannot hold everything, so keys come percent-encoded; what is not, stays as it is.
fn unescaped(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = if *first == b'%' { tail.get(..2) } else { None };
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (byte, read) = byte.map_or((*first, 0), |byte| (byte, 2));
        bytes.push(byte);
        rest = tail.get(read..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_not_text| key.to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_user_with_groups_and_extra() {
        let user = user(&headers(&[
            ("x-remote-user", "system:serviceaccount:a:b"),
            ("x-remote-uid", "1"),
            ("x-remote-group", "system:authenticated"),
            ("x-remote-group", "g"),
            ("x-remote-extra-authentication.kubernetes.io%2fpod-name", "p"),
            ("x-remote-extra-100%", "v"),
        ]))
        .unwrap();
        assert_eq!(
            (user.name.as_str(), user.uid.as_str()),
            ("system:serviceaccount:a:b", "1")
        );
        assert_eq!(user.groups, ["system:authenticated", "g"]);
        assert_eq!(user.extra["authentication.kubernetes.io/pod-name"], ["p"]);
        assert_eq!(user.extra["100%"], ["v"]);
    }

    #[test]
    fn without_a_name_there_is_nobody() {
        assert_eq!(user(&headers(&[("x-remote-group", "system:masters")])), None);
        assert_eq!(user(&headers(&[("x-remote-user", "")])), None);
    }
}
