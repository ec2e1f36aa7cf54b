//! Asks the tenant's API who somebody is (`TokenReview`) and what they may do (`SubjectAccessReview`), and remembers
//! the answers for a while as a kubelet does.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use warren_runtime::act;

use super::cache::Cache;

/// How long a token is known (`authentication.webhook.cacheTTL` of a kubelet).
const KNOWN: Duration = Duration::from_mins(2);
/// How long a token is unknown, or a right refused: short, because people wait for what they were just given.
const REFUSED: Duration = Duration::from_secs(10);
/// How long a right is good. Shorter than a kubelet's five minutes: a right that was taken away should be gone.
const ALLOWED: Duration = Duration::from_secs(30);
/// Answers of either kind that are remembered.
const REMEMBERED: usize = 1024;
/// Longest token that is asked about; anything longer is none.
const TOKEN_MAX: usize = 16 * 1024;

/// A user of the tenant, as its authentication says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// User name.
    pub name: String,
    /// UID, empty for users that have none.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Whatever else the authenticator said, by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What somebody wants to do to a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// `get`, `create`, …; empty for methods that have no verb, which nobody but `*` may.
    pub verb: &'static str,
    /// API group, empty for the core one.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Plural of the kind.
    pub resource: &'static str,
    /// Subresource, or empty.
    pub subresource: &'static str,
    /// Namespace; empty for cluster-scoped resources and for all namespaces.
    pub namespace: String,
    /// Name, or empty.
    pub name: String,
}

/// Asks the tenant, and remembers.
pub struct Reviews {
    tenant: Client,
    users: Cache<[u8; 32], Option<User>>,
    rights: Cache<(User, Attributes), bool>,
}

impl Reviews {
    /// Asks with this client of the tenant.
    pub fn new(tenant: Client) -> Self {
        Self {
            tenant,
            users: Cache::new(REMEMBERED),
            rights: Cache::new(REMEMBERED),
        }
    }

    /// Whose token this is; `None` when it is nobody's. Only its hash is remembered.
    ///
    /// # Errors
    /// When the tenant's API does not say.
    pub async fn who(&self, token: &str) -> Result<Option<User>, act::Error> {
        if token.is_empty() || token.len() > TOKEN_MAX {
            return Ok(None);
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.users.get(&hash) {
            return Ok(known);
        }
        let review = TokenReview {
            metadata: ObjectMeta::default(),
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: None,
            },
            status: None,
        };
        let api: Api<TokenReview> = Api::all(self.tenant.clone());
        let answer = act::call("review a token", api.create(&PostParams::default(), &review)).await?;
        let user = user(answer);
        let life = if user.is_some() { KNOWN } else { REFUSED };
        self.users.put(hash, user.clone(), life);
        Ok(user)
    }

    /// Whether `user` may do this.
    ///
    /// # Errors
    /// When the tenant's API does not say.
    pub async fn may(&self, user: &User, wanted: &Attributes) -> Result<bool, act::Error> {
        let question = (user.clone(), wanted.clone());
        if let Some(known) = self.rights.get(&question) {
            return Ok(known);
        }
        let review = access_review(user, wanted);
        let api: Api<SubjectAccessReview> = Api::all(self.tenant.clone());
        let answer = act::call("review an access", api.create(&PostParams::default(), &review)).await?;
        let allowed = answer
            .status
            .is_some_and(|status| status.allowed && !status.denied.unwrap_or(false));
        self.rights
            .put(question, allowed, if allowed { ALLOWED } else { REFUSED });
        Ok(allowed)
    }
}

fn user(review: TokenReview) -> Option<User> {
    let status = review
        .status
        .filter(|status| status.authenticated.unwrap_or(false))?;
    let user = status.user?;
    Some(User {
        name: user.username.filter(|name| !name.is_empty())?,
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    })
}

fn access_review(user: &User, wanted: &Attributes) -> SubjectAccessReview {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let Attributes {
        verb,
        group,
        version,
        resource,
        subresource,
        namespace,
        name,
    } = wanted;
    SubjectAccessReview {
        metadata: ObjectMeta::default(),
        spec: SubjectAccessReviewSpec {
            user: text(&user.name),
            uid: text(&user.uid),
            groups: (!user.groups.is_empty()).then(|| user.groups.clone()),
            extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
            resource_attributes: Some(ResourceAttributes {
                verb: text(verb),
                group: text(group),
                version: text(version),
                resource: text(resource),
                subresource: text(subresource),
                namespace: text(namespace),
                name: text(name),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use http_body_util::BodyExt;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// A tenant that knows the token `known` and allows everything to everybody but to delete; and how often it was
    /// asked.
    fn tenant() -> (Client, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let service = tower::service_fn(move |request: Request<Body>| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let mut review: Value = serde_json::from_slice(&body).unwrap();
                let known = review["spec"]["token"] == "known";
                let allowed = review["spec"]["resourceAttributes"]["verb"] != "delete";
                review["status"] = json!({
                    "authenticated": known, "user": { "username": "u" }, "allowed": allowed,
                });
                Response::builder().body(Body::from(review.to_string().into_bytes()))
            }
        });
        (Client::new(service, "default"), asked)
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_asked_for_once_in_a_while() {
        let (client, asked) = tenant();
        let reviews = Reviews::new(client);
        let asked = || asked.load(Ordering::Relaxed);
        for _ in 0..3 {
            assert_eq!(reviews.who("known").await.unwrap().unwrap().name, "u");
            assert_eq!(reviews.who("unknown").await.unwrap(), None);
        }
        assert_eq!(asked(), 2);
        // Who is refused is asked about again soon, who is known later.
        tokio::time::advance(REFUSED).await;
        assert!(
            reviews.who("known").await.unwrap().is_some() && reviews.who("unknown").await.unwrap().is_none()
        );
        assert_eq!(asked(), 3);

        let wish = |verb| Attributes {
            verb,
            ..Attributes::default()
        };
        for _ in 0..2 {
            assert!(reviews.may(&User::default(), &wish("get")).await.unwrap());
            assert!(!reviews.may(&User::default(), &wish("delete")).await.unwrap());
        }
        assert_eq!(asked(), 5);
        tokio::time::advance(ALLOWED).await;
        assert!(reviews.may(&User::default(), &wish("get")).await.unwrap());
        assert_eq!(asked(), 6);
        // Nobody is asked about what can be no token.
        assert!(reviews.who("").await.unwrap().is_none());
        assert!(reviews.who(&"x".repeat(TOKEN_MAX + 1)).await.unwrap().is_none());
        assert_eq!(asked(), 6);
    }

    #[test]
    fn a_user_is_only_who_is_authenticated_and_named() {
        let read = |status: serde_json::Value| {
            let review = json!({ "metadata": {}, "spec": {}, "status": status });
            user(serde_json::from_value(review).unwrap())
        };
        let named = json!({ "username": "u", "uid": "1", "groups": ["g"], "extra": { "k": ["v"] } });
        let known = read(json!({ "authenticated": true, "user": named })).unwrap();
        assert_eq!((known.name.as_str(), known.groups), ("u", vec!["g".to_owned()]));
        assert_eq!(known.extra["k"], ["v"]);
        assert_eq!(read(json!({ "authenticated": false, "user": named })), None);
        assert_eq!(read(json!({ "user": named })), None);
        assert_eq!(
            read(json!({ "authenticated": true, "user": { "username": "" } })),
            None
        );
        assert_eq!(read(json!({ "authenticated": true })), None);
    }

    #[test]
    fn a_review_says_everything_about_user_and_wish() {
        let user = User {
            name: "u".to_owned(),
            uid: String::new(),
            groups: vec!["g".to_owned()],
            extra: [("k".to_owned(), vec!["v".to_owned()])].into(),
        };
        let wanted = Attributes {
            verb: "get",
            version: "v1",
            resource: "nodes",
            subresource: "metrics",
            name: "n1".to_owned(),
            ..Attributes::default()
        };
        let spec = serde_json::to_value(access_review(&user, &wanted).spec).unwrap();
        assert_eq!(
            spec,
            json!({
                "user": "u", "groups": ["g"], "extra": { "k": ["v"] },
                "resourceAttributes": {
                    "verb": "get", "version": "v1", "resource": "nodes", "subresource": "metrics", "name": "n1",
                },
            })
        );
    }
}
