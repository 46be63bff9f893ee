//! Tests of the record format.
