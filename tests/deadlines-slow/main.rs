//! The rows of the suite `deadlines` with a time-out of six minutes, which most of them wait for.

#[path = "../deadlines/rows.rs"]
mod rows;

rows::each_row!(within_360_s, 360);
