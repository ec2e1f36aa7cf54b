//! Tests of this kind.
