//! Restarts while both talk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use otrd_tests::{Couple, Crowd, OtrdBuilder, eventually};

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

/// The module is loaded anew while what she types is under way.
#[test]
fn the_module_is_loaded_anew_a_hundred_times() {
    let crowd = Crowd::new(1, OtrdBuilder::new(), &[]);
    let couple = &crowd.couples[0];
    couple.goes_private();
    let count = times(100, 1000);
    for number in 0..count {
        couple.she_types(&hers(number));
        // The guard holds whatever the module is at, and its orders come in one write.
        let (how, done) = match number % 2 {
            0 => ("reloadmod otr", "Reloaded module otr"),
            _ => ("updatemod otr", "Done"),
        };
        couple.she.types_to("*status", how);
        couple.she.reads_about("*status", done);
    }
    couple.she.has_otr();
    couple.she.becomes(couple.he.nick(), "encrypted");
    couple.she_types("the last word");
    couple.he.reads(couple.she.nick(), "the last word");
    for number in 0..count {
        let text = hers(number);
        let (read, back) = (couple.he_read(&text), couple.came_back(&text));
        assert_eq!(read + back, 1, "{text:?} was read {read} times and came back {back} times");
    }
    assert_eq!(crowd.otrd.workers().len(), 1);
    crowd.wire.never_carried("hers number");
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

fn hers(number: usize) -> String {
    format!("hers number {number:05}")
}

fn number_of(text: &str) -> Option<usize> {
    text.strip_prefix("his number ")?.parse().ok()
}
