//! Which Kubernetes: the one that Warren is built for, or the one before it, for tests of version skew.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A release of Kubernetes that a host or a tenant can be of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Release {
    /// The one that Warren is built for.
    #[default]
    Current,
    /// The minor version before it.
    Previous,
}

impl Release {
    /// Minor version, for example `1.37`.
    pub const fn minor(self) -> &'static str {
        match self {
            Self::Current => "1.37",
            Self::Previous => "1.36",
        }
    }

    /// Patch release, for example `v1.37.0`: what the Go module pins, and the tag of the images.
    pub const fn patch(self) -> &'static str {
        match self {
            Self::Current => "v1.37.0",
            Self::Previous => "v1.36.3",
        }
    }

    /// The other one: what a tenant has whose version differs from the host's.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Current => Self::Previous,
            Self::Previous => Self::Current,
        }
    }

    /// Folder below `modules/` with Kubernetes itself.
    pub(crate) const fn module(self) -> &'static str {
        match self {
            Self::Current => "kubernetes",
            Self::Previous => "kubernetes-1.36",
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.patch())
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(minor: &str) -> Result<Self, Self::Err> {
        let releases = [Self::Current, Self::Previous];
        let found = releases.into_iter().find(|release| release.minor() == minor);
        found.ok_or_else(|| format!("there are {}", releases.map(Self::minor).join(" and ")))
    }
}
