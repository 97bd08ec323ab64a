//! `shim/OTR.md`: every example on the page is played through real programs.
//!
//! An example is a fenced block below a comment such as
//! `<!-- example: private; differs: 0.1.0 1.8.2 -->`. The first word names what has to be so
//! before it begins (see [`Stage::prepare`]). Its lines:
//! - `/msg *otr info`: alice types it. So is `<alice> hello`, to bob.
//! - `<*otr> …`: the next line that she reads from `*otr` is exactly this one. All lines are on the
//!   page: one more fails the test. A sentence that goes on (`<*otr> … `) is one line to [`Client`].
//! - `<bob> hello`: bob types it, and she reads it.
//! - `(bob …)`: a stage direction out of [`Stage::direction`].
//! - `$ otrctl …`: run in a shell; the lines below are its output.
//!
//! One stage serves the whole page, for peers may exchange keys only so often: the examples take
//! care to begin few conversations.
//!
//! The fingerprints are stand-ins, the same on the whole page: [`Stage::cast`]. Words behind
//! `differs:` stand for one word each that is another one each time.

use std::collections::VecDeque;
use std::process::Command;
use std::time::Duration;

use otrd_tests::{Client, Ircd, Otrd, World, Znc, ZncBuilder, ZncNetwork, ZncUser, programs};

const PAGE: &str = include_str!("../../../shim/OTR.md");

const SECRET: &str = "the old man and the sea";
const QUESTION: &str = "What is my favorite book (no caps)?";

/// The page's fingerprints.
const ALICES: &str = "A305FE90 2B4A8038 03BF89F7 5BBD5595 4B9D209A";
const BOBS: &str = "94A1353B 60A58E73 82CE8999 CBBD7B92 5E9EBB87";
const CAROLS: &str = "378A8445 3FC3933C 73C917C8 BFE4C18B 5CE65CFC";
const CAROLS_FIRST: &str = "AEB4DEDE 5D025A1C 6A735BD5 7D82385A 7E03E21D";

#[test]
fn every_example_of_the_users_page_is_true() {
    let examples = examples(PAGE);
    let mut stage = Stage::new();
    let complaints: Vec<_> = examples.iter().flat_map(|example| stage.plays(example)).collect();
    assert!(complaints.is_empty(), "OTR.md is wrong:\n{}", complaints.join("\n"));
}

#[test]
fn every_block_of_the_users_page_is_an_example() {
    let fences = PAGE.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences, 2 * examples(PAGE).len());
    for heading in PAGE.split("\n### ").skip(1) {
        assert!(heading.contains("\n```\n"), "without an example: {}", first_line(heading));
    }
}

struct Example {
    line: usize,
    before: String,
    differs: Vec<String>,
    lines: Vec<String>,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut comment: Option<&str> = None;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(rest) = line.strip_prefix("<!-- example: ") {
            comment = Some(rest.strip_suffix(" -->").expect("a comment of one line"));
        } else if line.starts_with("```") {
            assert_eq!(line, "```", "OTR.md:{}: no language, please", number + 1);
            let comment = comment.take();
            let comment = comment.unwrap_or_else(|| panic!("OTR.md:{}: no comment", number + 1));
            let (before, differs) = comment.split_once("; differs: ").unwrap_or((comment, ""));
            let block = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            examples.push(Example {
                line: number + 1,
                before: before.to_owned(),
                differs: differs.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect(),
                lines: sentences(block),
            });
        } else if !line.is_empty() {
            assert!(comment.is_none(), "OTR.md:{}: the block does not follow", number + 1);
        }
    }
    examples
}

/// The lines of a block, those of one sentence together.
fn sentences<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for line in lines {
        match (line.strip_prefix("<*otr> … "), whole.last_mut()) {
            (Some(rest), Some(begun)) => *begun += &format!(" {rest}"),
            _ => whole.push(line.to_owned()),
        }
    }
    whole
}

/// alice, bob and carol, all behind one ZNC with otrd. Its parts end in this order.
struct Stage {
    alice: Client,
    bob: Client,
    carol: Client,
    carols_first: String,
    _znc: Znc,
    otrd: Otrd,
    _ircd: Ircd,
    _world: World,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let otrd = Otrd::start(&world);
        let network = ZncNetwork::new("libera", ircd.port()).otr(&otrd);
        let user = |name| ZncUser::new(name).network(network.clone());
        let znc = ZncBuilder::new().user(user("alice")).user(user("bob")).user(user("carol"));
        let znc = znc.start(&world);
        let client = |name| {
            let client = znc.attach(name, "libera");
            client.has_otr();
            client.settled();
            client.forgets();
            client
        };
        let (alice, bob, carol) = (client("alice"), client("bob"), client("carol"));
        new_key(&bob);
        new_key(&carol);
        let carols_first = String::new();
        Self { alice, bob, carol, carols_first, _znc: znc, otrd, _ircd: ircd, _world: world }
    }

    /// Makes it as it has to be before an example.
    fn prepare(&mut self, before: &str) {
        match before {
            // On IRC, and no key yet: the first example only.
            "new" => assert!(own(&self.alice).is_none(), "alice has a key"),
            // Nothing is private.
            "plain" => self.nothing_is_private(),
            "private" => self.is_private(),
            // The same, and his key is trusted.
            "trusted" => {
                self.is_private();
                self.alice.otr("trust bob");
                self.alice.otr_says("trusted!");
            }
            // bob has asked for authentication.
            "asked" => {
                self.prepare("private");
                self.bob.otr(&format!("authq alice [{QUESTION}] {SECRET}"));
                self.alice.otr_says("or authabort bob");
            }
            // bob's key is trusted, carol's second key by a secret.
            "friends" => self.friends(),
            // Nothing is private with bob.
            "apart" => self.is_apart(),
            // What the examples before it left.
            "any" => {}
            // The module is not there: see `plays`.
            "unloaded" => self.nothing_is_private(),
            "lists" => {
                for pattern in ["carol", "elvis"] {
                    self.alice.otr(&format!("ignore {pattern}"));
                    self.alice.otr_says(pattern);
                }
            }
            other => panic!("OTR.md: no such beginning: {other}"),
        }
    }

    fn nothing_is_private(&self) {
        for client in [&self.alice, &self.bob, &self.carol] {
            client.otr("finish --all");
            client.info();
        }
    }

    fn is_apart(&self) {
        for (client, peer) in [(&self.alice, "bob"), (&self.bob, "alice")] {
            client.otr(&format!("finish {peer}"));
            client.info();
        }
    }

    fn is_private(&self) {
        let is = |client: &Client, peer: &str| {
            let info = client.info();
            info.iter().any(|line| line.contains(&format!(" {peer} ")) && line.contains(" * "))
        };
        if !(is(&self.alice, "bob") && is(&self.bob, "alice")) {
            self.is_apart();
            self.alice.otr("start bob");
        }
        self.alice.becomes("bob", "encrypted");
        self.bob.becomes("alice", "encrypted");
        for old in old_keys(&self.alice.info(), "bob") {
            self.alice.otr(&format!("forget {old}"));
            self.alice.otr_says("forgotten");
        }
        for (client, peer) in [(&self.alice, "bob"), (&self.bob, "alice")] {
            client.otr(&format!("authabort {peer}"));
            client.otr_says("uthentication");
        }
        self.settles();
    }

    fn friends(&mut self) {
        self.nothing_is_private();
        self.alice.otr(&format!("trust {}", own(&self.bob).expect("bob's key")));
        self.alice.otr_says("trusted!");
        let starts = |stage: &Self| {
            stage.alice.otr("start carol");
            stage.alice.becomes("carol", "encrypted");
            stage.carol.becomes("alice", "encrypted");
        };
        starts(self);
        self.carols_first = own(&self.carol).expect("carol's key");
        new_key(&self.carol);
        self.alice.becomes("carol", "finished");
        self.alice.otr("finish carol");
        starts(self);
        self.alice.otr("auth carol rosebud");
        self.carol.otr_says("Answer with");
        self.carol.otr("auth alice rosebud");
        self.alice.otr_says("Successfully");
        self.carol.otr_says("Successfully");
    }

    /// What happens elsewhere, in the words of the page.
    fn direction(&self, direction: &str) {
        let bob = |command: String| self.bob.otr(&command);
        match direction {
            "(bob does the same in his client)" => {
                self.bob.otr_says("Answer with");
                bob(format!("auth alice {SECRET}"));
            }
            "(bob's client shows the question, and he types the answer)" => {
                self.bob.otr_says(QUESTION);
                bob(format!("auth alice {SECRET}"));
            }
            "(bob asks you to authenticate)" => bob(format!("authq alice [{QUESTION}] {SECRET}")),
            "(bob ends the private conversation)" => bob("finish alice".into()),
            "(bob starts one in his client)" => bob("start alice".into()),
            "(bob makes himself a new key, and starts again)" => {
                new_key(&self.bob);
                self.alice.becomes("bob", "finished");
                bob("start alice".into());
            }
            "(you call bob, and he reads his fingerprint to you)" => {}
            other => panic!("OTR.md: no such direction: {other}"),
        }
    }

    /// Plays an example, and tells where the page is wrong.
    fn plays(&mut self, example: &Example) -> Vec<String> {
        self.prepare(&example.before);
        self.settles();
        let cast = self.cast();
        let loads = example.before == "unloaded";
        if loads {
            self.alice.types_to("*status", "unloadmod --type=network otr");
            self.alice.reads_about("*status", "unloaded");
        }
        self.alice.forgets();
        let swap = |text: String, (page, real): &(String, String)| text.replace(page, real);
        let mut output = VecDeque::new();
        let mut wrong = Vec::new();
        for (number, line) in (example.line + 1..).zip(&example.lines) {
            let line = cast.iter().fold(line.clone(), swap);
            let (nick, text) = said(&line);
            if let Some(command) = line.strip_prefix("/msg ") {
                let (to, text) = command.split_once(' ').expect("a nick and words");
                self.alice.types_to(to, text);
            } else if let Some(command) = line.strip_prefix("$ ") {
                output = self.shell(command);
            } else if line.starts_with('(') {
                self.direction(&line);
            } else if nick == Some("alice") {
                self.alice.types_to("bob", text);
            } else if nick == Some("bob") {
                self.bob.types_to("alice", text);
                let seen = self.next_of("bob");
                if seen.as_deref() != Some(text) {
                    wrong.push(format!("{number}: page: <bob> {text}\n     seen: {seen:?}"));
                }
            } else {
                let seen = match nick {
                    Some(module) => self.next_of(module),
                    None => output.pop_front(),
                };
                match seen {
                    Some(seen) if same(text, &seen, &example.differs) => {}
                    Some(seen) => wrong.push(format!("{number}: page: {text}\n     seen: {seen}")),
                    None => {
                        wrong.push(format!("{number}: page: {text}\n     seen: nothing"));
                        break;
                    }
                }
            }
        }
        if loads {
            // What is asked before the daemon has said hello is answered by a complaint.
            self.alice.has_otr();
            self.alice.settled();
            self.alice.forgets();
        }
        self.settles();
        let end = example.line + example.lines.len();
        wrong.extend(output.into_iter().map(|line| format!("{end}: more output: {line}")));
        while let Some(line) = self.alice.within(Duration::ZERO, |line| line.is("PRIVMSG", "*otr"))
        {
            wrong.push(format!("{end}: missing: <*otr> {}", line.plain_text()));
        }
        wrong
    }

    /// What alice reads next from a module.
    fn next_of(&self, module: &str) -> Option<String> {
        let line = self.alice.within(Duration::from_secs(10), |line| line.is("PRIVMSG", module));
        line.map(|line| line.plain_text())
    }

    /// Waits until everything has gone its way.
    fn settles(&self) {
        let everybody = [&self.alice, &self.bob, &self.carol];
        for _ in 0..2 {
            // An answer of the worker, behind all others.
            everybody.iter().for_each(|client| client.otr("help help"));
            for client in everybody {
                client.otr_says_exactly("Usage: help [command]");
                client.otr_says("Show this list");
            }
        }
    }

    /// The page's fingerprints, group by group, and whose they are.
    fn cast(&self) -> Vec<(String, String)> {
        let people = [
            (ALICES, own(&self.alice).unwrap_or(ALICES.into())),
            (BOBS, own(&self.bob).expect("bob's key")),
            (CAROLS, own(&self.carol).expect("carol's key")),
            (CAROLS_FIRST, self.carols_first.clone()),
        ];
        let pairs = people.iter().flat_map(|(page, real)| page.split(' ').zip(real.split(' ')));
        pairs.map(|(page, real)| (page.to_owned(), real.to_owned())).collect()
    }

    fn shell(&self, command: &str) -> VecDeque<String> {
        let otrctl = programs::otrctl();
        let (otrctl, socket) = (otrctl.display(), self.otrd.admin_socket());
        let script = format!(
            "otrctl() {{ command {otrctl} --socket {} \"$@\"; }}\n{command} 2>&1",
            socket.display()
        );
        let done = Command::new("sh").arg("-c").arg(script).output().expect("sh");
        String::from_utf8_lossy(&done.stdout).lines().map(str::to_owned).collect()
    }
}

/// Who says what in `<nick> text`.
fn said(line: &str) -> (Option<&str>, &str) {
    let rest = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    rest.map_or((None, line), |(nick, text)| (Some(nick), text.strip_prefix(' ').unwrap_or(text)))
}

/// Is it the page's line, but for words that are others each time?
fn same(page: &str, seen: &str, differs: &[String]) -> bool {
    if differs.is_empty() {
        return page.trim_end() == seen.trim_end();
    }
    let (page, seen): (Vec<_>, Vec<_>) =
        (page.split_whitespace().collect(), seen.split_whitespace().collect());
    let bare = |word: &str| word.trim_end_matches(['.', ',', ':']).to_owned();
    page.len() == seen.len()
        && page.iter().zip(&seen).all(|(page, seen)| page == seen || differs.contains(&bare(page)))
}

/// A peer's keys that are not in use.
fn old_keys(info: &[String], peer: &str) -> Vec<String> {
    let mut nick = String::new();
    let mut old = Vec::new();
    for line in info {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, _, fingerprint, act, ..] = cells.as_slice() else { continue };
        if !name.is_empty() {
            (*name).clone_into(&mut nick);
        }
        if nick == peer && act.is_empty() {
            old.push((*fingerprint).to_owned());
        }
    }
    old
}

fn new_key(client: &Client) {
    client.forgets();
    client.otr("genkey");
    client.otr("genkey --overwrite");
    client.otr_says("Your private key is ready");
}

/// A user's own fingerprint.
fn own(client: &Client) -> Option<String> {
    let info = client.info();
    let own = info.last()?.strip_prefix("Your fingerprint: ")?.strip_suffix('.')?;
    (own.len() == 44).then(|| own.to_owned())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
