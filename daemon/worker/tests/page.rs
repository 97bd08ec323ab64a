//! `shim/OTR.md` against the table of commands, from which `help` comes, too.
#![allow(clippy::expect_used)]

use worker::commands::COMMANDS;

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
