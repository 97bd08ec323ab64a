//! Sequences that failed once, in `regressions.txt`.

use crate::oracle::told;
use crate::play::{Outcome, play};
use crate::stage::Stage;

#[test]
fn what_was_mended_stays_mended() {
    let mut stage = Stage::new();
    let mut bad = Vec::new();
    let scenarios = scenarios();
    let named = std::env::var("OTRD_PLAYS_NAMED").unwrap_or_default();
    let chosen = scenarios.iter().filter(|one| one.name.contains(&named));
    for Scenario { name, steps } in chosen {
        let mut outcome = play(&mut stage, steps);
        if matches!(outcome, Outcome::NoUser) {
            stage = Stage::new();
            outcome = play(&mut stage, steps);
        }
        match outcome {
            Outcome::Good(_) => {}
            Outcome::NoUser => bad.push(format!("{name}: it was not played")),
            Outcome::Bad(faults) => {
                bad.push(format!("{name}: {}", told(&faults)));
                stage = Stage::new();
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(scenarios.len() > 20, "only {} are found", scenarios.len());
}

struct Scenario {
    name: &'static str,
    steps: Vec<String>,
}

fn scenarios() -> Vec<Scenario> {
    let text = include_str!("regressions.txt");
    let parts = text.split("== ").skip(1);
    parts
        .map(|part| {
            let (name, body) = part.split_once('\n').expect("steps below the name");
            let steps = body.lines().filter(|line| !line.is_empty());
            Scenario { name, steps: steps.map(str::to_owned).collect() }
        })
        .collect()
}
