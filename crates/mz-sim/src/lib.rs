//! mz-sim
