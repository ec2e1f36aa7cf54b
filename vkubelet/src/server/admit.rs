//! Who calls a virtual kubelet, and whether they may: before anything of the request is looked at.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use warren_crds::keys::KUBELET_CLIENT_USER;
use warren_runtime::log::Chain;

use super::answer::{Answer, text};
use super::attributes;
use super::review::{Reviews, User};

/// What the connection proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The tenant's kube-apiserver, by its certificate: it has asked its own authorizer already.
    Apiserver,
    /// A certificate of the right CA with a name that nobody has.
    Nobody,
    /// Nothing: a request must bring a token.
    Unproven,
}

impl Caller {
    /// By the common name of the client certificate, if there is one.
    pub fn of(common_name: Option<&str>) -> Self {
        match common_name {
            Some(KUBELET_CLIENT_USER) => Self::Apiserver,
            Some(_) => Self::Nobody,
            None => Self::Unproven,
        }
    }
}

/// One request, as far as it matters here.
pub struct Asked<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path, as it came.
    pub path: &'a str,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Which node's kubelet is asked.
    pub node: &'a str,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody knows who that is.
    Unknown,
    /// They may not; a kubelet's words.
    Forbidden(String),
    /// The tenant's API does not say whether they may; a kubelet's words.
    Unreviewed(String),
}

impl Refused {
    /// 401, 403 or 500.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Unknown => text(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden(message) => text(StatusCode::FORBIDDEN, message),
            Self::Unreviewed(message) => text(StatusCode::INTERNAL_SERVER_ERROR, message),
        }
    }
}

/// Lets the request pass: from the apiserver, or with a token of somebody who may.
///
/// # Errors
/// [`Refused`].
pub async fn admit(reviews: &Reviews, caller: Caller, asked: &Asked<'_>) -> Result<(), Refused> {
    let user = match caller {
        Caller::Apiserver => return Ok(()),
        Caller::Nobody => return Err(Refused::Unknown),
        Caller::Unproven => user(reviews, asked.headers).await?,
    };
    let wanted = attributes::of(asked.method, asked.path, asked.node);
    for attributes in &wanted {
        match reviews.may(&user, attributes).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "kubelet API: access not reviewed");
                let message = format!(
                    "Authorization error (user={}, verb={}, resource=nodes, subresource={})",
                    user.name, attributes.verb, attributes.subresource
                );
                return Err(Refused::Unreviewed(message));
            }
        }
    }
    Err(Refused::Forbidden(attributes::forbidden(&user.name, &wanted)))
}

async fn user(reviews: &Reviews, headers: &HeaderMap) -> Result<User, Refused> {
    let token = bearer(headers).ok_or(Refused::Unknown)?;
    match reviews.who(token).await {
        Ok(user) => user.ok_or(Refused::Unknown),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "kubelet API: token not reviewed");
            Err(Refused::Unknown)
        }
    }
}

/// The token of an `Authorization: Bearer …` header; several such headers are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_apiservers_name_is_known() {
        assert_eq!(Caller::of(Some(KUBELET_CLIENT_USER)), Caller::Apiserver);
        assert_eq!(Caller::of(Some("system:node:n1")), Caller::Nobody);
        assert_eq!(Caller::of(Some("")), Caller::Nobody);
        assert_eq!(Caller::of(None), Caller::Unproven);
    }

    #[test]
    fn a_token_is_read_from_exactly_one_bearer_header() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer  abc "]).as_deref(), Some("abc"));
        for none in [
            &[][..],
            &["Basic abc"],
            &["Bearer"],
            &["Bearer  "],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
