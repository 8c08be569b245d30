//! The loop of a stop: scan, stop what was found, scan again. The decision "stopped" is here, separate from the side effects, so
//! that tests can run it on models of hostile nodes.

use crate::identity::{PicoProcess, ScanResult, Suspect};
use host::ProcessId;
use host::process::ProcessState;
use std::io;
use std::time::{Duration, Instant};

/// Pause after a scan that did not decide.
pub(super) const RESCAN_INTERVAL: Duration = Duration::from_millis(300);

/// Why the pico may still be running at the deadline.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    #[error("{0} survived SIGKILL: {1}")]
    Survivor(ProcessId, ProcessState),
    #[error("{} {}", .0.id, .0.why)]
    Suspect(Suspect),
    #[error("what runs is unknown: {0}")]
    ScanFailed(io::Error),
}

/// The node, or a test's model of one.
pub(super) trait EscalationNode {
    fn now(&self) -> Instant;
    /// The live processes that the record names, without a scan.
    fn recorded_live(&self) -> RecordedLiveProcesses;
    /// A complete scan of the node.
    fn scan(&self) -> io::Result<ScanResult>;
    /// Tries to stop an mzsh that is starting the pico.
    fn stop_startup(&self, startup: ProcessId);
    /// Tries to stop an instance with its descendants.
    fn stop_pico(&self, pico: &PicoProcess);
    fn stop_leftovers(&self, leftovers: &[ProcessId]);
    fn pause(&self, length: Duration);
}

/// The live processes that the record names.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordedLiveProcesses {
    /// The mzsh of an unfinished start.
    pub(super) startup: Option<ProcessId>,
    pub(super) pico: Option<PicoProcess>,
}

/// Repeats until a complete scan finds nothing (Ok), or until `end`.
///
/// It stops recorded processes before each scan: a scan that fails or hangs must not protect them from signals. An error of a
/// step does not end the loop; only the deadline does.
pub(super) fn stop_until_clear(node: &impl EscalationNode, end: Instant) -> Result<(), StopError> {
    loop {
        // Before the scan: a scan that began in time counts, however long it takes.
        let over = node.now() >= end;
        let known = if over { RecordedLiveProcesses::default() } else { node.recorded_live() };
        if let Some(startup) = known.startup {
            node.stop_startup(startup);
        }
        if let Some(pico) = &known.pico {
            node.stop_pico(pico);
        }
        match node.scan() {
            Ok(found) if found.shows_no_pico() && found.leftovers.is_empty() => return Ok(()),
            Ok(found) if over => return Err(worst_survivor(found)),
            Err(e) if over => return Err(StopError::ScanFailed(e)),
            Ok(found) => {
                // Startups first: they could bring up another instance.
                for &startup in
                    found.startups.iter().filter(|&&startup| known.startup != Some(startup))
                {
                    node.stop_startup(startup);
                }
                let tried = known.pico.as_ref().map(|pico| pico.id);
                for pico in found.picos.iter().filter(|pico| tried != Some(pico.id)) {
                    node.stop_pico(pico);
                }
                if !found.leftovers.is_empty() && found.picos.is_empty() {
                    node.stop_leftovers(&found.leftovers);
                }
                if found.picos.is_empty() && found.startups.is_empty() && found.leftovers.is_empty()
                {
                    node.pause(RESCAN_INTERVAL);
                }
            }
            Err(_) => node.pause(RESCAN_INTERVAL),
        }
    }
}

fn worst_survivor(found: ScanResult) -> StopError {
    let state =
        |id: ProcessId| id.stat().ok().flatten().map_or(ProcessState::Zombie, |stat| stat.state);
    let process = found.picos.first().map(|pico| pico.id);
    let process = process.or(found.startups.first().copied()).or(found.leftovers.first().copied());
    match (process, found.suspects.into_iter().next()) {
        (None, Some(suspect)) => StopError::Suspect(suspect),
        (Some(id), _) => StopError::Survivor(id, state(id)),
        (None, None) => StopError::ScanFailed(io::Error::other("nothing, at the last look")),
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
    enum ModelKind {
        Pico,
        /// An mzsh that brings up a pico at this scan, unless it was stopped before.
        Startup(u32),
        Leftover,
        /// Unknown until this scan.
        Suspect(u32),
    }

    #[derive(Clone, Debug)]
    struct ModelProcess {
        kind: ModelKind,
        /// The attempt that ends it; 0: none.
        dies_at_attempt: u32,
        leaves_child: bool,
        attempts: u32,
    }

    /// A model of a node: its processes, its clock, and the scans that fail.
    struct ModelNode {
        begun: Instant,
        now: Cell<Instant>,
        scans: Cell<u32>,
        failing_scans: Vec<u32>,
        next: Cell<i32>,
        live: RefCell<Vec<(i32, ModelProcess)>>,
        recorded: Option<i32>,
    }

    fn id(number: i32) -> ProcessId {
        ProcessId { pid: Pid::new(number).unwrap(), start: 1 }
    }

    impl ModelNode {
        fn new(processes: Vec<ModelProcess>, failing: Vec<u32>) -> Self {
            let begun = Instant::now();
            let live = (100..).zip(processes).collect();
            Self {
                begun,
                now: Cell::new(begun),
                scans: Cell::new(0),
                failing_scans: failing,
                next: Cell::new(1000),
                live: RefCell::new(live),
                recorded: None,
            }
        }

        /// With a record that names the first process.
        fn with_recorded_first(self) -> Self {
            Self { recorded: Some(100), ..self }
        }

        fn add(&self, what: ModelKind, dies_at: u32) {
            let number = self.next.replace(self.next.get() + 1);
            self.live.borrow_mut().push((
                number,
                ModelProcess {
                    kind: what,
                    dies_at_attempt: dies_at,
                    leaves_child: false,
                    attempts: 0,
                },
            ));
        }

        fn attempt(&self, id: ProcessId) {
            self.now.set(self.now.get() + Duration::from_millis(200));
            let mut left = false;
            self.live.borrow_mut().retain_mut(|(number, process)| {
                if *number != id.pid.as_raw() {
                    return true;
                }
                process.attempts += 1;
                let dies = process.attempts == process.dies_at_attempt;
                left |= dies && process.leaves_child;
                !dies
            });
            if left {
                self.add(ModelKind::Leftover, 1);
            }
        }
    }

    impl EscalationNode for ModelNode {
        fn now(&self) -> Instant {
            self.now.get()
        }

        fn recorded_live(&self) -> RecordedLiveProcesses {
            let live = self.live.borrow();
            let known = live.iter().find(|(number, _)| self.recorded == Some(*number));
            let candidate = |number| PicoProcess {
                id: id(number),
                state: ProcessState::Sleeping,
                threads: 9,
                target_index: 0,
            };
            match known {
                Some((number, ModelProcess { kind: ModelKind::Pico, .. })) => {
                    RecordedLiveProcesses { pico: Some(candidate(*number)), startup: None }
                }
                Some((number, ModelProcess { kind: ModelKind::Startup(_), .. })) => {
                    RecordedLiveProcesses { startup: Some(id(*number)), pico: None }
                }
                _ => RecordedLiveProcesses::default(),
            }
        }

        fn scan(&self) -> io::Result<ScanResult> {
            let look = self.scans.replace(self.scans.get() + 1);
            assert!(look < 10_000, "it spins");
            self.now.set(self.now.get() + Duration::from_millis(5));
            let due = self
                .live
                .borrow()
                .iter()
                .filter(|(_, p)| p.kind == ModelKind::Startup(look))
                .count();
            (0..due).for_each(|_| self.add(ModelKind::Pico, 1));
            self.live.borrow_mut().retain(|(_, p)| p.kind != ModelKind::Suspect(look));
            if self.failing_scans.contains(&look) {
                return Err(io::Error::other("no descriptor left"));
            }
            let mut found = ScanResult::default();
            for (number, process) in self.live.borrow().iter() {
                let id = id(*number);
                match process.kind {
                    ModelKind::Pico => {
                        found.picos.push(PicoProcess {
                            id,
                            state: ProcessState::Sleeping,
                            threads: 9,
                            target_index: 0,
                        });
                    }
                    ModelKind::Startup(_) => found.startups.push(id),
                    ModelKind::Leftover => found.leftovers.push(id),
                    ModelKind::Suspect(_) => {
                        found.suspects.push(Suspect {
                            id,
                            why: "hides its name".into(),
                            ignorable_by_stop: false,
                        });
                    }
                }
            }
            Ok(found)
        }

        fn stop_startup(&self, startup: ProcessId) {
            self.attempt(startup);
        }

        fn stop_pico(&self, pico: &PicoProcess) {
            self.attempt(pico.id);
        }

        fn stop_leftovers(&self, leftovers: &[ProcessId]) {
            for &id in leftovers {
                self.attempt(id);
            }
        }

        fn pause(&self, length: Duration) {
            self.now.set(self.now.get() + length);
        }
    }

    fn process() -> impl Strategy<Value = ModelProcess> {
        let what = prop_oneof![
            Just(ModelKind::Pico),
            (0_u32..8).prop_map(ModelKind::Startup),
            Just(ModelKind::Leftover),
            (0_u32..90).prop_map(ModelKind::Suspect),
        ];
        (what, 0_u32..4, any::<bool>()).prop_map(|(what, dies_at, leaves)| ModelProcess {
            kind: what,
            dies_at_attempt: dies_at,
            leaves_child: leaves,
            attempts: 0,
        })
    }

    proptest! {
        #[test]
        fn stop_succeeds_only_on_an_empty_node_and_fails_only_at_the_deadline(
            processes in proptest::collection::vec(process(), 0..6),
            failing in proptest::collection::vec(0_u32..100, 0..60),
            recorded in any::<bool>(),
        ) {
            let node = ModelNode::new(processes, failing);
            let node = if recorded { node.with_recorded_first() } else { node };
            let result = stop_until_clear(&node, node.begun + LENGTH);
            if result.is_ok() {
                prop_assert!(node.live.borrow().is_empty(), "{:?}", node.live.borrow());
            } else {
                prop_assert!(node.now.get() >= node.begun + LENGTH);
            }
            // A step takes at most 200 ms here, so the loop ends soon after the deadline.
            prop_assert!(node.now.get() < node.begun + LENGTH + Duration::from_secs(2));
        }
    }

    #[test]
    fn recorded_process_is_stopped_though_every_scan_fails() {
        for what in [ModelKind::Pico, ModelKind::Startup(9999)] {
            let process =
                ModelProcess { kind: what, dies_at_attempt: 2, leaves_child: false, attempts: 0 };
            let node = ModelNode::new(vec![process], (0..10_000).collect()).with_recorded_first();
            assert!(matches!(
                stop_until_clear(&node, node.begun + LENGTH),
                Err(StopError::ScanFailed(_))
            ));
            assert!(node.live.borrow().is_empty());
        }
    }

    #[test]
    fn stop_ends_every_process_that_can_be_ended() {
        let of = |what, dies_at| ModelProcess {
            kind: what,
            dies_at_attempt: dies_at,
            leaves_child: true,
            attempts: 0,
        };
        let processes = vec![
            of(ModelKind::Startup(2), 1),
            of(ModelKind::Pico, 3),
            of(ModelKind::Leftover, 2),
            of(ModelKind::Suspect(9), 0),
        ];
        let node = ModelNode::new(processes, vec![0, 1, 5]);
        assert!(stop_until_clear(&node, node.begun + LENGTH).is_ok());
    }

    #[test]
    fn stop_names_the_survivor() {
        for (kind, words) in [
            (ModelKind::Pico, "pid 100 survived SIGKILL"),
            (ModelKind::Startup(99), "pid 100 survived SIGKILL"),
            (ModelKind::Leftover, "pid 100 survived SIGKILL"),
            (ModelKind::Suspect(9999), "pid 100 hides its name"),
        ] {
            let node = ModelNode::new(
                vec![ModelProcess { kind, dies_at_attempt: 0, leaves_child: false, attempts: 0 }],
                Vec::new(),
            );
            let left = stop_until_clear(&node, node.begun + LENGTH).unwrap_err().to_string();
            assert!(left.starts_with(words), "{left}");
        }
    }
}
