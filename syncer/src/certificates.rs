//! Pod certificates that are being asked for: the private key until the signer has answered. In memory only, as a
//! kubelet's: after a restart the signer is asked anew.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::certificate_key::{self, MadeKey};
use crate::error::{Error, Result};
use crate::key::Key;

/// Keys that are made at once: an RSA key takes a core for seconds.
const CONCURRENT: usize = 1;

/// A request that waits for its signer.
#[derive(Clone)]
pub struct Asked {
    /// Name of the request in the tenant.
    pub request: String,
    /// The private key, PKCS#8 PEM.
    pub private_key: String,
}

enum Progress {
    Asked(Asked),
    Refused,
}

/// What is under way, by key. One entry a certificate, dropped when it is written or its Pod is gone.
pub struct Certificates {
    progress: Mutex<HashMap<Key, Progress>>,
    making: Semaphore,
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            progress: Mutex::default(),
            making: Semaphore::new(CONCURRENT),
        }
    }
}

impl Certificates {
    /// The request that waits for its signer.
    pub fn asked(&self, key: &Key) -> Option<Asked> {
        match self.progress.lock().get(key) {
            Some(Progress::Asked(asked)) => Some(asked.clone()),
            Some(Progress::Refused) | None => None,
        }
    }

    /// Whether a signer has said no to this Pod.
    pub fn is_refused(&self, key: &Key) -> bool {
        matches!(self.progress.lock().get(key), Some(Progress::Refused))
    }

    /// The request was sent.
    pub fn set_asked(&self, key: &Key, asked: Asked) {
        self.progress.lock().insert(key.clone(), Progress::Asked(asked));
    }

    /// The signer said no.
    pub fn set_refused(&self, key: &Key) {
        self.progress.lock().insert(key.clone(), Progress::Refused);
    }

    /// Nothing is under way any more.
    pub fn forget(&self, key: &Key) {
        self.progress.lock().remove(key);
    }

    /// Makes a key of type `key_type`, off the threads that serve everything else.
    ///
    /// # Errors
    /// [`Error::CertificateKey`].
    pub async fn make(&self, key_type: String) -> Result<MadeKey> {
        let Ok(_permit) = self.making.acquire().await else {
            return Err(Error::Stale);
        };
        match spawn_blocking(move || certificate_key::make(&key_type)).await {
            Ok(made) => Ok(made?),
            Err(_shutting_down) => Err(Error::Stale),
        }
    }
}
