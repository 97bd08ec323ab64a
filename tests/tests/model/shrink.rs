//! Leaves out of a sequence that fails all that is not needed for it.

use crate::oracle::Fault;
use crate::play::{Outcome, play};
use crate::stage::Stage;

/// A sequence takes a second: so often it is tried with less.
const ATTEMPTS: usize = 80;

/// What is left of it, and what is wrong then.
pub fn shrink(steps: &[String], faults: &[Fault]) -> (Vec<String>, Vec<Fault>) {
    let mut left = steps.to_vec();
    let mut told = faults.to_vec();
    let kind = faults.first().map(|fault| fault.kind.clone());
    let mut stage = None;
    let mut attempts = 0;
    let mut size = left.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < left.len() && attempts < ATTEMPTS {
            let mut fewer = left.clone();
            fewer.drain(at..(at + size).min(left.len()));
            attempts += 1;
            match try_again(&mut stage, &fewer) {
                Some(faults) if faults.first().map(|fault| &fault.kind) == kind.as_ref() => {
                    left = fewer;
                    told = faults;
                }
                _ => at += size,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    (left, told)
}

fn try_again(stage: &mut Option<Stage>, steps: &[String]) -> Option<Vec<Fault>> {
    loop {
        match play(stage.get_or_insert_with(Stage::new), steps) {
            Outcome::Good(_) => return None,
            Outcome::NoUser => *stage = None,
            Outcome::Bad(faults) => {
                // After a panic nothing there can be relied on.
                if faults.iter().any(|fault| fault.kind.0 == "it stopped") {
                    *stage = None;
                }
                return Some(faults);
            }
        }
    }
}
