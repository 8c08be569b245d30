//! With everything hung that an action could wait for, it ends by itself before the operation's timeout, with
//! a reason.
//!
//! Pacemaker kills an agent at the timeout and shows "did not complete within 20s", which does not help the
//! person on call. So every case ([`cases`]) runs with several timeouts. From the default of 20 s on the
//! agent must give the right answer by itself. A shorter timeout may not suffice for that, but an answer must
//! not be wrong. Durations are compared with that timeout only. The longest timeout is a suite of its own
//! (`deadlines-slow`).

mod cases;

cases::deadline_tests!(within_1_s, 1);
cases::deadline_tests!(within_5_s, 5);
cases::deadline_tests!(within_20_s, 20);
cases::deadline_tests!(within_60_s, 60);
