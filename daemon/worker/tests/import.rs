//! Moving in: the files of other programs, mapped to our account.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(dead_code, reason = "a part of the stage is enough")]

#[path = "common/store.rs"]
mod store;

use proto::account::{Account, Name as AccountName};
use proto::admin::import_export::{Imported, KeyOutcome, Order, PeerOutcome};
use proto::bundle::{self, File};
use proto::shim::Network;
use std::time::Duration;
use store::Files;
use worker::engine::{Action, Engine, Event, Now};
use worker::store::{Store, StoredFile, StoredFiles};

const PRINT: &str = "00112233445566778899aabbccddeeff00112233";
const OTHER: &str = "ffeeddccbbaa99887766554433221100ffeeddcc";
const NOW: Now = Now { mono: Duration::ZERO, wall: 1_795_305_600 };

struct Stage {
    engine: Engine,
    files: Files,
}

impl Stage {
    fn new() -> Self {
        otr::init().unwrap();
        Self::with(Files::default())
    }

    fn with(files: Files) -> Self {
        let name = |name| AccountName::new(name).unwrap();
        let account = Account { uid: 1, user: name("alice"), network: name("libera") };
        let stored = StoredFiles::read(&mut files.clone());
        let engine = Engine::load(account, &name("alice"), stored, NOW).unwrap();
        Self { engine, files }
    }

    fn import(&mut self, files: &[(File, &[u8])], order: &Order) -> Result<Imported, String> {
        let mut bytes = Vec::new();
        bundle::write(files, &mut bytes);
        let acts = self.engine.step(NOW, Event::Import(bytes.into(), order.clone()));
        self.perform(acts).expect("an outcome")
    }

    fn perform(&mut self, acts: Vec<Action>) -> Option<Result<Imported, String>> {
        let mut outcome = None;
        for act in acts {
            match act {
                Action::Save(name, content) => self.files.write_one(name, &content).unwrap(),
                Action::Replace(name, suffix, content) => {
                    self.files.keep_copy(name, &suffix).unwrap();
                    self.files.write_one(name, &content).unwrap();
                }
                Action::Imported(imported) => outcome = Some(imported),
                _ => {}
            }
        }
        outcome
    }

    /// The server says how it compares nicks.
    fn connect(&mut self, casemapping: &str) {
        let network = Network { casemapping: Some(casemapping.into()), ..Network::default() };
        let acts = self.engine.step(NOW, Event::Network(network));
        self.perform(acts);
    }

    fn text(&self, name: StoredFile) -> String {
        String::from_utf8(self.files.get(name.file()).unwrap_or_default()).unwrap()
    }

    /// Our fingerprint after a restart.
    fn key_on_disk(&self) -> Option<String> {
        Self::with(self.files.clone()).engine.exported().unwrap().fingerprint
    }
}

fn order(from: &str, overwrite: bool) -> Order {
    let from = (!from.is_empty()).then(|| from.into());
    Order { from, overwrite, check: false }
}

/// A key file of another program, and its fingerprint. In one of some hundreds libgcrypt writes a
/// number as a string of any bytes: not these, for tests put files together as texts.
fn key(account: &str, protocol: &str) -> (String, String) {
    let made = || otr::generate_key("somebody").unwrap().to_vec();
    let text = std::iter::repeat_with(made).find_map(|file| String::from_utf8(file).ok()).unwrap();
    let mut otr = otr::Otr::new("somebody").unwrap();
    otr.load_key(text.as_bytes()).unwrap();
    let text = text.replace("(name somebody)", &format!("(name \"{account}\")"));
    let text = text.replace("(protocol irc)", &format!("(protocol {protocol})"));
    (text, otr.own_fingerprint().unwrap().to_string())
}

#[test]
fn irssis_files_become_ours() {
    let (key, fingerprint) = key("libera", "IRC");
    let prints = format!(
        "Bob\tlibera\tIRC\t{PRINT}\tsmp\ncarol\tlibera\tIRC\t{OTHER}\t\ndave\toftc\tIRC\t{OTHER}\t\nx\n"
    );
    let tags = "# comment\nlibera\tIRC\t0000abcd\n";
    let files: [(File, &[u8]); 3] = [
        (File::Key, key.as_bytes()),
        (File::Fingerprints, prints.as_bytes()),
        (File::InstanceTags, tags.as_bytes()),
    ];
    let mut stage = Stage::new();
    let before = stage.files.names();

    let check = Order { check: true, ..Order::default() };
    let would = stage.import(&files, &check).unwrap();
    assert_eq!(stage.files.names().len().max(1), before.len().max(1), "a check changes nothing");
    assert!(stage.files.get("otr.key").is_none());

    let done = stage.import(&files, &Order::default()).unwrap();
    assert_eq!(done, would);
    assert_eq!((done.key, done.fingerprint.as_deref()), (KeyOutcome::New, Some(&*fingerprint)));
    assert_eq!(done.from, Some("libera".into()));
    assert_eq!((done.known, done.changed, done.skipped), (2, 2, 1));
    assert_eq!(done.owners.len(), 2);
    assert_eq!(stage.key_on_disk(), Some(fingerprint));
    assert!(stage.text(StoredFile::InstanceTag).contains("alice\tirc\t0000abcd\n"));
    let kept = stage.text(StoredFile::Fingerprints);
    assert!(kept.contains(&format!("bob\talice\tirc\t{PRINT}\tsmp\n")), "{kept}");
    assert!(!kept.contains("dave"));

    // Nicks are compared as the server says, once it has said so.
    let network = Network { casemapping: Some("rfc1459".into()), ..Network::default() };
    let acts = stage.engine.step(NOW, Event::Network(network));
    stage.perform(acts);
    assert!(
        stage.text(StoredFile::Fingerprints).contains(&format!("bob\talice\tirc\t{PRINT}\tsmp\n"))
    );

    // Once more there is nothing to do.
    let again = stage.import(&files, &Order::default()).unwrap();
    assert_eq!((again.key, again.changed), (KeyOutcome::Same, 0));
}

#[test]
fn nothing_is_overwritten_unasked_and_then_kept_beside() {
    let mut stage = Stage::new();
    let (first, first_print) = key("alice", "irc");
    let (second, second_print) = key("alice", "irc");
    let bob = |trust: &str| format!("bob\talice\tirc\t{PRINT}\t{trust}\n");
    let files = |key: &str, trust: &str| (key.to_owned(), bob(trust));
    let import = |stage: &mut Stage, files: (String, String), overwrite| {
        let (key, prints) = &files;
        let files: [(File, &[u8]); 2] =
            [(File::Key, key.as_bytes()), (File::Fingerprints, prints.as_bytes())];
        stage.import(&files, &order("", overwrite))
    };
    import(&mut stage, files(&first, "smp"), false).unwrap();

    let refused = import(&mut stage, files(&second, ""), false).unwrap_err();
    assert!(refused.contains("--overwrite") && refused.contains(&first_print), "{refused}");
    assert_eq!(stage.key_on_disk(), Some(first_print.clone()));
    let kept = import(&mut stage, files(&first, ""), false).unwrap();
    assert_eq!(kept.peers[0].outcome, PeerOutcome::Kept);
    assert!(stage.text(StoredFile::Fingerprints).contains("smp"));

    let done = import(&mut stage, files(&second, "manual"), true).unwrap();
    assert_eq!((done.key, done.changed), (KeyOutcome::Replaced, 1));
    assert_eq!(done.peers[0].outcome, PeerOutcome::Changed);
    assert_eq!(stage.key_on_disk(), Some(second_print));
    assert!(stage.text(StoredFile::Fingerprints).contains("manual"));
    let old = |file: &str| String::from_utf8(stage.files.get(file).unwrap()).unwrap();
    let old_key = Files::default();
    old_key.put(StoredFile::Key, old("otr.key.2026-11-22").as_bytes());
    assert_eq!(Stage::with(old_key).engine.exported().unwrap().fingerprint, Some(first_print));
    assert!(old("otr.fp.2026-11-22").contains("smp"));
}

#[test]
fn the_account_is_guessed_only_where_it_is_clear() {
    let entry = |text: String| {
        let text = text.trim().strip_prefix("(privkeys").unwrap().to_owned();
        text.strip_suffix(')').unwrap().to_owned()
    };
    let (nick, nick_print) = key("alice@irc.oftc.net", "prpl-irc");
    let (other, other_print) = key("ally@irc.libera.chat", "prpl-irc");
    let (jabber, jabber_print) = key("alice@jabber.org", "prpl-jabber");
    let several = format!("(privkeys{}{}{})", entry(nick), entry(other), entry(jabber.clone()));
    let fresh = |text: &str, from: &str| {
        Stage::new().import(&[(File::Key, text.as_bytes())], &order(from, false))
    };
    let refused = fresh(&several, "").unwrap_err();
    assert!(refused.contains("--from") && refused.contains("ally@irc.libera.chat"), "{refused}");
    let print = |done: Imported| done.fingerprint.unwrap();
    assert_eq!(print(fresh(&several, "alice@irc.oftc.net").unwrap()), nick_print);
    assert_eq!(print(fresh(&several, "ally@irc.libera.chat").unwrap()), other_print);
    assert!(fresh(&several, "nobody").unwrap_err().contains("no such account"));
    // A key of another protocol is taken only by its name.
    assert!(fresh(&jabber, "").unwrap_err().contains("--from"));
    assert_eq!(print(fresh(&jabber, "alice@jabber.org").unwrap()), jabber_print);
    // Our own network's name comes before others.
    let (libera, libera_print) = key("libera", "IRC");
    let (oftc, _) = key("oftc", "IRC");
    let both = format!("(privkeys{}{})", entry(oftc), entry(libera));
    assert_eq!(print(fresh(&both, "").unwrap()), libera_print);
}

#[test]
fn weechats_peers_lose_their_server() {
    let prints = format!(
        "bob@libera\talice@libera\tirc\t{PRINT}\tverified\n#x@y\talice@libera\tirc\t{PRINT}\t\n"
    );
    let mut stage = Stage::new();
    let done = stage.import(&[(File::Fingerprints, prints.as_bytes())], &Order::default()).unwrap();
    assert_eq!((done.key, done.fingerprint), (KeyOutcome::None, None));
    assert_eq!((done.peers[0].nick.clone(), &*done.peers[0].trust), ("bob".into(), "manual"));
    assert!(
        stage
            .text(StoredFile::Fingerprints)
            .contains(&format!("bob\talice\tirc\t{PRINT}\tverified\n"))
    );
}

#[test]
fn what_makes_no_sense_is_refused_whole() {
    let mut stage = Stage::new();
    let before = stage.files.names();
    let good = format!("bob\talice\tirc\t{PRINT}\tsmp\n");
    for key in [&b""[..], b"hello", b"(privkeys (account", &[0xff; 99]] {
        let files: [(File, &[u8]); 2] = [(File::Key, key), (File::Fingerprints, good.as_bytes())];
        stage.import(&files, &Order::default()).unwrap_err();
    }
    let acts =
        stage.engine.step(NOW, Event::Import(b"no bundle".to_vec().into(), Order::default()));
    let outcome = stage.perform(acts).unwrap();
    assert!(outcome.is_err());
    let nothing = stage.import(&[], &Order::default()).unwrap();
    assert_eq!((nothing.known, nothing.key), (0, KeyOutcome::None));
    assert_eq!(stage.engine.exported().unwrap().known, 0);
    assert!(stage.files.names().iter().all(|name| before.contains(name) || name == "otr.instag"));
}

/// Rows of an owner of this name and protocol.
fn rows(account: &str, protocol: &str, rows: &[(&str, &str, &str)]) -> String {
    let row = |(nick, print, trust): &(&str, &str, &str)| {
        format!("{nick}\t{account}\t{protocol}\t{print}\t{trust}\n")
    };
    rows.iter().map(row).collect()
}

#[test]
fn a_blank_or_an_unknown_word_is_no_trust() {
    let mut stage = Stage::new();
    let file = rows(
        "x@y",
        "IRC",
        &[("bob", PRINT, " "), ("carol", PRINT, "perhaps"), ("dave", OTHER, "affirmed ")],
    );
    let done = stage.import(&[(File::Fingerprints, file.as_bytes())], &Order::default()).unwrap();
    let trusts: Vec<&str> = done.peers.iter().map(|peer| &*peer.trust).collect();
    assert_eq!(trusts, ["not trusted", "not trusted", "manual"]);
    assert_eq!(done.unknown_trust, ["perhaps".into()]);
    let kept = stage.text(StoredFile::Fingerprints);
    for line in ["bob\talice\tirc\tPRINT\t\n", "carol\talice\tirc\tPRINT\t\n"] {
        assert!(kept.contains(&line.replace("PRINT", PRINT)), "{kept:?}");
    }
}

/// As Gajim's plugin writes them; `key3` as potr does.
#[test]
fn contacts_of_another_protocol_are_no_nicks() {
    let account = "me@jabber.example";
    let contacts =
        rows(account, "xmpp", &[("hans@eds.example", PRINT, "verified"), ("grete", OTHER, "smp")]);
    let (libotr_key, fingerprint) = key(account, "xmpp");
    let potr_key = potr(&libotr_key);
    for key in [(File::WeechatKey, &potr_key[..]), (File::Key, libotr_key.as_bytes())] {
        let files = [key, (File::Fingerprints, contacts.as_bytes())];
        let refused = Stage::new().import(&files, &Order::default()).unwrap_err();
        assert!(refused.contains("no account for IRC"), "{refused}");
        assert!(refused.contains("--from: me@jabber.example (xmpp)"), "{refused}");
        // By its name the key is taken, and still nobody becomes a nick.
        let mut stage = Stage::new();
        let done = stage.import(&files, &order(account, false)).unwrap();
        assert_eq!((done.key, done.known, done.skipped), (KeyOutcome::New, 0, 2));
        assert_eq!(stage.key_on_disk(), Some(fingerprint.clone()));
        assert_eq!(stage.text(StoredFile::Fingerprints), "");
        assert!(Stage::new().import(&files, &order("nobody", false)).is_err());
    }
    // A key alone does not say whose it is.
    let alone = [(File::WeechatKey, &potr_key[..])];
    let refused = Stage::new().import(&alone, &Order::default()).unwrap_err();
    assert!(refused.contains("--from"), "{refused}");
    let done = Stage::new().import(&alone, &order("wendy@libera", false)).unwrap();
    assert_eq!(done.fingerprint, Some(fingerprint));
    // With an account for IRC beside it there is no question.
    let both = contacts + &rows("wendy@libera", "irc", &[("bob@libera", PRINT, "smp")]);
    let files = [(File::WeechatKey, &potr_key[..]), (File::Fingerprints, both.as_bytes())];
    let done = Stage::new().import(&files, &Order::default()).unwrap();
    assert_eq!((done.known, done.peers[0].nick.clone()), (1, "bob".into()));
}

/// The same numbers in potr's format.
fn potr(file: &str) -> Vec<u8> {
    let mut potr = vec![0, 0];
    for number in ["p", "q", "g", "y", "x"] {
        let (_, rest) = file.split_once(&format!("({number} #")).unwrap();
        let (hex, _) = rest.split_once('#').unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        potr.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        potr.extend(bytes);
    }
    potr
}

/// Adium numbers its accounts.
#[test]
fn adiums_irc_account_is_found_among_its_others() {
    let (irc, fingerprint) = key("4", "libpurple-IRC");
    let (jabber, _) = key("2", "libpurple-Jabber");
    let inner = |file: &str| {
        let file = file.trim().strip_prefix("(privkeys").unwrap();
        file.strip_suffix(')').unwrap().to_owned()
    };
    let keys = format!("(privkeys{}{})", inner(&jabber), inner(&irc));
    let prints = rows("2", "libpurple-Jabber", &[("hans@eds.example", OTHER, "verified")])
        + &rows("4", "libpurple-IRC", &[("bob", PRINT, "verified")]);
    let files = [(File::Key, keys.as_bytes()), (File::Fingerprints, prints.as_bytes())];
    let done = Stage::new().import(&files, &Order::default()).unwrap();
    assert_eq!((done.from, done.fingerprint), (Some("4".into()), Some(fingerprint)));
    assert_eq!((done.known, &*done.peers[0].trust), (1, "manual"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_nick_or_a_key() {
    let (key, fingerprint) = key("libera", "IRC");
    let prints = rows("libera", "IRC", &[("bob", PRINT, "smp"), ("carol", OTHER, "")]);
    let tags = "libera\tIRC\t0000abcd\n";
    for mark in ["", "\u{feff}"] {
        let marked = |text: &str| format!("{mark}{text}").into_bytes();
        let (key, prints, tags) = (marked(&key), marked(&prints), marked(tags));
        let files = [
            (File::Key, &key[..]),
            (File::Fingerprints, &prints[..]),
            (File::InstanceTags, &tags[..]),
        ];
        let mut stage = Stage::new();
        let done = stage.import(&files, &Order::default()).unwrap();
        assert_eq!(done.fingerprint.as_deref(), Some(&*fingerprint));
        let nicks: Vec<_> = done.peers.iter().map(|peer| peer.nick.clone()).collect();
        assert_eq!(nicks, ["bob".into(), "carol".into()]);
        assert!(stage.text(StoredFile::InstanceTag).contains("0000abcd"));

        // An editor adds it to our own files, too.
        for name in [
            StoredFile::Key,
            StoredFile::Fingerprints,
            StoredFile::InstanceTag,
            StoredFile::Settings,
        ] {
            let content = stage.files.get(name.file()).unwrap_or_else(|| b"{}".to_vec());
            stage.files.put(name, &[mark.as_bytes(), &content].concat());
        }
        let mut again = Stage::with(stage.files.clone());
        let after = again.engine.exported().unwrap();
        assert_eq!((after.fingerprint, after.known), (Some(fingerprint.clone()), 2));
        let damaged = stage.files.names().into_iter().find(|name| name.contains("damaged"));
        assert_eq!(damaged, None);
        let acts = again.engine.step(NOW, Event::Network(Network::default()));
        again.perform(acts);
    }
}

#[test]
fn a_key_that_comes_twice_is_one_with_the_strongest_trust() {
    let lines = [("Carol", PRINT, "smp"), ("carol", PRINT, ""), ("CAROL", PRINT, "verified")];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for connected in [false, true] {
        for places in orders {
            let mut stage = Stage::new();
            if connected {
                stage.connect("rfc1459");
            }
            let file = rows("libera", "IRC", &places.map(|place| lines[place]));
            let files = [(File::Fingerprints, file.as_bytes())];
            let done = stage.import(&files, &Order::default()).unwrap();
            assert_eq!((done.known, done.changed, done.peers.len()), (1, 1, 1), "{places:?}");
            assert_eq!(&*done.peers[0].trust, "shared secret");
            let wanted = format!("carol\talice\tirc\t{PRINT}\tsmp\n");
            assert_eq!(stage.text(StoredFile::Fingerprints), wanted, "{connected} {places:?}");
            let again = stage.import(&files, &Order::default()).unwrap();
            assert_eq!((again.known, again.changed), (1, 0));
        }
    }
    // What only the server can tell to be one nick becomes one when it has said so.
    for (mapping, known) in [("ascii", 2), ("rfc1459-strict", 1), ("rfc1459", 1)] {
        for lines in [
            [("Nick[a]", PRINT, "smp"), ("nick{A}", PRINT, "manual")],
            [("nick{A}", PRINT, "manual"), ("Nick[a]", PRINT, "smp")],
            [("nick{A}", PRINT, ""), ("Nick[a]", PRINT, "smp")],
        ] {
            let mut stage = Stage::new();
            let file = rows("libera", "IRC", &lines);
            let files = [(File::Fingerprints, file.as_bytes())];
            let done = stage.import(&files, &Order::default()).unwrap();
            assert_eq!((done.known, done.changed), (2, 2));
            stage.connect(mapping);
            let kept = stage.text(StoredFile::Fingerprints);
            assert_eq!(kept.lines().count(), known, "{mapping}: {kept}");
            let nick = if known == 1 { "nick{a}" } else { "nick[a]" };
            assert!(kept.contains(&format!("{nick}\talice\tirc\t{PRINT}\tsmp\n")), "{kept}");
        }
    }
}
