//! ServiceAccount tokens of one Pod: what it asks for, the host Secret that holds them, when to renew.

mod needs;
mod renew;
mod secret;

pub use needs::{DEFAULT_EXPIRATION_SECONDS, TokenNeed, data_key, needs};
pub use renew::{Expiry, due, renew_at};
pub use secret::{EXPIRY, Token, expiries, merge, owner, secret, secret_name};

#[cfg(test)]
mod tests;
