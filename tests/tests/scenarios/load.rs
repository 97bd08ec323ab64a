//! Restarts while both talk.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use otrd_tests::{Alone, Couple, Crowd, OtrdBuilder, Way, eventually};

/// So often in the long form.
fn times(quick: usize, soak: usize) -> usize {
    if std::env::var_os("OTRD_SOAK").is_some() { soak } else { quick }
}

/// Every line of hers is read once or comes back once; his are shown once, in order, and she is
/// told of those that nobody can read any more.
#[test]
fn otrd_is_restarted_again_and_again() {
    let mut crowd = Crowd::new(1, OtrdBuilder::new(), &[]);
    crowd.couples[0].goes_private();
    let over = AtomicBool::new(false);
    let Crowd { couples, otrd, .. } = &mut crowd;
    let couple = &couples[0];
    let typed = thread::scope(|scope| {
        let talk = scope.spawn(|| talk(couple, &over));
        for _ in 0..times(3, 30) {
            let read = couple.he.all().len();
            otrd.stop();
            otrd.starts_again();
            eventually("he reads on", || couple.he.all().len() > read + 20);
        }
        over.store(true, Ordering::Relaxed);
        talk.join().expect("they talk")
    });
    couple.she.becomes(couple.he.nick(), "encrypted");
    couple.she_types("the last word");
    couple.he.reads(couple.she.nick(), "the last word");
    couple.he.types_to(couple.she.nick(), "his last word");
    couple.she.reads(couple.he.nick(), "his last word");
    for number in 0..typed {
        let text = hers(number);
        let (read, back) = (couple.he_read(&text), couple.came_back(&text));
        assert_eq!(read + back, 1, "{text:?} was read {read} times and came back {back} times");
    }
    let shown = couple.she.texts_from(couple.he.nick());
    let numbers: Vec<usize> = shown.iter().filter_map(|text| number_of(text)).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once: {numbers:?}");
    if numbers.len() < typed {
        let told = couple.she.texts_from("*otr");
        let words = "An encrypted message came that cannot be read";
        assert!(told.iter().any(|line| line.contains(words)), "lines are lost without a word");
    }
    assert!(couple.he.all().iter().all(|told| !told.starts_with("clear ")));
    crowd.wire.never_carried("hers number");
    crowd.wire.never_carried("his number");
}

/// ZNC is killed while both talk. What either said in that moment may be gone with it, and he is
/// told by IRC that she is not there; but nothing comes twice, and the session goes on.
#[test]
fn znc_is_killed_again_and_again() {
    const ROUND: usize = 50;
    let mut crowd = Crowd::new(1, OtrdBuilder::new(), &[]);
    crowd.couples[0].goes_private();
    let worker = crowd.otrd.worker();
    let rounds = times(3, 30);
    let mut before = Vec::new();
    for round in 0..=rounds {
        let couple = &crowd.couples[0];
        for number in round * ROUND..(round + 1) * ROUND {
            couple.she_types(&hers(number));
            couple.he.types_to(couple.she.nick(), &format!("his number {number}"));
        }
        couple.he.reads(couple.she.nick(), &hers(round * ROUND));
        if round == rounds {
            break;
        }
        crowd.znc.crash();
        crowd.znc.starts_again();
        let she = crowd.znc.attach(couple.she.nick(), "net");
        before.push(std::mem::replace(&mut crowd.couples[0].she, she));
        let couple = &crowd.couples[0];
        couple.she.has_otr();
        couple.she.becomes(couple.he.nick(), "encrypted");
    }
    let couple = &crowd.couples[0];
    let last = rounds * ROUND..(rounds + 1) * ROUND;
    for number in last.clone() {
        eventually("he reads it", || couple.he_read(&hers(number)) == 1);
        couple.she.reads(couple.he.nick(), &format!("his number {number}"));
    }
    let shown = before.iter().chain([&couple.she]).flat_map(|she| she.texts_from("he00"));
    shown_in_order(&shown.collect::<Vec<String>>());
    for number in 0..last.end {
        let text = hers(number);
        let back: usize = before.iter().map(|she| she.returned(&text)).sum();
        let (read, back) = (couple.he_read(&text), back + couple.came_back(&text));
        assert!(read + back <= 1, "{text:?} was read {read} times and came back {back} times");
    }
    assert_eq!(crowd.otrd.worker(), worker);
    assert_eq!(crowd.wire.count(Way::Out, ":?OTRv"), 1, "the session goes on");
    crowd.wire.never_carried("hers number");
    crowd.wire.never_carried("his number");
}

/// The module is loaded anew while what both say is under way.
#[test]
fn the_module_is_loaded_anew_a_hundred_times() {
    let crowd = Crowd::new(1, OtrdBuilder::new(), &[]);
    let couple = &crowd.couples[0];
    couple.goes_private();
    let count = times(100, 1000);
    for number in 0..count {
        couple.she_types(&hers(number));
        couple.he.types_to(couple.she.nick(), &format!("his number {number}"));
        // Nothing holds what she types while there is no module: its orders come in one write.
        let (how, done) = match number % 3 {
            0 => ("PRIVMSG *status :reloadmod otr", "Reloaded module otr"),
            1 => ("PRIVMSG *status :updatemod otr", "Done"),
            _ => (
                "PRIVMSG *status :unloadmod otr\r\nPRIVMSG *status :loadmod otr",
                "Loaded module otr",
            ),
        };
        couple.she.send(how);
        couple.she.reads_about("*status", done);
    }
    couple.she.has_otr();
    couple.she.becomes(couple.he.nick(), "encrypted");
    couple.she_types("the last word");
    couple.he.reads(couple.she.nick(), "the last word");
    couple.he.types_to(couple.she.nick(), "his last word");
    couple.she.reads(couple.he.nick(), "his last word");
    // What the module held, and had not asked of yet, it shows as it came.
    let shown = couple.she.texts_from(couple.he.nick());
    let as_they_came = shown.iter().filter(|text| text.starts_with("?OTR")).count();
    assert_eq!(shown_in_order(&shown) + as_they_came, count, "{shown:?}");
    for number in 0..count {
        let text = hers(number);
        let (read, back) = (couple.he_read(&text), couple.came_back(&text));
        assert_eq!(read + back, 1, "{text:?} was read {read} times and came back {back} times");
    }
    assert_eq!(crowd.otrd.workers().len(), 1);
    crowd.wire.never_carried("hers number");
    crowd.wire.never_carried("his number");
}

/// Both talk until it is over; how many lines each.
fn talk(couple: &Couple, over: &AtomicBool) -> usize {
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return number;
        }
        couple.she_types(&hers(number));
        couple.he.types_to(couple.she.nick(), &format!("his number {number}"));
        // As fast as ZNC takes it.
        couple.she.settled();
        thread::sleep(std::time::Duration::from_millis(5));
    }
    unreachable!("it is over some time")
}

/// His lines are shown in order, each once, but for those that say that they may have been shown
/// before. How many different ones there are.
#[track_caller]
fn shown_in_order(texts: &[String]) -> usize {
    let mut seen = BTreeSet::new();
    for text in texts {
        let (again, text) = match text.strip_prefix("[perhaps shown before] ") {
            Some(text) => (true, text),
            None => (false, text.as_str()),
        };
        let Some(number) = number_of(text) else { continue };
        let is_next = seen.last().is_none_or(|last| *last < number);
        assert!(is_next || again && seen.contains(&number), "{number} is out of order: {texts:?}");
        seen.insert(number);
    }
    seen.len()
}

fn hers(number: usize) -> String {
    format!("hers number {number:05}")
}

fn number_of(text: &str) -> Option<usize> {
    text.strip_prefix("his number ")?.parse().ok()
}

/// More than any buffer on the way holds: who reads and answers is never waited for by the one who
/// waits for them.
#[test]
fn two_thousand_encrypted_lines_at_once_arrive_in_order() {
    let (scene, bob) = Alone::private();
    let text = |number: usize| format!("line {number} of many");
    for number in 0..2000 {
        scene.alice.types_to("bob", &text(number));
    }
    bob.reads("alice", &text(1999));
    let read: Vec<String> =
        bob.lines().iter().filter(|line| line.contains(" of many")).cloned().collect();
    let all: Vec<String> =
        (0..2000).map(|number| format!("private alice {}", text(number))).collect();
    assert_eq!(read, all);
    scene.wire.never_carried(" of many");
}
