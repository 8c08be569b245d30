//! The cases of the suite `deadlines` with a timeout of six minutes, for which most of them wait.

#[path = "../deadlines/cases.rs"]
mod cases;

cases::deadline_tests!(within_360_s, 360);
