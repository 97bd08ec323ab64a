//! What dies or stands still, at every stage of a conversation at once: the worker or the front,
//! by SIGKILL, SIGSEGV or SIGSTOP. Each couple is held by the wire at another message, all are
//! struck together, and all have to come out of it.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use otrd_tests::{Couple, Crowd, Gate, OtrdBuilder, Way, children_of, eventually};

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    She,
    He,
}
use Who::{He, She};

/// Where a couple is when it happens. Messages are counted from 1, each at the moment in which it
/// is on the wire: behind the worker that sent it, before the worker that is to get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// One of the five of a key exchange: query, commitment, key, opening, signature.
    Exchange(Who, usize),
    /// One of the four of an authentication.
    Authentication(Who, usize),
    /// A text.
    Traffic(Who),
    /// Her key is being made.
    Keygen,
}
use Stage::{Authentication, Exchange, Keygen, Traffic};

/// All of them: the number of a couple is its place here.
#[rustfmt::skip]
const STAGES: [Stage; 21] = [
    Keygen,
    Exchange(She, 1), Exchange(She, 2), Exchange(She, 3), Exchange(She, 4), Exchange(She, 5),
    Exchange(He, 1), Exchange(He, 2), Exchange(He, 3), Exchange(He, 4), Exchange(He, 5),
    Authentication(She, 1), Authentication(She, 2), Authentication(She, 3), Authentication(She, 4),
    Authentication(He, 1), Authentication(He, 2), Authentication(He, 3), Authentication(He, 4),
    Traffic(She), Traffic(He),
];

/// What is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Workers,
    Front,
}

#[test]
fn workers_that_are_killed() {
    lost(Target::Workers, Signal::SIGKILL);
}

#[test]
fn workers_that_crash() {
    lost(Target::Workers, Signal::SIGSEGV);
}

#[test]
fn workers_that_stand_still() {
    held_up(Target::Workers);
}

#[test]
fn a_front_that_is_killed() {
    lost(Target::Front, Signal::SIGKILL);
}

#[test]
fn a_front_that_is_killed_where_systemd_keeps_its_workers() {
    changed(Signal::SIGKILL);
}

#[test]
fn a_front_that_is_restarted_where_systemd_keeps_its_workers() {
    changed(Signal::SIGTERM);
}

#[test]
fn a_front_that_crashes() {
    lost(Target::Front, Signal::SIGSEGV);
}

#[test]
fn a_front_that_stands_still() {
    held_up(Target::Front);
}

/// Whatever is lost, what was typed is read once or comes back once, nothing goes out in clear,
/// and who was private asks for a new session by itself, once.
#[track_caller]
fn lost(target: Target, signal: Signal) {
    let (mut crowd, gates) = everybody_at_a_stage(OtrdBuilder::new());
    let asked: Vec<usize> = crowd.couples.iter().map(|couple| queries_of(&crowd, couple)).collect();
    strike(&mut crowd, target, signal);
    for (couple, stage) in stages(&crowd) {
        couple.she_types(&text(stage, "after"));
    }
    if target == Target::Front {
        crowd.otrd.starts_again();
    }
    gates.iter().flatten().for_each(Gate::opens);
    let idle = crowd.znc.attach_idle("idle");
    assert!(idle.slowest_ping(20) < AT_ONCE);
    for (couple, stage) in stages(&crowd) {
        couple.she.otr_says("is back.");
        if asks_by_itself(stage) {
            couple.she.otr_says("was interrupted; asking for a new session.");
            couple.she.becomes(couple.he.nick(), "encrypted");
        }
        for word in ["before", "after"] {
            let text = text(stage, word);
            let is_settled = || couple.he_read(&text) + couple.came_back(&text) > 0;
            // Both may have asked at once, and both exchanges may have been lost with what was
            // struck: what waits comes back after a minute.
            let late = Instant::now() + Duration::from_secs(60);
            while !is_settled() && Instant::now() < late {
                thread::sleep(Duration::from_millis(100));
            }
            eventually(&format!("{text:?} is read or back"), is_settled);
        }
    }
    for (couple, stage) in stages(&crowd) {
        couple.she_types(&text(stage, "again"));
        couple.he.reads(couple.she.nick(), &text(stage, "again"));
    }
    for ((couple, stage), before) in stages(&crowd).zip(asked) {
        if asks_by_itself(stage) {
            assert_eq!(queries_of(&crowd, couple), before + 1, "{stage:?}: once, by itself");
        }
    }
    nothing_leaked_or_came_twice(&crowd);
}

/// What stands still for a while costs nothing but that while.
#[track_caller]
fn held_up(target: Target) {
    let (mut crowd, gates) = everybody_at_a_stage(OtrdBuilder::new());
    strike(&mut crowd, target, Signal::SIGSTOP);
    for (couple, stage) in stages(&crowd) {
        couple.she_types(&text(stage, "after"));
    }
    gates.iter().flatten().for_each(Gate::opens);
    let idle = crowd.znc.attach_idle("idle");
    assert!(idle.slowest_ping(50) < AT_ONCE);
    if target == Target::Workers {
        for (couple, stage) in stages(&crowd) {
            assert_eq!(couple.he_read(&text(stage, "after")), 0, "{stage:?}");
        }
    }
    strike(&mut crowd, target, Signal::SIGCONT);
    nobody_noticed(&crowd);
}

/// Another front goes on with the workers: nothing is lost, nor held up.
#[track_caller]
fn changed(signal: Signal) {
    let (mut crowd, gates) = everybody_at_a_stage(OtrdBuilder::new().managed());
    let workers = crowd.otrd.workers();
    match signal {
        Signal::SIGTERM => crowd.otrd.restart(),
        signal => crowd.otrd.dies_of(signal),
    }
    for (couple, stage) in stages(&crowd) {
        couple.she_types(&text(stage, "after"));
    }
    gates.iter().flatten().for_each(Gate::opens);
    let idle = crowd.znc.attach_idle("idle");
    assert!(idle.slowest_ping(50) < AT_ONCE);
    if signal != Signal::SIGTERM {
        crowd.otrd.starts_again();
    }
    nobody_noticed(&crowd);
    assert_eq!(crowd.otrd.workers(), workers);
}

/// All of it has come out as if nothing had happened.
#[track_caller]
fn nobody_noticed(crowd: &Crowd) {
    for (couple, stage) in stages(crowd) {
        for word in ["before", "after"] {
            couple.he.reads(couple.she.nick(), &text(stage, word));
            assert_eq!(couple.came_back(&text(stage, word)), 0, "{stage:?}");
        }
        couple.she.becomes(couple.he.nick(), "encrypted");
        match stage {
            Authentication(She, at) => {
                if at == 1 {
                    he_answers(couple);
                }
                eventually("she is told", || said(couple, "Successfully authenticated."));
            }
            Authentication(He, at) => {
                if at == 1 {
                    she_answers(couple);
                }
                couple.he.told(&format!("verified {}", couple.she.nick()));
            }
            Traffic(He) => eventually("she reads his words", || {
                couple.she.texts_from(couple.he.nick()) == [text(stage, "his")]
            }),
            _ => {}
        }
    }
    nothing_leaked_or_came_twice(crowd);
}

/// Longer than any PING of an idle loop takes on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The secret of all.
const SECRET: &str = "rosebud";

/// Brings each couple to its stage, and lets her type there.
#[track_caller]
fn everybody_at_a_stage(otrd: OtrdBuilder) -> (Crowd, Vec<Option<Gate>>) {
    let otrd = otrd.withholds_randomness(3);
    let crowd = Crowd::new(STAGES.len(), otrd, &[0]);
    for (couple, stage) in stages(&crowd) {
        match stage {
            Authentication(..) | Traffic(_) => couple.goes_private(),
            // Nothing goes out in clear before, either.
            Exchange(He, _) => {
                couple.she.otr(&format!("policy {} required", couple.he.nick()));
                couple.she.otr_says("required");
            }
            Exchange(She, _) | Keygen => {}
        }
    }
    // The key is made last, so that it is being made when it happens.
    let mut gates: Vec<Option<Gate>> =
        stages(&crowd).skip(1).map(|(couple, stage)| begin(&crowd, couple, stage)).collect();
    gates.insert(0, begin(&crowd, &crowd.couples[0], Keygen));
    (crowd, gates)
}

#[track_caller]
fn begin(crowd: &Crowd, couple: &Couple, stage: Stage) -> Option<Gate> {
    let (she, he) = (&couple.she, &couple.he);
    let gate = gate(crowd, couple, stage);
    match stage {
        Exchange(She, _) | Keygen => she.otr(&format!("start {}", he.nick())),
        Exchange(He, _) => he.starts_otr_with(she.nick()),
        Authentication(She, at) => {
            she.otr(&format!("auth {} {SECRET}", he.nick()));
            if at > 1 {
                he_answers(couple);
            }
        }
        Authentication(He, at) => {
            he.asks(she.nick(), SECRET);
            if at > 1 {
                she_answers(couple);
            }
        }
        Traffic(She) => couple.she_types(&text(stage, "before")),
        Traffic(He) => he.types_to(she.nick(), &text(stage, "his")),
    }
    match &gate {
        Some(gate) => gate.is_reached(&format!("{stage:?}")),
        None => eventually("her key is being made", || {
            let children = children_of(crowd.otrd.process().pid());
            children.iter().any(|(_, line)| line.contains("keygen"))
        }),
    }
    if stage != Traffic(She) {
        couple.she_types(&text(stage, "before"));
    }
    if waits(stage) {
        she.otr_says("Your message waits until the conversation is private.");
    }
    gate
}

#[track_caller]
fn he_answers(couple: &Couple) {
    couple.he.told(&format!("asked {}", couple.she.nick()));
    couple.he.answers(couple.she.nick(), SECRET);
}

#[track_caller]
fn she_answers(couple: &Couple) {
    eventually("he asks her", || said(couple, "They ask you to authenticate"));
    couple.she.otr(&format!("auth {} {SECRET}", couple.he.nick()));
}

/// The message that a stage is named after, as the wire carries it: the nth of its sort.
fn gate(crowd: &Crowd, couple: &Couple, stage: Stage) -> Option<Gate> {
    const EXCHANGE: [&str; 5] = ["?OTRv", "?OTR:AAMC", "?OTR:AAMK", "?OTR:AAMR", "?OTR:AAMS"];
    const DATA: &str = "?OTR:AAMD";
    let (by, word, nth) = match stage {
        Keygen => return None,
        Exchange(who, at) => (by(who, at), EXCHANGE[at - 1], 1),
        Authentication(who, at) => (by(who, at), DATA, at.div_ceil(2)),
        Traffic(who) => (who, DATA, 1),
    };
    let (way, start) = match by {
        She => (Way::Out, format!("PRIVMSG {} :", couple.he.nick())),
        He => (Way::In, format!(":{}!", couple.he.nick())),
    };
    Some(crowd.wire.gate(way, nth, move |line| {
        let line = String::from_utf8_lossy(line);
        line.starts_with(&start) && line.contains(word)
    }))
}

/// Whose the nth message is of those that `first` begins.
fn by(first: Who, nth: usize) -> Who {
    match (first, nth % 2) {
        (who, 1) => who,
        (She, _) => He,
        (He, _) => She,
    }
}

/// Whether what she types there has to wait.
fn waits(stage: Stage) -> bool {
    match stage {
        Keygen | Exchange(He, _) => true,
        // With her signature on the wire it is private for her.
        Exchange(She, at) => at < 5,
        Authentication(..) | Traffic(_) => false,
    }
}

/// Whether she has, or wants, a private conversation that is not to be forgotten.
fn asks_by_itself(stage: Stage) -> bool {
    !matches!(stage, Exchange(He, _))
}

#[track_caller]
fn strike(crowd: &mut Crowd, target: Target, signal: Signal) {
    match (target, signal) {
        (Target::Workers, _) => {
            for worker in crowd.otrd.workers() {
                crowd.otrd.signal_worker(worker, signal);
            }
        }
        (Target::Front, Signal::SIGSTOP) => crowd.otrd.process().freeze(),
        (Target::Front, Signal::SIGCONT) => crowd.otrd.process().thaw(),
        (Target::Front, _) => crowd.otrd.dies_of(signal),
    }
}

fn stages(crowd: &Crowd) -> impl Iterator<Item = (&Couple, Stage)> {
    crowd.couples.iter().zip(STAGES)
}

/// Words that are nobody else's.
fn text(stage: Stage, word: &str) -> String {
    format!("{word} the {stage:?}")
}

/// How often she has asked him for a private conversation.
fn queries_of(crowd: &Crowd, couple: &Couple) -> usize {
    crowd.wire.count(Way::Out, &format!("PRIVMSG {} :?OTRv", couple.he.nick()))
}

fn said(couple: &Couple, words: &str) -> bool {
    let lines = couple.she.lines();
    lines.iter().any(|line| line.is("PRIVMSG", "*otr") && line.plain_text().contains(words))
}

#[track_caller]
fn nothing_leaked_or_came_twice(crowd: &Crowd) {
    for (couple, stage) in stages(crowd) {
        couple.she.settled();
        for word in ["before", "after"] {
            let text = text(stage, word);
            let (read, back) = (couple.he_read(&text), couple.came_back(&text));
            assert_eq!(read + back, 1, "{text:?} was read {read} times and came back {back} times");
        }
        let clear = format!("clear {}", couple.she.nick());
        assert!(!couple.he.all().iter().any(|told| told.starts_with(&clear)), "{stage:?}");
    }
    for word in ["before the", "after the", "again the", "his the"] {
        crowd.wire.never_carried(word);
    }
}
