//! Host Pod status → tenant Pod status, as a JSON tree.
