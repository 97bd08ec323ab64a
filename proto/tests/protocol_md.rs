//! `PROTOCOL.md` against the types: every example is read and written again, every table is compared.
//! With a real otrd the examples are held by `tests/tests/documents/protocol.rs`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proto::command::Command;
use proto::jsonrpc::{self, ClientResponse, Code, Message, Outgoing, Response};
use proto::overview::AccountState;
use proto::shim::{Bye, Call, Effects, Hello, HelloReply};
use proto::{admin, shim};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../PROTOCOL.md");

/// The lines of the page's `json` blocks, with whether they go to the daemon.
fn examples() -> Vec<(bool, &'static str)> {
    let blocks = PAGE.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    // What stands in brackets happens elsewhere.
    let lines = blocks.flat_map(str::lines).filter(|line| !line.starts_with('('));
    lines
        .map(|line| match (line.strip_prefix("--> "), line.strip_prefix("<-- ")) {
            (Some(to), _) => (true, to),
            (_, Some(from)) => (false, from),
            _ => panic!("neither --> nor <--: {line}"),
        })
        .collect()
}

/// The rows of the table under a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The words between backticks, each further split at blanks.
fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).flat_map(str::split_whitespace).collect()
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Without the QR code, of which the page has the first row.
fn without_rows(line: &str) -> String {
    let Some((before, code)) = line.split_once(r#","qr":["#) else { return line.to_owned() };
    let (rows, after) = code.split_once(']').unwrap();
    assert!(rows.ends_with(r#","…""#), "{rows}");
    format!("{before}{after}")
}

fn serve(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    jsonrpc::serve(line.as_bytes(), &mut out, |request| {
        Call::parse(request).map(|_| Effects::default())
    });
    out
}

/// Reads a line of either side and writes it again.
fn again(line: &str) -> Value {
    if let Ok(Message::Single(request)) = jsonrpc::parse(line.as_bytes()) {
        let method = request.method.to_string();
        let params = match method.as_str() {
            "hello" => serde_json::to_value(request.params::<Hello>().unwrap()),
            "effects" => serde_json::to_value(request.params::<Effects>().unwrap()),
            "event" => serde_json::to_value(request.params::<admin::Event>().unwrap()),
            "watch" => serde_json::to_value(request.params::<admin::Watch>().unwrap()),
            _ => serde_json::to_value(Call::parse(&request).unwrap()),
        }
        .unwrap();
        return match request.id {
            Some(id) => serde_json::to_value(Outgoing::request(id, &method, params)),
            None => serde_json::to_value(Outgoing::notification(&method, params)),
        }
        .unwrap();
    }
    if let Ok(answer) = serde_json::from_str::<ClientResponse<HelloReply>>(line) {
        return written(answer);
    }
    if let Ok(answer) = serde_json::from_str::<ClientResponse<AccountState>>(line) {
        return written(answer);
    }
    if let Ok(answer) = serde_json::from_str::<ClientResponse<admin::Watching>>(line) {
        return written(answer);
    }
    written(serde_json::from_str::<ClientResponse<Effects>>(line).unwrap())
}

fn written<T: serde::Serialize>(answer: ClientResponse<T>) -> Value {
    let reply = Response { id: answer.id.unwrap(), outcome: Ok(answer.result.unwrap()) };
    serde_json::to_value(reply).unwrap()
}

#[test]
fn every_example_is_understood_and_written_the_same() {
    let mut run = 0;
    let mut lines = examples().into_iter().peekable();
    while let Some((to_daemon, line)) = lines.next() {
        run += 1;
        let refused = lines.next_if(|(to, next)| to_daemon && !to && next.contains("\"error\""));
        if let Some((_, expected)) = refused {
            run += 1;
            assert_eq!(String::from_utf8(serve(line)).unwrap(), format!("{expected}\n"));
        } else {
            let line = without_rows(line);
            assert_eq!(again(&line), value(&line), "{line}");
        }
    }
    assert!(run > 20, "only {run} examples");
}

#[test]
fn replies_stand_under_their_requests() {
    let mut asked = None;
    for (to_daemon, line) in examples() {
        let id = value(line).get("id").cloned();
        if to_daemon {
            asked = id;
        } else if let (Some(id), Some(asked)) = (id, asked.take()) {
            assert_eq!(id, asked, "{line}");
        }
    }
}

#[test]
fn the_errors_are_those_of_the_code() {
    let page: Vec<i32> = table("Errors").iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(page, Code::ALL.map(|code| code as i32));
}

/// Checks a table's `a b? c` against what a parser takes: all of `full`'s members are named, and
/// exactly those without a question mark cannot be left out.
fn compare(name: &str, cells: &[&str], full: &Value, parses: impl Fn(&Value) -> bool) {
    let members: BTreeSet<&str> = full.as_object().unwrap().keys().map(String::as_str).collect();
    let named: BTreeSet<&str> = cells.iter().map(|cell| cell.trim_end_matches('?')).collect();
    assert_eq!(named, members, "{name}");
    assert!(parses(full), "{name}");
    for cell in cells {
        let mut less = full.clone();
        less.as_object_mut().unwrap().remove(cell.trim_end_matches('?'));
        assert_eq!(parses(&less), cell.ends_with('?'), "{name} without {cell}");
    }
}

/// Full parameters of every method, by method and who asks.
fn methods() -> BTreeMap<(&'static str, &'static str), Value> {
    let module = [
        json!({"version": 1, "user": "alice", "network": "libera", "shim": "0", "znc": "1",
            "instance": "x", "ack": 1, "returned": true,
            "identity": "0123456789abcdef0123456789abcdef", "by_name": true,
            "closed": {"salt": "x", "hashes": [], "everybody": true}, "want": ["state"]}),
        json!({"connected": true, "mask": "alice!a@host", "linelen": 512, "casemapping": "ascii",
            "status_prefix": "*", "loggers": ["user/log"],
            "insecure_clients": 0, "admin": false, "old_data": true}),
        json!({"to": "bob", "kind": "text", "text": "hi", "client": 1, "closed": true}),
        json!({"from": "bob!b@host", "kind": "text", "text": "hi"}),
        json!({"text": "info"}),
        json!({"old": "bob", "new": "bob_"}),
        json!({"nick": "bob"}),
        json!({"nick": "bob"}),
        json!({"ack": 1}),
    ];
    let names = ["hello", "network", "out", "in", "command", "nick", "quit", "join", "ack"];
    let mut all: BTreeMap<_, _> =
        names.map(|name| (name, "module")).into_iter().zip(module).collect();
    all.insert(
        ("bye", "both"),
        json!({"why": "ends", "reconnect": true, "reason": "x", "ack": 1, "returned": true}),
    );
    all.insert(("effects", "daemon"), json!({"effects": []}));
    let digits = "94A1353B";
    let typed = [
        json!({"peer": "bob"}),
        json!({"peer": "bob"}),
        json!({"peer": "bob", "all": false}),
        json!({"peer": "bob", "fingerprint": digits}),
        json!({"peer": "bob", "fingerprint": digits}),
        json!({"peer": "bob", "fingerprint": digits}),
        json!({"peer": "bob", "secret": "x", "question": "y"}),
        json!({"peer": "bob"}),
        json!({"overwrite": true}),
        json!({"pattern": "bob", "policy": "default"}),
        json!({"pattern": "bob", "remove": false}),
        json!({"pattern": "bob", "remove": false}),
        json!({"peer": "bob"}),
        json!({}),
    ];
    all.extend(Command::METHODS.iter().map(|name| (*name, "module")).zip(typed));
    all.insert(("state", "module"), json!({"from": 1}));
    let account = json!({"uid": 0, "user": "alice", "network": "libera"});
    all.insert(("state", "admin"), json!({"account": account, "from": 1}));
    all.insert(("status", "admin"), json!({"after": account}));
    all.insert(("accounts", "admin"), json!({"after": account}));
    all.insert(("command", "admin"), json!({"account": account, "text": "info"}));
    all.insert(("watch", "admin"), json!({}));
    all.insert(
        ("event", "otrd"),
        json!({"account": account, "what": "key", "was": null, "now": "ready"}),
    );
    let import = json!({"account": account, "from": "libera", "overwrite": true, "check": true});
    all.insert(("import", "admin"), import);
    all.insert(("export", "admin"), json!({"account": account}));
    all.insert(("forget-account", "admin"), json!({"account": account, "remove": true}));
    all.insert(("renew", "admin"), json!({"account": account}));
    all.insert(("replace", "admin"), json!({}));
    let former = ".libera.replaced";
    all.insert(("restore-account", "admin"), json!({"account": account, "directory": former}));
    all.insert(("encryption", "admin"), json!({"at_rest": "encrypted"}));
    all.insert(("encrypt-account", "admin"), json!({"account": account}));
    all
}

#[test]
fn the_methods_are_those_of_the_types() {
    let mut left = methods();
    for row in table("Methods") {
        let [names, params, who, _] = row[..] else { panic!("{row:?}") };
        for name in words(names) {
            let full = left.remove(&(name, who)).unwrap_or_else(|| panic!("{name} of {who}?"));
            compare(name, &words(params), &full, |params| {
                let line = serde_json::to_vec(&Outgoing::request(1, name, params)).unwrap();
                let Message::Single(request) = jsonrpc::parse(&line).unwrap() else {
                    panic!("a batch?")
                };
                match (name, who) {
                    ("hello", _) => request.params::<Hello>().is_ok(),
                    (_, "admin") => admin::Call::parse(&request).is_ok(),
                    (_, "otrd") => request.params::<admin::Event>().is_ok(),
                    (_, "daemon") => request.params::<Effects>().is_ok(),
                    ("bye", _) => request.params::<Bye>().is_ok() && Call::parse(&request).is_ok(),
                    _ => Call::parse(&request).is_ok(),
                }
            });
        }
    }
    assert!(left.is_empty(), "not on the page: {left:?}");
}

/// What a module says by a typed method an admin says of an account.
#[test]
fn typed_methods_are_those_of_both_sockets() {
    for &name in Command::METHODS {
        let mut params = methods()[&(name, "module")].clone();
        let request = |params: &Value| {
            serde_json::to_vec(&Outgoing::request(1, name, params.clone())).unwrap()
        };
        let admin = |params: &Value| {
            let line = request(params);
            let Ok(Message::Single(request)) = jsonrpc::parse(&line) else { panic!("{name}") };
            admin::Call::parse(&request)
        };
        assert!(admin(&params).is_err_and(|error| error.message.contains("member account")));
        let line = request(&params);
        let Ok(Message::Single(module)) = jsonrpc::parse(&line) else { panic!("{name}") };
        let Ok(Call::Typed(said)) = Call::parse(&module) else { panic!("{name}") };
        assert_eq!(said.method(), name);
        params["account"] = json!({"user": "alice", "network": "libera"});
        let Ok(admin::Call::Typed(typed)) = admin(&params) else { panic!("{name}") };
        assert_eq!(typed.command, said);
    }
}

/// One effect of each sort with all its members. The match makes a new sort of effect stop here.
fn effects() -> Vec<Value> {
    use shim::Effect;
    let all = json!([
        {"do": "pass"},
        {"do": "send", "to": "bob", "kind": "text", "text": "x"},
        {"do": "deliver", "from": "bob!b@host", "kind": "text", "text": "x",
            "security": "changed", "unexpected": true, "late": true, "repeat": true},
        {"do": "echo", "to": "bob", "kind": "text", "text": "x", "client": 1, "of": 1,
            "security": "verified"},
        {"do": "print", "text": "x", "style": "good", "repeat": true,
            "peer": "bob", "code": "private", "args": {"version": "OTRv3"}},
        {"do": "table", "columns": ["Peer"], "rows": [["bob"]]},
        {"do": "protect", "peer": "bob", "on": true, "pending": true, "by_user": true},
        {"do": "refuse", "to": "bob", "why": "x", "text": "x", "of": 1, "repeat": true,
            "code": "blocked", "args": {"name": "bob"}},
        {"do": "hold"},
        {"do": "open"},
        {"do": "rules", "rules": [{"pattern": "*", "required": true}]},
        {"do": "state", "peer": "bob", "state": "private", "trust": "manual",
            "fingerprint": "94A1353B60A58E7382CE8999CBBD7B925E9EBB87", "policy": "manual",
            "waiting": 1, "smp": "asked", "question": "x"},
    ]);
    let order = |effect: &Effect| match effect {
        Effect::Pass => 0,
        Effect::Send { .. } => 1,
        Effect::Deliver { .. } => 2,
        Effect::Echo { .. } => 3,
        Effect::Print { .. } => 4,
        Effect::Table { .. } => 5,
        Effect::Protect { .. } => 6,
        Effect::Refuse { .. } => 7,
        Effect::Hold => 8,
        Effect::Open => 9,
        Effect::Rules { .. } => 10,
        Effect::State(_) => 11,
    };
    let read: Vec<Effect> = serde_json::from_value(all.clone()).unwrap();
    assert!(read.iter().map(order).eq(0..12));
    assert_eq!(serde_json::to_value(&read).unwrap(), all);
    all.as_array().unwrap().clone()
}

#[test]
fn the_effects_are_those_of_the_types() {
    let rows = table("Effects");
    let all = effects();
    assert_eq!(rows.len(), all.len());
    for (row, full) in rows.iter().zip(all) {
        let name = words(row[0])[0];
        assert_eq!(full["do"], name);
        let cells = [vec!["do"], words(row[1])].concat();
        compare(name, &cells, &full, |effect| {
            serde_json::from_value::<shim::Effect>(effect.clone()).is_ok()
        });
    }
}

#[test]
fn kinds_and_styles_are_those_of_the_types() {
    use shim::{MessageKind, Style};
    let kinds = [
        MessageKind::Text,
        MessageKind::Action,
        MessageKind::Notice,
        MessageKind::Ctcp,
        MessageKind::CtcpReply,
    ];
    let styles = [Style::Plain, Style::Good, Style::Warn, Style::Bad];
    let word = |value: Value| format!("`{}`", value.as_str().unwrap());
    let kinds = kinds.map(|kind| word(serde_json::to_value(kind).unwrap()));
    let (last, others) = kinds.split_last().unwrap();
    assert!(PAGE.contains(&format!("`kind` is {} or {last};", others.join(", "))));
    let styles = styles.map(|style| word(serde_json::to_value(style).unwrap()));
    assert!(PAGE.contains(&format!("style {}", styles.join(", "))));
}

#[test]
fn the_words_of_a_state_are_those_of_the_types() {
    use shim::{Smp, State, Trust};
    let section = PAGE.split("\n## How conversations stand\n").nth(1).unwrap();
    let row = |member: &str| {
        let head = format!("| `{member}` |");
        let row = section.lines().find(|line| line.starts_with(&head)).unwrap();
        words(row.split('|').nth(2).unwrap())
    };
    let word = |value: Value| value.as_str().unwrap().to_owned();
    // Each match makes a new word stop here.
    let states = [State::Clear, State::Asking, State::Private, State::Finished, State::Interrupted]
        .map(|one| match one {
            State::Clear
            | State::Asking
            | State::Private
            | State::Finished
            | State::Interrupted => word(serde_json::to_value(one).unwrap()),
        });
    assert_eq!(row("state"), states);
    let trusts = [Trust::None, Trust::Manual, Trust::Secret, Trust::Changed].map(|one| match one {
        Trust::None | Trust::Manual | Trust::Secret | Trust::Changed => {
            word(serde_json::to_value(one).unwrap())
        }
    });
    assert_eq!(row("trust"), trusts);
    let smps = [Smp::None, Smp::Asked, Smp::Answering].map(|one| match one {
        Smp::None | Smp::Asked | Smp::Answering => word(serde_json::to_value(one).unwrap()),
    });
    assert_eq!(row("smp"), smps);
}

#[test]
fn the_words_of_security_are_those_of_the_type() {
    use shim::Security::{Changed, Clear, Unverified, Verified};
    let paragraph = PAGE.lines().find(|line| line.starts_with("`security` says")).unwrap();
    // The match makes a new word stop here.
    let all = [Clear, Unverified, Verified, Changed].map(|one| match one {
        Clear | Unverified | Verified | Changed => {
            serde_json::to_value(one).unwrap().as_str().unwrap().to_owned()
        }
    });
    assert_eq!(words(paragraph)[1..5], all);
}

#[test]
fn the_reasons_of_a_bye_are_those_of_the_type() {
    use shim::ByeReason::{Ends, TakenOver, Unknown, Unloaded};
    let section = PAGE.split("\n## Bye\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).skip(1);
    let named: Vec<&str> = rows.map(|row| words(row)[0]).collect();
    let word = |why| serde_json::to_value(why).unwrap().as_str().unwrap().to_owned();
    // The match makes a new reason stop here.
    let all = [Ends, TakenOver, Unloaded].map(|why| match why {
        Ends | TakenOver | Unloaded | Unknown => word(why),
    });
    assert_eq!(named, all);
    for why in [Ends, TakenOver] {
        let said = serde_json::to_string(&Bye::to_module(why)).unwrap();
        assert!(section.contains(&said), "no example of {said}");
    }
}

#[test]
fn numbers_on_the_page_are_those_of_the_code() {
    assert!(PAGE.contains(&format!("version {}\n", proto::VERSION)));
    assert!(PAGE.contains(&format!("at most {} bytes with its LF", proto::MAX_LINE)));
    let (module, admin) = (jsonrpc::MAX_BATCH, proto::admin::MAX_BATCH);
    assert!(PAGE.contains(&format!("batch, of at most {module}; on `admin.sock` of {admin}")));
    assert!(PAGE.contains(&format!("text of 1 to {} bytes", proto::irc::Nick::MAX)));
    assert!(PAGE.contains(&format!("at most {} bytes. A *name*", proto::irc::Source::MAX)));
    assert!(PAGE.contains(&format!("has 1 to {} bytes", proto::account::Name::MAX)));
    assert!(PAGE.contains(&format!("1 to {} visible ASCII", shim::Instance::MAX)));
    assert!(PAGE.contains(&format!("{} lower-case hexadecimal digits", shim::Identity::LENGTH)));
    assert!(PAGE.contains(&format!("At most {} hashes", proto::shim::guard::MAX_CLOSED)));
}

/// The members of `status`, of its accounts, and of what their workers say.
#[test]
fn the_members_of_status_are_those_of_the_types() {
    let account = json!({"uid": 0, "user": "alice", "network": "libera"});
    let mut one = account.clone();
    for member in ["pid", "worker"] {
        one[member] = Value::Null;
    }
    one["restarts"] = json!(0);
    one["uptime"] = json!(0);
    for member in ["version", "not_taken_up", "locked"] {
        one[member] = json!("x");
    }
    one["taken_up"] = json!(true);
    let status = json!({"version": "1", "protocol": 1, "pid": 1, "uptime": 1, "pending": 0,
        "accounts": [one], "more": true});
    let read: admin::Status = serde_json::from_value(status).unwrap();
    let worker = serde_json::to_value(admin::WorkerStatus::default()).unwrap();
    let status = serde_json::to_value(&read).unwrap();
    let section = PAGE.split("\n## Status and events\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut tables = section.split("| member | what |").skip(1);
    for full in [&status, &status["accounts"][0], &worker] {
        let rows = tables.next().unwrap().lines().skip(2).take_while(|row| row.starts_with('|'));
        let cells = rows.flat_map(|row| words(row.trim_matches('|').split('|').next().unwrap()));
        let named: BTreeSet<&str> = cells.collect();
        let members: BTreeSet<&str> =
            full.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, members);
    }
}
