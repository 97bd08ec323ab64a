//! The man pages: the commands of `otrctl(1)` are made from the worker's table, and the settings of
//! `otr(5)` from `systemd/otrd.toml`. With `UPDATE=1` they are written anew; without it these tests
//! fail where they are out of date. The rest is compared with the programs, and with
//! `proto/PROTOCOL.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use otrd_tests::programs;
use worker::commands::COMMANDS;
use worker::store::StoredFile;

const PAGES: [&str; 4] = ["otrd.8", "otrctl.1", "otr.5", "otrd-protocol.7"];

#[test]
fn the_page_of_the_protocol_names_every_method() {
    let text = include_str!("../../../proto/PROTOCOL.md");
    let methods = text.split("\n## ").find(|part| part.starts_with("Methods\n")).expect("a table");
    let rows = methods.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let methods: BTreeSet<&str> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let page = page("otrd-protocol.7");
    let words = page.lines().filter_map(|line| line.trim_start_matches(".It").split_once("Ic "));
    let on_page =
        words.flat_map(|(_, words)| words.split([' ', ',', '.'])).filter(|w| !w.is_empty());
    assert_eq!(on_page.collect::<BTreeSet<_>>(), methods);
}

#[test]
fn the_page_of_otrctl_has_the_table_of_commands() {
    let row = |c: &worker::commands::Typed| {
        let details = if c.details.is_empty() { String::new() } else { sentences(c.details) };
        let usage = format!("{} {}", c.name, c.arguments);
        format!(
            ".It \\fB{}\\fR\n{}{details}",
            escaped(usage.trim_end()),
            sentences(&format!("{}.", c.summary))
        )
    };
    let rows: String = COMMANDS.iter().map(row).collect();
    has_table("otrctl.1", &rows);
}

#[test]
fn the_page_of_the_files_has_the_settings_that_come_along() {
    let mut rows = String::new();
    let (mut section, mut words) = ("", Vec::new());
    for line in include_str!("../../../systemd/otrd.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            words.clear();
        } else if let Some(comment) = line.strip_prefix("# ") {
            words.push(comment);
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ") {
            let (key, words) = (format!("{section}.{key}"), std::mem::take(&mut words).join(" "));
            let value = escaped(value).replace('"', "\\(dq");
            rows += &format!(".It \\fB{key}\\fR = {value}\n{}", sentences(&words));
        }
    }
    assert!(rows.lines().count() > 12);
    has_table("otr.5", &rows);
}

#[test]
fn the_page_of_the_daemon_has_the_kinds_of_its_log() {
    let catalog = include_str!("../../../systemd/otrd.catalog");
    let (mut rows, mut ids) = (String::new(), BTreeSet::new());
    for entry in catalog.split("\n-- ").skip(1) {
        let (id, rest) = entry.split_once('\n').expect("a number");
        let subject = rest.strip_prefix("Subject: ").and_then(|rest| rest.lines().next());
        let (_, says) = rest.split_once("\n\n").expect("what it means");
        assert!(says.trim().len() > 20, "{id}");
        rows += &format!(".It {id}\n{}.\n", subject.expect("a subject"));
        assert!(ids.insert(id), "{id} twice");
    }
    has_table("otrd.8", &rows);
    let kinds = include_str!("../../../daemon/otrd/src/message_id.rs");
    let ours: BTreeSet<&str> = kinds.split('"').skip(1).step_by(2).collect();
    assert_eq!(ids, ours);
    assert!(
        ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b"0123456789abcdef".contains(&b)))
    );
}

/// Puts rows between the two comments of a page.
#[track_caller]
fn has_table(name: &str, rows: &str) {
    let page = page(name);
    let (before, rest) = page.split_once(".\\\" from ").expect("the table's beginning");
    let (first, rest) = rest.split_once('\n').expect("a line");
    let (_, after) = rest.split_once(".\\\" end of the table").expect("the table's end");
    let whole = format!("{before}.\\\" from {first}\n{rows}.\\\" end of the table{after}");
    is_or_becomes(name, &whole);
}

#[test]
fn the_pages_have_the_options_of_the_programs() {
    for (page_name, program) in [("otrd.8", programs::otrd()), ("otrctl.1", programs::otrctl())] {
        let page = page(page_name);
        let on_page = |start: &str, before: &str| -> BTreeSet<String> {
            let items = page.lines().filter(|line| line.starts_with(start));
            let words = items.filter_map(|line| line.split(before).nth(1)?.split(' ').next());
            words.map(str::to_owned).collect()
        };
        let help = help(&program, &[]);
        let commands = commands(&help);
        let mut options = options(&help);
        for command in &commands {
            options.extend(self::options(&self::help(&program, &[command])));
        }
        assert_eq!(on_page(".It Fl ", "Fl -"), options, "{page_name}");
        assert_eq!(on_page(".It Cm ", "Cm "), commands, "{page_name}");
    }
}

#[test]
fn the_help_of_otrctl_names_the_commands() {
    let help = help(&programs::otrctl(), &[]);
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(words.join(" ").contains(&format!("{}.", names.join(", "))), "{help}");
}

fn help(program: &Path, words: &[&str]) -> String {
    let help = Command::new(program).args(words).arg("--help").output().expect("the program runs");
    String::from_utf8_lossy(&help.stdout).into_owned()
}

/// The long options that a help text explains.
fn options(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let name =
        |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
    lines.filter_map(|line| line.split("--").nth(1)).map(name).collect()
}

/// Its subcommands.
fn commands(help: &str) -> BTreeSet<String> {
    let part = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let lines = part.unwrap_or_default().lines();
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

#[test]
fn the_page_of_the_files_names_them_all() {
    let page = page("otr.5");
    for name in StoredFile::ALL {
        assert!(page.contains(&format!(".It Pa {}\n", name.file())), "{}", name.file());
    }
}

#[test]
fn no_page_has_a_mistake() {
    for name in PAGES {
        let path = directory().join(name);
        let lint = Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&path).output();
        let complaints = match lint {
            Ok(output) => output.stdout,
            Err(_) => match Command::new("man").args(["--warnings", "-l"]).arg(&path).output() {
                Ok(output) => output.stderr,
                Err(_) => return eprintln!("neither mandoc nor man is here: not looked at"),
            },
        };
        assert!(complaints.is_empty(), "{}", String::from_utf8_lossy(&complaints));
    }
}

#[track_caller]
fn is_or_becomes(name: &str, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(directory().join(name), text).expect("write a page");
    }
    assert!(page(name) == text, "systemd/man/{name} is out of date: UPDATE=1 tests/run manual");
}

fn page(name: &str) -> String {
    fs::read_to_string(directory().join(name)).unwrap_or_default()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/man")
}

/// A line for each sentence.
fn sentences(text: &str) -> String {
    let mut lines = marked(text).replace(". ", ".\n").replace(": see ", ":\nsee ");
    lines.push('\n');
    lines
}

/// Code in bold.
fn marked(text: &str) -> String {
    let mut out = String::new();
    for (number, part) in text.split('`').enumerate() {
        match number % 2 {
            0 => out += &escaped(part),
            _ => out += &format!("\\fB{}\\fR", escaped(part)),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('…', "...");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}
