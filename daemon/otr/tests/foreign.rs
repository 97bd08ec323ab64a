//! Keys and fingerprints of other programs.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{key_file, peer};
use otr::foreign::{self, ForeignAccount};
use otr::{Fingerprint, KeyError, Otr, Trust};

fn owner(account: &str, protocol: &str) -> ForeignAccount {
    ForeignAccount { account: account.into(), protocol: protocol.into() }
}

/// One file with the keys of several accounts, as Pidgin writes it.
fn pidgin() -> Vec<u8> {
    let one = |name: &str, account: &str, protocol: &str| {
        let file = String::from_utf8(key_file(name).to_vec()).unwrap();
        let entry = file.trim_start().strip_prefix("(privkeys").unwrap().trim_end();
        let entry = entry.strip_suffix(')').unwrap();
        entry
            .replace(&format!("(name {name})"), &format!("(name \"{account}\")"))
            .replace("(protocol irc)", &format!("(protocol {protocol})"))
    };
    let alice = one("alice", "alice@irc.libera.chat", "prpl-irc");
    let bob = one("bob", "bob@jabber.org/Home", "prpl-jabber");
    format!("(privkeys{alice}{bob})\n").into_bytes()
}

fn fingerprint_of(name: &str) -> Fingerprint {
    let mut otr = Otr::new(name).unwrap();
    otr.load_key(key_file(name)).unwrap();
    otr.own_fingerprint().unwrap()
}

#[test]
fn every_key_of_a_file_is_listed_and_any_can_be_taken() {
    let file = pidgin();
    let found = foreign::keys(&file).unwrap();
    let mut names: Vec<_> = found.iter().map(|key| key.owner.clone()).collect();
    names.sort();
    let irc = owner("alice@irc.libera.chat", "prpl-irc");
    let jabber = owner("bob@jabber.org/Home", "prpl-jabber");
    assert_eq!(names, [irc.clone(), jabber.clone()]);
    assert!(irc.is_irc() && owner("libera", "IRC").is_irc() && !jabber.is_irc());
    for (owner, whose) in [(irc, "alice"), (jabber, "bob")] {
        for name in ["carol", "c.a rol\"(x)", "1st", "zażółć"] {
            let ours = foreign::take_key(&file, &owner, name).unwrap();
            let mut otr = Otr::new(name).unwrap();
            otr.load_key(&ours).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(otr.own_fingerprint(), Some(fingerprint_of(whose)));
            let key = found.iter().find(|key| key.owner == owner).unwrap();
            assert_eq!(key.fingerprint, fingerprint_of(whose));
        }
    }
    let nobody = owner("nobody", "irc");
    assert!(matches!(foreign::take_key(&file, &nobody, "carol"), Err(KeyError::Missing)));
}

/// libgcrypt writes a number as a string where all of its bytes look like Latin letters: so did it
/// the private one of this throwaway key.
#[test]
fn a_number_may_be_a_string_that_is_no_utf8() {
    let file = include_bytes!("data/latin.key");
    assert!(!file.is_ascii());
    let mut friend = Otr::new("friend").unwrap();
    friend.load_key(file).unwrap();
    let ours = foreign::take_key(file, &owner("friend", "irc"), "carol").unwrap();
    let mut carol = Otr::new("carol").unwrap();
    carol.load_key(&ours).unwrap();
    assert!(carol.own_fingerprint().is_some());
    assert_eq!(carol.own_fingerprint(), friend.own_fingerprint());
    assert_eq!(foreign::keys(file).unwrap()[0].fingerprint, friend.own_fingerprint().unwrap());
}

#[test]
fn what_is_no_key_file_is_refused() {
    for bad in [&b""[..], b"hello", b"(privkeys (account", &[0xff; 100], &vec![b'('; 70_000]] {
        assert!(foreign::keys(bad).is_err());
        assert!(foreign::take_key(bad, &owner("a", "irc"), "a").is_err());
        assert!(foreign::take_potr_key(bad, "a").is_err());
    }
    assert_eq!(foreign::keys(b"(privkeys)").unwrap(), []);
    let good = String::from_utf8(key_file("alice").to_vec()).unwrap();
    let x = good.find("(x #").unwrap() + 4;
    let mut wrong = good.clone();
    wrong.replace_range(x..x + 4, "0102");
    let refused = foreign::take_key(wrong.as_bytes(), &owner("alice", "irc"), "bob");
    assert!(matches!(refused, Err(KeyError::Unsound(_))));
}

/// A key as potr's `serializePrivateKey` writes it.
fn potr(name: &str) -> Vec<u8> {
    let text = String::from_utf8(key_file(name).to_vec()).unwrap();
    let mut file = vec![0, 0];
    for number in ["p", "q", "g", "y", "x"] {
        let start = text.find(&format!("({number} #")).unwrap() + 4;
        let hex: String = text[start..].chars().take_while(|c| *c != '#').collect();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .skip_while(|byte| *byte == 0)
            .collect();
        file.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        file.extend(bytes);
    }
    file
}

#[test]
fn the_key_of_weechats_script_is_the_same_key() {
    let file = potr("alice");
    let (ours, fingerprint) = foreign::take_potr_key(&file, "carol").unwrap();
    assert_eq!(fingerprint, fingerprint_of("alice"));
    let mut carol = Otr::new("carol").unwrap();
    carol.load_key(&ours).unwrap();
    assert_eq!(carol.own_fingerprint(), Some(fingerprint));
    for cut in 0..file.len() {
        assert!(foreign::take_potr_key(&file[..cut], "carol").is_err(), "cut at {cut}");
    }
    assert!(foreign::take_potr_key(&[&file[..], b"x"].concat(), "carol").is_err());
}

#[test]
fn fingerprints_come_with_owner_and_trust() {
    let hex = "00112233445566778899aabbccddeeff00112233";
    let file = format!(
        "bob\tlibera\tIRC\t{hex}\tsmp\nbob@libera\talice@libera\tirc\t{hex}\tverified\r\nnonsense\n"
    );
    let (found, left_out) = foreign::fingerprints(file.as_bytes()).unwrap();
    assert_eq!((found.len(), left_out), (2, 1));
    assert_eq!((&found[0].owner, &found[0].peer), (&owner("libera", "IRC"), &peer("bob")));
    assert_eq!(found[0].trust, Trust::SharedSecret);
    assert_eq!(found[1].trust, Trust::Other("verified"));
    assert_eq!(found[1].peer, peer("bob@libera"));
}

#[test]
fn a_blank_is_no_trust_and_an_unknown_word_is_said() {
    let hex = "00112233445566778899aabbccddeeff00112233";
    let file = format!("bob\tx@y\tIRC\t{hex}\t \ncarol\tx@y\tIRC\t{hex}\tperhaps\n");
    let (found, left_out) = foreign::fingerprints(file.as_bytes()).unwrap();
    assert_eq!((found.len(), left_out), (2, 0));
    assert_eq!((&found[0].trust, &found[0].unknown_trust), (&Trust::None, &None));
    let unknown = Some(b"perhaps".to_vec());
    assert_eq!((&found[1].trust, &found[1].unknown_trust), (&Trust::None, &unknown));
}

#[test]
fn irc_is_known_in_every_programs_spelling() {
    let irc = [
        "irc",
        "IRC",
        "Irc",
        "prpl-irc",
        "prpl-IRC",
        "PRPL-irc",
        "prpl-ircv3",
        "libpurple-IRC",
        "libpurple-irc",
        "LibPurple-Irc",
        "libgaim-IRC",
        "gaim-irc",
        "IRC ",
        "IRCProtocol",
    ];
    for protocol in irc {
        assert!(owner("a", protocol).is_irc(), "{protocol}");
    }
    let others = [
        "",
        "xmpp",
        "jabber",
        "prpl-jabber",
        "libpurple-Jabber",
        "prpl-",
        "ircx",
        "silc",
        "prpl-silc",
        "x-irc",
        "prpl-prpl-irc",
        "irc-irc",
        "Mattermost",
    ];
    for protocol in others {
        assert!(!owner("a", protocol).is_irc(), "{protocol}");
    }
}

#[test]
fn files_with_a_byte_order_mark_are_read() {
    let hex = "00112233445566778899aabbccddeeff00112233";
    let marked = |text: &[u8]| [b"\xef\xbb\xbf", text].concat();
    let (found, _) =
        foreign::fingerprints(&marked(format!("bob\tlibera\tIRC\t{hex}\tsmp").as_bytes())).unwrap();
    assert_eq!(found[0].peer, peer("bob"));
    assert_eq!(foreign::keys(&marked(&pidgin())).unwrap(), foreign::keys(&pidgin()).unwrap());
    let irc = owner("alice@irc.libera.chat", "prpl-irc");
    assert_eq!(
        foreign::take_key(&marked(&pidgin()), &irc, "carol").unwrap(),
        foreign::take_key(&pidgin(), &irc, "carol").unwrap()
    );
    let tags = marked(b"libera\tIRC\t0000abcd\r\n");
    assert_eq!(foreign::instag(&tags, &owner("libera", "IRC")), Some(0xabcd));
}

#[test]
fn an_instance_tag_is_found_by_its_owner() {
    let file = b"# WARNING!\nalice\tirc\t11111111\nlibera\tIRC\t0000abcd\nx\tirc\t00000001\n";
    assert_eq!(foreign::instag(file, &owner("libera", "IRC")), Some(0xabcd));
    assert_eq!(foreign::instag(file, &owner("libera", "irc")), None);
    assert_eq!(foreign::instag(file, &owner("x", "irc")), None);
}
