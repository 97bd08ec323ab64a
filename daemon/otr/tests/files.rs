//! The three files of an account, in libotr's own formats.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::raw::{Raw, stream};
use common::{Person, key_file, peer};
use otr::{
    FileError, Fingerprint, FingerprintReport, FingerprintStore, KeyError, NameError, Otr, Peer,
    Trust,
};

fn print(byte: u8) -> Fingerprint {
    Fingerprint::from_bytes([byte; 20])
}

#[test]
fn a_key_is_for_its_account_and_survives_a_file() {
    let mut alice = Otr::new("alice").unwrap();
    assert!(!alice.has_key() && alice.own_fingerprint().is_none());
    alice.load_key(key_file("alice")).unwrap();
    let ours = alice.own_fingerprint().unwrap();
    assert_eq!(Some(ours), Person::new("alice").otr.own_fingerprint());
    // libotr reads it too, and makes the same fingerprint of it.
    let raw = Raw::new("alice", key_file("alice"));
    let mut hash = [0; 20];
    // SAFETY: a user state with that key, and room for 20 bytes.
    unsafe {
        let name = c"alice".as_ptr();
        otr_sys::otrl_privkey_fingerprint_raw(raw.us, hash.as_mut_ptr(), name, c"irc".as_ptr());
    }
    assert_eq!(&hash, ours.as_bytes());
    alice.forget_key();
    assert!(!alice.has_key());
}

#[test]
fn a_key_file_that_is_no_use_leaves_the_key_alone() {
    let mut alice = Otr::new("alice").unwrap();
    alice.load_key(key_file("alice")).unwrap();
    let ours = alice.own_fingerprint();
    let good = String::from_utf8(key_file("alice").to_vec()).unwrap();
    let mut refusal = |file: &[u8]| {
        let error = alice.load_key(file).unwrap_err();
        assert_eq!(alice.own_fingerprint(), ours);
        error
    };
    // libotr reads these two as success.
    assert!(matches!(refusal(b""), KeyError::Missing));
    assert!(matches!(refusal(b"(privkeys)"), KeyError::Missing));
    assert!(matches!(refusal(b"hello"), KeyError::Malformed(_)));
    assert!(matches!(refusal(&good.as_bytes()[..good.len() / 2]), KeyError::Malformed(_)));
    assert!(matches!(refusal(&[b'('; otr::MAX_KEY_FILE + 1]), KeyError::TooLarge(_)));
    let error = refusal(key_file("bob"));
    assert!(matches!(&error, KeyError::OtherAccount { found, .. } if found == "bob"), "{error}");
    assert!(error.to_string().contains("\"alice\""));
    let prpl = good.replace("(protocol irc)", "(protocol prpl-irc)");
    assert!(matches!(refusal(prpl.as_bytes()), KeyError::Missing));
    // Another x than y was made of; and a q that would overrun libotr's buffer.
    let x = good.find("(x #").unwrap() + 4;
    let mut wrong = good.clone();
    wrong.replace_range(x..x + 4, "0102");
    assert!(matches!(refusal(wrong.as_bytes()), KeyError::Unsound(_)));
    let q = good.find("(q #").unwrap() + 4;
    // A digit of q that a bad disk turned.
    let mut turned = good.clone();
    let digit = if &good[q + 20..=q + 20] == "A" { "B" } else { "A" };
    turned.replace_range(q + 20..=q + 20, digit);
    assert!(matches!(refusal(turned.as_bytes()), KeyError::Unsound(_)));
    let mut long = good.clone();
    long.insert_str(q, &"7f".repeat(12));
    assert!(matches!(refusal(long.as_bytes()), KeyError::Unsound(_)));
}

#[test]
fn odd_names_of_accounts_survive_a_key_file() {
    for name in ["a \"quoted\" (name)", "zażółć", "#|{}[]", &"n".repeat(200)] {
        let key = otr::generate_key(name).unwrap();
        Otr::new(name).unwrap().load_key(&key).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    assert!(matches!(otr::generate_key("a\tb"), Err(KeyError::Name(NameError::Separator))));
    assert!(matches!(otr::generate_key(""), Err(KeyError::Name(NameError::Empty))));
}

#[test]
fn names_that_would_break_a_file_are_refused() {
    for bad in ["a\tb", "a\nb", "a\rb", "a\0b"] {
        assert_eq!(Peer::new(bad.as_bytes()), Err(NameError::Separator));
    }
    assert_eq!(Peer::new(b""), Err(NameError::Empty));
    assert_eq!(Peer::new(&[b'a'; 201]), Err(NameError::TooLong));
    assert_eq!(Peer::new(&[0xff; 200]).unwrap().as_bytes(), [0xff; 200]);
}

#[test]
fn fingerprints_survive_a_file() {
    let mut alice = FingerprintStore::new("alice").unwrap();
    let trusts = [
        Trust::None,
        Trust::Manual,
        Trust::SharedSecret,
        Trust::Other("verified"),
        Trust::Other("affirmed"),
    ];
    for (i, trust) in (1..).zip(&trusts) {
        alice.put(&peer("bob"), print(i), trust.clone());
    }
    let longest = Peer::new(&[0xfe; 200]).unwrap();
    alice.put(&longest, print(9), Trust::Manual);
    let file = alice.file();
    assert!(file.starts_with(b"bob\talice\tirc\t0101010101010101010101010101010101010101\t\n"));

    let mut again = FingerprintStore::new("alice").unwrap();
    let report = again.load(&file).unwrap();
    assert_eq!(report, FingerprintReport { loaded: 6, ..Default::default() });
    assert!(!report.lossy());
    assert!(again.all().eq(alice.all()));
    assert_eq!(again.file(), file);
    assert_eq!(again.of(&peer("bob")).count(), 5);
    assert_eq!(again.trust(&peer("bob"), print(3)), Some(Trust::SharedSecret));
    assert_eq!(again.trust(&peer("carol"), print(3)), None);

    // libotr reads the same out of it.
    let raw = Raw::new("alice", key_file("alice"));
    let open = stream(&file);
    // SAFETY: an open user state and stream, closed once; the list is libotr's.
    unsafe {
        let ok =
            otr_sys::otrl_privkey_read_fingerprints_FILEp(raw.us, open, None, std::ptr::null_mut());
        assert_eq!(ok, 0);
        libc::fclose(open);
        let first = (*raw.us).context_root;
        let newest = (*first).fingerprint_root.next;
        assert_eq!(*(*newest).fingerprint, 5);
        assert!((*(*first).next).next.is_null());
    }
}

#[test]
fn fingerprints_in_any_order_stay_in_theirs() {
    let line = |who: &str, byte: u8, trust: &str| {
        format!("{who}\talice\tirc\t{}\t{trust}\n", print(byte).to_hex())
    };
    let file = [
        line("carol", 1, ""),
        line("bob", 2, ""),
        line("dave", 3, ""),
        line("bob", 1, "manual"),
        // The strongest word counts, the first place stays.
        line("bob", 2, "smp"),
        line("bob", 2, "manual"),
        line("carol", 4, ""),
        line("bob", 2, ""),
    ];
    let mut alice = FingerprintStore::new("alice").unwrap();
    assert_eq!(alice.load(file.concat().as_bytes()).unwrap().loaded, 8);
    let known = |alice: &FingerprintStore| -> Vec<_> {
        let all = alice.all();
        all.map(|known| (known.peer, known.fingerprint, known.trust)).collect()
    };
    let mut wanted = vec![
        (peer("bob"), print(1), Trust::Manual),
        (peer("bob"), print(2), Trust::SharedSecret),
        (peer("carol"), print(4), Trust::None),
        (peer("carol"), print(1), Trust::None),
        (peer("dave"), print(3), Trust::None),
    ];
    assert_eq!(known(&alice), wanted);

    // Another file on top.
    alice.load([line("carol", 1, "manual"), line("bob", 5, "")].concat().as_bytes()).unwrap();
    wanted[3].2 = Trust::Manual;
    wanted.insert(0, (peer("bob"), print(5), Trust::None));
    assert_eq!(known(&alice), wanted);
    let bobs: Vec<_> = alice.all().filter(|one| one.peer == peer("bob")).collect();
    assert_eq!(bobs.len(), 3);
    assert!(alice.of(&peer("bob")).eq(bobs));
}

#[test]
fn lines_that_are_not_ours_are_left_out_and_counted() {
    let mut alice = FingerprintStore::new("alice").unwrap();
    let hex = "00112233445566778899aabbccddeeff00112233";
    let long = "x".repeat(1000);
    let file = [
        format!("bob\talice\tirc\t{hex}\tsmp\r"),
        // An old file without trust.
        format!("carol\talice\tirc\t{hex}"),
        format!("bob\tmallory\tirc\t{hex}\tmanual"),
        format!("bob\talice\tprpl-irc\t{hex}\tmanual"),
        format!("bob\talice\tirc\t{}\tmanual", &hex[1..]),
        format!("bob\talice\tirc\tx{}\tmanual", &hex[1..]),
        format!("bob\talice\tirc\t{hex}\t{long}"),
        "no tabs at all".to_owned(),
        format!("\talice\tirc\t{hex}\t"),
        String::new(),
    ]
    .join("\n");
    let report = alice.load(file.as_bytes()).unwrap();
    let wanted =
        FingerprintReport { loaded: 2, others: 2, malformed: 5, ..FingerprintReport::default() };
    assert_eq!(report, wanted);
    assert!(report.lossy());
    let fingerprint = Fingerprint::from_hex(hex).unwrap();
    assert_eq!(alice.trust(&peer("bob"), fingerprint), Some(Trust::SharedSecret));
    assert_eq!(alice.trust(&peer("carol"), fingerprint), Some(Trust::None));
    let huge = vec![b'\n'; otr::MAX_RECORDS_FILE + 1];
    assert_eq!(alice.load(&huge), Err(FileError::TooLarge(otr::MAX_RECORDS_FILE)));
}

#[test]
fn an_instance_tag_is_kept() {
    let mut alice = Otr::new("alice").unwrap();
    assert!(alice.instags_file().starts_with(b"# WARNING!"));
    let tag = alice.instag();
    assert!(tag >= 0x100);
    assert_eq!(alice.instag(), tag);
    let mut again = Otr::new("alice").unwrap();
    let others = "mallory\tirc\t11111111\nalice\tprpl-irc\t22222222\nalice\tirc\t000000ff\n";
    let file = [others.as_bytes(), &alice.instags_file()].concat();
    again.load_instags(&file).unwrap();
    assert_eq!(again.instag(), tag);
    let mut nobody = Otr::new("nobody").unwrap();
    nobody.load_instags(&file).unwrap();
    assert_ne!(nobody.instag(), tag);

    let raw = Raw::new("alice", key_file("alice"));
    let open = stream(&alice.instags_file());
    // SAFETY: an open user state and stream, closed once; the list is libotr's.
    unsafe {
        assert_eq!(otr_sys::otrl_instag_read_FILEp(raw.us, open), 0);
        libc::fclose(open);
        assert_eq!((*(*raw.us).instag_root).instag, tag);
    }
}

#[test]
fn fingerprints_are_printed_as_everywhere_and_read_in_any_case() {
    let text = "A305FE90 2B4A8038 03BF89F7 5BBD5595 4B9D209A";
    let print = Fingerprint::from_hex(text).unwrap();
    assert_eq!(print.to_string(), text);
    assert_eq!(print.to_hex(), text.replace(' ', "").to_lowercase());
    assert_eq!(Fingerprint::from_hex(&print.to_hex()), Some(print));
    for bad in ["", "A305", &text[1..], &format!("{text}0"), &text.replace('A', "g"), "é"] {
        assert_eq!(Fingerprint::from_hex(bad), None);
    }
    assert!(print.starts_with_hex("a305FE90 2b") && print.starts_with_hex(text));
    assert!(
        !print.starts_with_hex("") && !print.starts_with_hex("b3") && !print.starts_with_hex("x")
    );
    assert!(!print.starts_with_hex(&format!("{text}00")));
}

#[test]
fn only_words_that_programs_write_are_trust() {
    let word = |word: &str| {
        let mut alice = FingerprintStore::new("alice").unwrap();
        let line = format!("bob\talice\tirc\t{}\t{word}\n", print(1).to_hex());
        let report = alice.load(line.as_bytes()).unwrap();
        assert_eq!((report.loaded, report.malformed, report.others), (1, 0, 0), "{word:?}");
        (alice.trust(&peer("bob"), print(1)).unwrap(), report.unknown_trust)
    };
    let blanks = [
        "", " ", "   ", "\t", " \t ", "\0", "\r", " \r", "\u{a0}", "\u{3000}", "\u{200b}",
        "\u{feff}",
    ];
    for blank in blanks {
        assert_eq!(word(blank), (Trust::None, 0), "{blank:?}");
    }
    for smp in ["smp", "SMP", " smp", "smp ", "smp\r", "smp\t", "smp\u{a0}", "smp\0"] {
        assert_eq!(word(smp), (Trust::SharedSecret, 0), "{smp:?}");
    }
    assert_eq!(word("Manual"), (Trust::Manual, 0));
    for known in ["verified", "affirmed", "trust", "trusted", "yes"] {
        assert_eq!(word(known), (Trust::Other(known), 0));
        assert_eq!(word(&known.to_uppercase()), (Trust::Other(known), 0));
    }
    for no in ["no", "untrusted", "Untrusted "] {
        assert_eq!(word(no), (Trust::None, 0), "{no:?}");
    }
    for unknown in ["x", "smpx", "smp manual", "not verified", "\tsmp", "smp\tx", "1", "\"smp\""] {
        assert_eq!(word(unknown), (Trust::None, 1), "{unknown:?}");
    }
}

/// Editors put a byte order mark in front, in UTF-8 or with all of the file in UTF-16, and have
/// line ends of their own.
#[test]
fn what_editors_leave_in_a_file_does_not_matter() {
    let prints = format!(
        "alicia\talice\tirc\t{}\tsmp\nbob \talice \tirc\t{} \tmanual\n",
        print(1).to_hex(),
        print(2).to_hex()
    );
    let key = String::from_utf8(key_file("alice").to_vec()).unwrap();
    let tag = "# a comment\nalice\tirc\t0000abcd\n".to_owned();
    type Editor = fn(&str) -> Vec<u8>;
    let editors: [Editor; 6] = [
        |text| text.into(),
        |text| format!("\u{feff}{text}").into(),
        |text| format!("\u{feff}\u{feff}{}", text.replace('\n', "\r\n")).into(),
        |text| text.replace('\n', "\r").into(),
        |text| format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        |text| {
            let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
            text.encode_utf16().flat_map(u16::to_be_bytes).collect()
        },
    ];
    for (number, editor) in editors.iter().enumerate() {
        let mut alice = Otr::new("alice").unwrap();
        let mut known = FingerprintStore::new("alice").unwrap();
        let report = known.load(&editor(&prints)).unwrap();
        assert_eq!(report, FingerprintReport { loaded: 2, ..Default::default() }, "{number}");
        assert_eq!(known.trust(&peer("alicia"), print(1)), Some(Trust::SharedSecret), "{number}");
        assert_eq!(known.trust(&peer("bob"), print(2)), Some(Trust::Manual), "{number}");
        alice.load_key(&editor(&key)).unwrap_or_else(|why| panic!("{number}: {why}"));
        alice.load_instags(&editor(&tag)).unwrap();
        assert_eq!(alice.instag(), 0xabcd, "{number}");
    }
}
