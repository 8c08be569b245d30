//! The rows of the suite `deadlines` with a time-out of six minutes, which most of them wait for.

#[path = "../deadlines/cases.rs"]
mod cases;

cases::deadline_tests!(within_360_s, 360);
