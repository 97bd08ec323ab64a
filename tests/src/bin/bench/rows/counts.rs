//! What does not depend on how busy the machine is: instructions, allocations, system calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use otrd_tests::{Traced, World};

use super::worker::Talk;
use crate::conn::transfer;
use crate::engine::{COUNTED, KINDS};
use crate::procfs;
use crate::report::{Goal, Report, Row};
use crate::stage::{Bouncer, Kind, Kit, typed};

pub fn measure(kit: &Kit, report: &mut Report) {
    let world = World::new();
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if has("valgrind") {
        instructions(kit, report, &world);
    } else {
        eprintln!("    no valgrind: instructions are not counted");
    }
    if has("strace") {
        system_calls(kit, report, &world);
    } else {
        eprintln!("    no strace: system calls are not counted");
    }
}

fn instructions(kit: &Kit, report: &mut Report, world: &World) {
    let key = kit.built.join("key");
    let ours = engine(world, &key, 500);
    let bare = kit.built.join("bare");
    let encrypt = each(world, &bare, &["encrypt"], &key, 1000);
    let decrypt = each(world, &bare, &["decrypt"], &key, 1000).without(&encrypt);
    let names = ["plain line out", "plain line in", "encrypted line out", "encrypted line in"];
    let others = [None, None, Some(&encrypt), Some(&decrypt)];
    for ((name, count), other) in names.into_iter().zip(&ours).zip(others) {
        add(report, &format!("worker, {name}"), count, other);
    }
    for (kind, count) in module_json(kit, world, 1000) {
        add(report, &format!("module's JSON, {kind}"), &count, None);
    }
}

fn add(report: &mut Report, name: &str, count: &Count, other: Option<&Count>) {
    let row = |what, value| Row::new(format!("{what}, {name}"), "a line", vec![value]);
    let rows = [
        (row("instructions", count.instructions), other.map(|o| o.instructions)),
        (row("allocations", count.allocations), other.map(|o| o.allocations)),
    ];
    for (row, other) in rows {
        report.add(match other {
            Some(other) => row.against("bare libotr", vec![other]),
            None => row,
        });
    }
}

/// What each kind of line costs the worker, without its system calls.
fn engine(world: &World, key: &Path, count: usize) -> Vec<Count> {
    let own = std::env::current_exe().expect("our own path");
    // Not `--toggle-collect`: calls are counted where nothing is collected, too, and how many a
    // key exchange makes is random.
    let parts = ["before", "after"].map(|when| format!("--dump-{when}={COUNTED}"));
    let parts = parts.each_ref().map(String::as_str);
    let of = |kind: &&str| {
        let (count_word, key) = (count.to_string(), key.to_str().expect("a path in UTF-8"));
        let words = ["engine", kind, &count_word, key];
        let out = callgrind(world, &parts, &own, &words).with_extension("2");
        Count::read(&out).divided(count - count / 10)
    };
    KINDS.iter().map(of).collect()
}

/// What writing a request and reading its reply costs the module.
fn module_json(kit: &Kit, world: &World, count: usize) -> Vec<(&'static str, Count)> {
    let shim = kit.built.join("shim-lines");
    let of = |kind| (kind, each(world, &shim, &[kind], Path::new(""), count));
    ["pass", "private-out", "private-in"].map(of).into()
}

/// A line's share of two runs, one of which has so many lines more.
fn each(world: &World, program: &Path, words: &[&str], key: &Path, more: usize) -> Count {
    let few = 200;
    let run = |count: usize| {
        let (count, key) = (count.to_string(), key.to_str().expect("a path in UTF-8"));
        let mut all = words.to_vec();
        all.push(&count);
        all.extend((!key.is_empty()).then_some(key));
        Count::read(&callgrind(world, &[], program, &all))
    };
    run(few + more).without(&run(few)).divided(more)
}

/// The file with what was counted; its parts, where there are some, have numbers for extensions.
fn callgrind(world: &World, options: &[&str], program: &Path, words: &[&str]) -> PathBuf {
    let out = world.path().join("callgrind");
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    let done = command.args(options).arg(program).args(words).output().expect("valgrind");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    out
}

/// The short form that a test compares with what is stored: name, count, and how much more of it
/// is still the same.
pub fn short(kit: &Kit) -> Vec<(String, f64, f64)> {
    let world = World::new();
    let mut counts = Vec::new();
    let engine = KINDS.into_iter().zip(engine(&world, &kit.built.join("key"), 100));
    let engine = engine.map(|(kind, count)| (format!("worker, {kind}"), count));
    let module = module_json(kit, &world, 200);
    let module = module.into_iter().map(|(kind, count)| (format!("module's JSON, {kind}"), count));
    for (name, count) in engine.chain(module) {
        counts.push((format!("instructions, {name}"), count.instructions.round(), 1.15));
        counts.push((format!("allocations, {name}"), count.allocations.round(), 1.0));
    }
    let mut talk = Talk::start(kit);
    let memory = procfs::anonymous(talk.otrd.worker());
    if memory > 0.0 {
        counts.push(("memory of the worker, kB".into(), memory, 1.2));
    }
    if let Some(calls) = of_the_worker(&world, &mut talk, 200, false) {
        counts.push(("system calls of the worker".into(), calls, 1.04));
    }
    counts
}

/// What callgrind counted.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    instructions: f64,
    allocations: f64,
}

impl Count {
    fn read(path: &Path) -> Self {
        let text =
            String::from_utf8_lossy(&fs::read(path).expect("callgrind's output")).into_owned();
        let mut count = Self::default();
        let (mut allocators, mut calls_one) = (Vec::new(), false);
        for line in text.lines() {
            let number = |text: &str| text.split(' ').next().and_then(|n| n.parse::<f64>().ok());
            if let Some(total) = line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")) {
                count.instructions = number(total).unwrap_or_default();
            } else if let Some(called) = line.strip_prefix("cfn=") {
                let (id, name) = called.split_once(' ').unwrap_or((called, ""));
                if ["malloc", "calloc", "realloc"].contains(&name) {
                    allocators.push(id.to_owned());
                }
                calls_one = allocators.iter().any(|one| one == id);
            } else if let Some(name) = line.strip_prefix("fn=") {
                let (id, name) = name.split_once(' ').unwrap_or((name, ""));
                if ["malloc", "calloc", "realloc"].contains(&name) {
                    allocators.push(id.to_owned());
                }
            } else if let Some(calls) = line.strip_prefix("calls=").filter(|_| calls_one) {
                count.allocations += number(calls).unwrap_or_default();
            }
        }
        assert!(count.instructions > 0.0, "no totals in {}", path.display());
        count
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            instructions: self.instructions - other.instructions,
            allocations: self.allocations - other.allocations,
        }
    }

    fn divided(&self, by: usize) -> Self {
        let by = by as f64;
        Self { instructions: self.instructions / by, allocations: self.allocations / by }
    }
}

fn system_calls(kit: &Kit, report: &mut Report, world: &World) {
    let mut talk = Talk::start(kit);
    let count = 2000;
    for (name, burst) in [("in a burst", true), ("one at a time", false)] {
        if let Some(calls) = of_the_worker(world, &mut talk, count, burst) {
            let name = format!("system calls of the worker, lines {name}");
            let goal = if burst { Goal::Nothing } else { Goal::AtMost(3.1) };
            report.add(Row::new(name, "a line", vec![calls]).goal(goal));
        }
    }
    let mut results = Vec::new();
    for kind in [Kind::Otrd, Kind::Alone] {
        let mut bouncer = Bouncer::start(kit, kind);
        let lines = typed("carol", count);
        results.push(traced(world, bouncer.znc.process().pid(), || {
            transfer(&bouncer.user, &mut bouncer.up, &lines);
        }));
    }
    if let [Some(ours), Some(alone)] = results[..] {
        let each = |calls: f64| vec![calls / count as f64];
        let row = Row::new("system calls of ZNC, plain lines out in a burst", "a line", each(ours));
        report.add(row.against("ZNC alone", each(alone)));
    }
}

/// System calls a plain line.
fn of_the_worker(world: &World, talk: &mut Talk, count: usize, burst: bool) -> Option<f64> {
    let (times, each) = if burst { (1, count) } else { (count, 1) };
    let calls = traced(world, talk.otrd.worker(), || {
        for _ in 0..times {
            talk.out("carol", each);
        }
    })?;
    Some(calls / count as f64)
}

/// System calls of a process while something happens; none where it may not be watched.
fn traced(world: &World, pid: i32, what: impl FnOnce()) -> Option<f64> {
    let Some(traced) = Traced::attach(world, pid, &["-c", "-f"]) else {
        eprintln!("    strace may not watch here: system calls are not counted");
        return None;
    };
    what();
    let text = traced.stop();
    let total = text.lines().find(|line| line.trim_end().ends_with("total"))?;
    // `100.00  0.012  3  4000  total`, with the errors in between where there are any.
    total.split_whitespace().nth(3)?.parse().ok()
}
