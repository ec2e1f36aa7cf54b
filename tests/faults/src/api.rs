//! One apiserver as its administrator sees it: paths and JSON.

use anyhow::{Context as _, Result};
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

/// One apiserver, past the proxy.
#[derive(Clone)]
pub struct Api(Client);

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// Of this administrator.
    pub const fn new(client: Client) -> Self {
        Self(client)
    }

    /// GET. Asked again when the apiserver closes the connection, as it may one that was at rest.
    ///
    /// # Errors
    /// What the apiserver has against it.
    pub async fn get(&self, path: &str) -> Result<Value> {
        match self.send(&Method::GET, path, None).await {
            Err(error) if refusal(&error).is_none() => self.send(&Method::GET, path, None).await,
            answered => answered,
        }
    }

    /// GET of what may not be there.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn find(&self, path: &str) -> Result<Option<Value>> {
        let found = self.get(path).await;
        match found {
            Err(error) if is_not_found(&error) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The items of a collection. One that is not served has none.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let list = self.find(path).await?.unwrap_or_default();
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// POST.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn create(&self, collection: &str, object: &Value) -> Result<Value> {
        self.send(&Method::POST, collection, Some(("application/json", object)))
            .await
    }

    /// Merge PATCH.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn patch(&self, path: &str, change: &Value) -> Result<Value> {
        self.send(
            &Method::PATCH,
            path,
            Some(("application/merge-patch+json", change)),
        )
        .await
    }

    /// DELETE, at once, of an object or of a collection. One that is gone is a success.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, path: &str) -> Result<()> {
        self.delete_with(path, 0).await
    }

    /// DELETE, with so many seconds of grace.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete_with(&self, path: &str, grace: u32) -> Result<()> {
        let now = json!({ "gracePeriodSeconds": grace, "propagationPolicy": "Background" });
        match self
            .send(&Method::DELETE, path, Some(("application/json", &now)))
            .await
        {
            Err(error) if !is_not_found(&error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn send(&self, method: &Method, path: &str, body: Option<(&str, &Value)>) -> Result<Value> {
        let mut request = Request::builder().method(method).uri(path);
        let mut bytes = Vec::new();
        if let Some((content_type, value)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type);
            bytes = value.to_string().into_bytes();
        }
        let request = request.body(bytes).context("failed to build a request")?;
        let answer = self.0.request::<Value>(request).await;
        answer.with_context(|| format!("failed to {method} {path}"))
    }
}

/// The status that the apiserver answered with instead.
fn refusal(error: &anyhow::Error) -> Option<u16> {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    refusal(error) == Some(404)
}
