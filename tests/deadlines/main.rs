//! With everything hung that an action could wait for, it ends by itself before the operation's time-out, with a reason.
//!
//! Pacemaker kills an agent at the time-out and shows "did not complete within 20s", which tells the person on call
//! nothing. So every row ([`cases`]) is run with several time-outs: from the default of 20 s on the agent must answer
//! by itself and rightly; with less it may be too short for that, but what it answers must not be wrong. Times are held
//! against that time-out only. The rows of the longest are a suite of their own (`deadlines-slow`).

mod cases;

cases::deadline_tests!(within_1_s, 1);
cases::deadline_tests!(within_5_s, 5);
cases::deadline_tests!(within_20_s, 20);
cases::deadline_tests!(within_60_s, 60);
