//! What otrd costs, measured in one run on one machine against what it replaces. `tests/bench`
//! builds everything and runs this.

// A measurement says what went wrong by failing, as a test does.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod conn;
mod engine;
mod far;
mod helpers;
mod person;
mod plot;
mod processes;
mod procfs;
mod report;
mod rows;
mod shimrpc;
mod stage;
mod stats;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use report::Report;
use serde_json::Value;
use stage::Kit;

const USAGE: &str =
    "usage: tests/bench [--short] [--quick] [--only WORD]... [--json FILE] [--svg FILE]
                   [--table FILE] [--compare OLD.json] [--check FILE]

  --short         counts only: instructions, allocations and system calls a message
  --quick         a hundredth of everything: shows that the measurements work, measures nothing
  --only WORD     only the measurements with this name (see the first column of --list)
  --list          tells the measurements
  --compare OLD   tells regressions against the JSON of an older run, as ratios
  --check FILE    counts a little, and fails where it is more than FILE says; with UPDATE=1 in the
                  environment FILE is written anew";

struct Options {
    short: bool,
    quick: bool,
    only: Vec<String>,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
    table: Option<PathBuf>,
    compare: Option<PathBuf>,
    check: Option<PathBuf>,
    built: PathBuf,
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let first = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    if helpers::run(&first, &rest) {
        return ExitCode::SUCCESS;
    }
    let Some(options) = read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let old = options.compare.as_ref().map(|path| {
        let text = fs::read_to_string(path).expect("the older run");
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    let kit = Kit::new(options.built.clone(), options.quick);
    if let Some(stored) = &options.check {
        return check(&kit, stored);
    }
    let mut report = Report { machine: procfs::machine(), ..Report::default() };
    for (name, is_count, measure) in rows::ALL {
        let wanted = options.only.is_empty() || options.only.iter().any(|only| only == name);
        if wanted && (is_count || !options.short) {
            eprintln!("== {name}");
            let (stolen, began) = (procfs::stolen(), Instant::now());
            measure(&kit, &mut report);
            let (stolen, took) = (procfs::stolen() - stolen, began.elapsed().as_secs());
            eprintln!("    (in {took} s others took {stolen:.2} s of this machine's CPU)");
        }
    }
    write(&options, &report, old.as_ref());
    ExitCode::SUCCESS
}

/// Compares the short form of the counts with what is stored.
fn check(kit: &Kit, stored: &Path) -> ExitCode {
    let counts = rows::short_counts(kit);
    if std::env::var_os("UPDATE").is_some() {
        let counts: BTreeMap<_, _> =
            counts.into_iter().map(|(name, count, _)| (name, count)).collect();
        let text = serde_json::to_string_pretty(&counts).expect("JSON");
        fs::write(stored, text + "\n").expect("write the counts");
        return ExitCode::SUCCESS;
    }
    let text = fs::read_to_string(stored).expect("the stored counts");
    let was: BTreeMap<String, f64> = serde_json::from_str(&text).expect("JSON");
    let mut good = was.len() >= counts.len();
    for (name, now, most) in counts {
        let Some(was) = was.get(&name) else {
            println!("{name}: {now}, and none is stored");
            good = false;
            continue;
        };
        let more = now > was * most;
        println!("{name}: {was} -> {now}{}", if more { "  MORE THAN IT WAS" } else { "" });
        good &= !more;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(options: &Options, report: &Report, old: Option<&Value>) {
    let table = report.table();
    println!("\n{table}\n{} goals missed", report.missed());
    if let Some(path) = &options.table {
        fs::write(path, &table).expect("write the table");
    }
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report.json()).expect("JSON");
        fs::write(path, text + "\n").expect("write the JSON");
    }
    if let Some(path) = &options.svg {
        fs::write(path, plot::svg(&report.latencies)).expect("write the plot");
    }
    if let Some(old) = old {
        println!("\nAgainst the older run, worst first:\n{}", report.compared_with(old));
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options {
        short: false,
        quick: false,
        only: Vec::new(),
        json: None,
        svg: None,
        table: None,
        compare: None,
        check: None,
        built: PathBuf::new(),
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--short" => options.short = true,
            "--quick" => options.quick = true,
            "--only" => options.only.push(words.next()?),
            "--json" => options.json = Some(words.next()?.into()),
            "--svg" => options.svg = Some(words.next()?.into()),
            "--table" => options.table = Some(words.next()?.into()),
            "--compare" => options.compare = Some(words.next()?.into()),
            "--check" => options.check = Some(words.next()?.into()),
            "--built" => options.built = words.next()?.into(),
            "--list" => {
                for (name, _, _) in rows::ALL {
                    println!("{name}");
                }
                std::process::exit(0);
            }
            _ => return None,
        }
    }
    let known = |only: &String| rows::ALL.iter().any(|(name, _, _)| name == only);
    (options.built.is_dir() && options.only.iter().all(known)).then_some(options)
}
