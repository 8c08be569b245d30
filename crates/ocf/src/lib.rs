//! ocf
