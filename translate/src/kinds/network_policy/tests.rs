//! That a tenant's policies mean on the host what they mean in the tenant, and that nothing they say opens more.

mod host;
mod isolation;
mod policies;
mod same;
mod table;
