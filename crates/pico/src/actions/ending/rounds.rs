//! The rounds of an ending: look, end what is there, look again. What "stopped" rests on is here, apart from all that acts,
//! so that it can be tried on nodes that behave as badly as can be thought of.

use crate::identity::{Candidate, Found, Suspect};
use host::ProcessId;
use host::process::State;
use std::io;
use std::time::{Duration, Instant};

/// Between two looks when a look did not decide.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// What was still there at the end; in words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StillThere {
    #[error("{0} is still there after SIGKILL: {1}")]
    Process(ProcessId, State),
    #[error("{} {}", .0.id, .0.why)]
    Undecided(Suspect),
    #[error("what runs can't be told: {0}")]
    Unreadable(io::Error),
}

/// What the rounds see and do: on the node, or on a test's model of one.
pub(super) trait Rounds {
    /// The time.
    fn now(&self) -> Instant;
    /// What of the pico is known to live without a look at the node.
    fn known(&self) -> Known;
    /// A whole look at the node.
    fn look(&self) -> io::Result<Found>;
    /// Tries to end an mzsh that is starting the pico.
    fn end_startup(&self, startup: ProcessId);
    /// Tries to end an instance, with what it has started.
    fn end_pico(&self, pico: &Candidate);
    /// Tries to end what instances have left behind.
    fn end_leftovers(&self, leftovers: &[ProcessId]);
    /// Lets time go by.
    fn pause(&self, length: Duration);
}

/// What the record names, as far as it lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The mzsh of a start that has not come to its end.
    pub(super) startup: Option<ProcessId>,
    /// The JVM.
    pub(super) pico: Option<Candidate>,
}

/// Goes on until a whole look finds nothing (Ok), or until `end`.
///
/// What is known is ended before any look: a look that fails or hangs must not keep its signals from it. An error of a step
/// ends nothing: what a step could not do, the next one may, and time is the only limit.
pub(super) fn until_nothing(node: &impl Rounds, end: Instant) -> Result<(), StillThere> {
    loop {
        // Before the look: one that was begun in time counts, however long it takes.
        let over = node.now() >= end;
        let known = if over { Known::default() } else { node.known() };
        if let Some(startup) = known.startup {
            node.end_startup(startup);
        }
        if let Some(pico) = &known.pico {
            node.end_pico(pico);
        }
        match node.look() {
            Ok(found) if found.is_nothing() && found.leftovers.is_empty() => return Ok(()),
            Ok(found) if over => return Err(left(found)),
            Err(e) if over => return Err(StillThere::Unreadable(e)),
            Ok(found) => {
                // The startups first: none must bring up another behind our back.
                for &startup in found.startups.iter().filter(|&&startup| known.startup != Some(startup)) {
                    node.end_startup(startup);
                }
                let tried = known.pico.as_ref().map(|pico| pico.id);
                for pico in found.picos.iter().filter(|pico| tried != Some(pico.id)) {
                    node.end_pico(pico);
                }
                if !found.leftovers.is_empty() && found.picos.is_empty() {
                    node.end_leftovers(&found.leftovers);
                }
                if found.picos.is_empty() && found.startups.is_empty() && found.leftovers.is_empty() {
                    node.pause(LOOK_AGAIN);
                }
            }
            Err(_) => node.pause(LOOK_AGAIN),
        }
    }
}

/// The worst of what a look has found.
fn left(found: Found) -> StillThere {
    let state = |id: ProcessId| id.stat().ok().flatten().map_or(State::Zombie, |stat| stat.state);
    let process = found.picos.first().map(|pico| pico.id);
    let process = process.or(found.startups.first().copied()).or(found.leftovers.first().copied());
    match (process, found.suspects.into_iter().next()) {
        (None, Some(suspect)) => StillThere::Undecided(suspect),
        (Some(id), _) => StillThere::Process(id, state(id)),
        (None, None) => StillThere::Unreadable(io::Error::other("nothing, at the last look")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::Pid;
    use proptest::prelude::*;
    use std::cell::{Cell, RefCell};

    const LENGTH: Duration = Duration::from_secs(20);

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum What {
        Pico,
        /// An mzsh that brings up a pico at this look, unless it has been ended before.
        Startup(u32),
        Leftover,
        /// What nobody can tell until this look.
        Suspect(u32),
    }

    #[derive(Clone, Debug)]
    struct Process {
        what: What,
        /// The attempt that ends it; 0: none does.
        dies_at: u32,
        /// Does it leave something behind when it ends?
        leaves: bool,
        attempts: u32,
    }

    /// A node by itself: its processes, its clock, and the looks at it that fail.
    struct Node {
        begun: Instant,
        now: Cell<Instant>,
        looks: Cell<u32>,
        failing: Vec<u32>,
        next: Cell<i32>,
        live: RefCell<Vec<(i32, Process)>>,
        /// What a record names.
        recorded: Option<i32>,
    }

    fn id(number: i32) -> ProcessId {
        ProcessId { pid: Pid::new(number).unwrap(), start: 1 }
    }

    impl Node {
        fn new(processes: Vec<Process>, failing: Vec<u32>) -> Self {
            let begun = Instant::now();
            let live = (100..).zip(processes).collect();
            Self {
                begun,
                now: Cell::new(begun),
                looks: Cell::new(0),
                failing,
                next: Cell::new(1000),
                live: RefCell::new(live),
                recorded: None,
            }
        }

        /// With a record that names the first process.
        fn recorded(self) -> Self {
            Self { recorded: Some(100), ..self }
        }

        fn add(&self, what: What, dies_at: u32) {
            let number = self.next.replace(self.next.get() + 1);
            self.live.borrow_mut().push((number, Process { what, dies_at, leaves: false, attempts: 0 }));
        }

        fn attempt(&self, id: ProcessId) {
            self.now.set(self.now.get() + Duration::from_millis(200));
            let mut left = false;
            self.live.borrow_mut().retain_mut(|(number, process)| {
                if *number != id.pid.as_raw() {
                    return true;
                }
                process.attempts += 1;
                let dies = process.attempts == process.dies_at;
                left |= dies && process.leaves;
                !dies
            });
            if left {
                self.add(What::Leftover, 1);
            }
        }
    }

    impl Rounds for Node {
        fn now(&self) -> Instant {
            self.now.get()
        }

        fn known(&self) -> Known {
            let live = self.live.borrow();
            let known = live.iter().find(|(number, _)| self.recorded == Some(*number));
            let candidate =
                |number| Candidate { id: id(number), state: State::Sleeping, threads: 9, target: 0 };
            match known {
                Some((number, Process { what: What::Pico, .. })) => {
                    Known { pico: Some(candidate(*number)), startup: None }
                }
                Some((number, Process { what: What::Startup(_), .. })) => {
                    Known { startup: Some(id(*number)), pico: None }
                }
                _ => Known::default(),
            }
        }

        fn look(&self) -> io::Result<Found> {
            let look = self.looks.replace(self.looks.get() + 1);
            assert!(look < 10_000, "it spins");
            self.now.set(self.now.get() + Duration::from_millis(5));
            let due = self.live.borrow().iter().filter(|(_, p)| p.what == What::Startup(look)).count();
            (0..due).for_each(|_| self.add(What::Pico, 1));
            self.live.borrow_mut().retain(|(_, p)| p.what != What::Suspect(look));
            if self.failing.contains(&look) {
                return Err(io::Error::other("no descriptor left"));
            }
            let mut found = Found::default();
            for (number, process) in self.live.borrow().iter() {
                let id = id(*number);
                match process.what {
                    What::Pico => {
                        found.picos.push(Candidate { id, state: State::Sleeping, threads: 9, target: 0 });
                    }
                    What::Startup(_) => found.startups.push(id),
                    What::Leftover => found.leftovers.push(id),
                    What::Suspect(_) => {
                        found.suspects.push(Suspect { id, why: "hides its name".into(), may_be_left: false });
                    }
                }
            }
            Ok(found)
        }

        fn end_startup(&self, startup: ProcessId) {
            self.attempt(startup);
        }

        fn end_pico(&self, pico: &Candidate) {
            self.attempt(pico.id);
        }

        fn end_leftovers(&self, leftovers: &[ProcessId]) {
            for &id in leftovers {
                self.attempt(id);
            }
        }

        fn pause(&self, length: Duration) {
            self.now.set(self.now.get() + length);
        }
    }

    fn process() -> impl Strategy<Value = Process> {
        let what = prop_oneof![
            Just(What::Pico),
            (0_u32..8).prop_map(What::Startup),
            Just(What::Leftover),
            (0_u32..90).prop_map(What::Suspect),
        ];
        (what, 0_u32..4, any::<bool>()).prop_map(|(what, dies_at, leaves)| Process {
            what,
            dies_at,
            leaves,
            attempts: 0,
        })
    }

    proptest! {
        #[test]
        fn it_says_stopped_only_of_an_empty_node_and_gives_up_only_when_time_is_over(
            processes in proptest::collection::vec(process(), 0..6),
            failing in proptest::collection::vec(0_u32..100, 0..60),
            recorded in any::<bool>(),
        ) {
            let node = Node::new(processes, failing);
            let node = if recorded { node.recorded() } else { node };
            let result = until_nothing(&node, node.begun + LENGTH);
            if result.is_ok() {
                prop_assert!(node.live.borrow().is_empty(), "{:?}", node.live.borrow());
            } else {
                prop_assert!(node.now.get() >= node.begun + LENGTH);
            }
            // A step takes 200 ms at most here; nothing goes on for long beyond the end.
            prop_assert!(node.now.get() < node.begun + LENGTH + Duration::from_secs(2));
        }
    }

    #[test]
    fn what_the_record_names_is_ended_though_every_look_fails() {
        for what in [What::Pico, What::Startup(9999)] {
            let process = Process { what, dies_at: 2, leaves: false, attempts: 0 };
            let node = Node::new(vec![process], (0..10_000).collect()).recorded();
            assert!(matches!(until_nothing(&node, node.begun + LENGTH), Err(StillThere::Unreadable(_))));
            assert!(node.live.borrow().is_empty());
        }
    }

    #[test]
    fn what_can_be_ended_is_ended() {
        let of = |what, dies_at| Process { what, dies_at, leaves: true, attempts: 0 };
        let processes =
            vec![of(What::Startup(2), 1), of(What::Pico, 3), of(What::Leftover, 2), of(What::Suspect(9), 0)];
        let node = Node::new(processes, vec![0, 1, 5]);
        assert!(until_nothing(&node, node.begun + LENGTH).is_ok());
    }

    #[test]
    fn what_cant_be_ended_is_named() {
        for (what, words) in [
            (What::Pico, "pid 100 is still there"),
            (What::Startup(99), "pid 100 is still there"),
            (What::Leftover, "pid 100 is still there"),
            (What::Suspect(9999), "pid 100 hides its name"),
        ] {
            let node = Node::new(vec![Process { what, dies_at: 0, leaves: false, attempts: 0 }], Vec::new());
            let left = until_nothing(&node, node.begun + LENGTH).unwrap_err().to_string();
            assert!(left.starts_with(words), "{left}");
        }
    }
}
