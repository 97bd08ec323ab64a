//! `shim/OTR.md` against the table of commands, from which `help` comes, too.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use proto::account::{Account, Name as AccountName};
use proto::shim::Effect;
use std::time::Duration;
use worker::commands::{self, COMMANDS};
use worker::engine::messages::Message;
use worker::engine::{Action, Engine, Event, Now};
use worker::store::StoredFiles;

const NOW: Now = Now { mono: Duration::ZERO, wall: 1_795_305_600 };

const PAGE: &str = include_str!("../../../shim/OTR.md");

#[test]
fn the_users_page_has_a_section_for_each_command() {
    let commands = PAGE.split("\n## ").find_map(|part| part.strip_prefix("Commands\n"));
    let sections = commands.expect("a section of commands").split("\n### ").skip(1);
    let on_page: Vec<String> = sections
        .map(|section| {
            let mut lines = section.lines();
            format!("{}: {}", lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
        })
        .collect();
    let in_table: Vec<String> = COMMANDS
        .iter()
        .map(|c| format!("{}: {}.", format!("{} {}", c.name, c.arguments).trim_end(), c.summary))
        .collect();
    assert_eq!(on_page, in_table);
}

/// `UPDATE=1` writes the page anew.
#[test]
fn the_page_of_codes_has_every_sentence() {
    const CODES: &str = include_str!("../../../proto/CODES.md");
    let (head, _) = CODES.split_once("\n| `").expect("a table");
    let mut page = head.to_owned();
    for (code, values, style, text) in Message::ALL {
        let values = match values.is_empty() {
            true => String::new(),
            false => format!("`{}`", values.join(" ")),
        };
        let style = format!("{style:?}").to_lowercase();
        page.push_str(&format!("\n| `{code}` | {values} | {style} | `{text}` |"));
    }
    page.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write("../../proto/CODES.md", &page).expect("the page");
    } else {
        assert_eq!(CODES, page);
    }
}

/// Clients wrap what is longer, and a list that is wrapped is none.
#[test]
fn no_line_of_help_is_wider_than_100_columns() {
    otr::init().expect("libgcrypt");
    let name = |name| AccountName::new(name).expect("a name");
    let account = Account { uid: 1, user: name("alice"), network: name("libera") };
    let mut engine =
        Engine::load(account, &name("alice"), StoredFiles::default(), NOW).expect("an engine");
    let mut commands: Vec<String> = vec!["help".into(), "fly".into(), "help fly".into()];
    for command in COMMANDS {
        commands.push(format!("help {}", command.name));
        commands.push(format!("{} a b c d e f", command.name));
    }
    let mut shown = 0;
    for line in commands {
        for act in engine.step(NOW, Event::Command(commands::parse(line.as_bytes()))) {
            if let Action::Effect(Effect::Print { text, about, .. }) = act {
                let text = String::from_utf8_lossy(text.as_bytes()).into_owned();
                assert!(about.code.is_some(), "{line}: {text} has no code");
                assert!(text.chars().count() <= 100, "{line}: {text}");
                shown += 1;
            }
        }
    }
    assert!(shown > 3 * COMMANDS.len(), "{shown}");
}
