//! The model: random plays through the real ZNC, the real module and the real daemon, behind a
//! server that may say anything. See tests/README.md.

mod oracle;
mod people;
mod plan;
mod play;
mod regressions;
mod shrink;
mod stage;

use play::{Outcome, play};
use stage::Stage;

#[test]
fn the_first_part() {
    plays(0);
}

#[test]
fn the_second_part() {
    plays(1);
}

#[test]
fn the_third_part() {
    plays(2);
}

#[test]
fn the_fourth_part() {
    plays(3);
}

#[test]
fn the_fifth_part() {
    plays(4);
}

#[test]
fn the_sixth_part() {
    plays(5);
}

#[test]
fn the_seventh_part() {
    plays(6);
}

#[test]
fn the_eighth_part() {
    plays(7);
}

/// Plays the steps in a file, a line each, and says what is wrong with them.
#[test]
#[ignore = "plays the file that OTRD_PLAYS_STEPS names"]
fn these_steps() {
    let file = std::env::var("OTRD_PLAYS_STEPS").expect("OTRD_PLAYS_STEPS names a file");
    let text = std::fs::read_to_string(file).expect("a file with steps");
    let steps: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Outcome::Bad(faults) = play(&mut Stage::new(), &steps) {
        panic!("{}", oracle::told(&faults));
    }
}

const PARTS: u64 = 8;

/// So many in all where nothing is said.
const CASES: u64 = 120;

fn plays(part: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("OTRD_PLAYS").unwrap_or(CASES);
    let first = number("OTRD_PLAYS_FROM").unwrap_or(0);
    let goes_on = number("OTRD_PLAYS_GO_ON").is_some();
    let mut stage = None;
    let mut bad = Vec::new();
    let mut private = 0;
    let mut seeds: Vec<u64> = (first..first + cases).filter(|seed| seed % PARTS == part).collect();
    let all = seeds.len();
    seeds.reverse();
    while let Some(seed) = seeds.pop() {
        let steps = plan::sequence(seed);
        match play(stage.get_or_insert_with(Stage::new), &steps) {
            Outcome::Good(closed) => private += usize::from(closed),
            Outcome::NoUser => {
                stage = None;
                seeds.push(seed);
            }
            Outcome::Bad(faults) => {
                stage = None;
                let whole = steps.join("\n");
                eprintln!("== sequence {seed} fails:\n{whole}\n  {}", oracle::told(&faults));
                let (steps, faults) = shrink::shrink(&steps, &faults);
                let (steps, faults) = (steps.join("\n"), oracle::told(&faults));
                let told = format!("== sequence {seed}, shrunk:\n{steps}\n  {faults}\n");
                eprintln!("{told}");
                assert!(goes_on, "{told}");
                bad.push(seed);
            }
        }
    }
    assert!(bad.is_empty(), "these fail: {bad:?}");
    // Who takes nobody for closed finds nothing.
    assert!(private * 2 > all || all < 10, "somebody was private in {private} of {all} only");
}
