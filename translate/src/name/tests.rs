//! Tests of host names.
