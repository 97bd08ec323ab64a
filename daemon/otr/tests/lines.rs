//! What is OTR and what merely looks like it.

mod common;

use common::{Person, peer};
use otr::Version;
use otr::message::{
    Fragment, MessageType, OtrLine, classify, is_cut_off, is_whole, whitespace_tag,
};

fn query(v2: bool, v3: bool) -> OtrLine<'static> {
    OtrLine::Query { v2, v3 }
}

#[test]
fn a_query_is_one_only_at_the_beginning_and_well_formed() {
    assert_eq!(classify(b"?OTRv23?"), query(true, true));
    assert_eq!(classify(b"?OTRv2?"), query(true, false));
    assert_eq!(classify(b"?OTRv3? and some words"), query(false, true));
    assert_eq!(classify(b"?OTR?v2?"), query(true, false));
    assert_eq!(classify(b"?OTR?v23?\tx"), query(true, true));
    assert_eq!(classify(b"?OTRv24x?"), query(true, false));
    assert_eq!(classify(b"?OTRv23?\n<b>bob</b> has requested"), query(true, true));
    assert_eq!(classify(b"?OTRv23?<b>bob</b> has requested"), query(true, true));
    // Offers of nothing that we speak.
    assert_eq!(classify(b"?OTR?"), query(false, false));
    assert_eq!(classify(b"?OTRv?"), query(false, false));
    assert_eq!(classify(b"?OTRv4?"), query(false, false));
}

#[test]
fn text_that_mentions_otr_is_text() {
    for text in [
        &b""[..],
        b"?",
        b"?OTR",
        b"?OTR!",
        b"?OTR??",
        b"?OTRv2",
        b"?OTRv2 is what you type",
        b"?OTRv23?really",
        b"type ?OTRv2? to begin",
        b" ?OTRv23?",
        b"what is ?OTR:AAMDxyz.",
        b"?OTR:",
        b"?OTR:AAMD",
        b"?OTR:AAMDAAAAAAAA",
        b"?OTR:AAMXAAAAAAAAAAAAAAAAAAAA.",
        b"?OTR:AAMDhello world, this is me.",
        b"?OTR:AAEKAAAA.",
        b"?OTR:AAID. and more",
        b"?OTR,",
        b"?OTR,0,0,x,",
        b"?OTR,2,1,x,",
        b"?OTR,1,2,,",
        b"?OTR,1,2,x",
        b"?OTR,1,2,x,y",
        b"?OTR,+1,2,x,",
        b"?OTR,100000,100000,x,",
        b"?OTR|1|2,1,2,x",
        b"?OTR|123456789|2,1,2,x,",
        b"?OTR|0x1|2,1,2,x,",
        b"?OTR Errors are fun",
    ] {
        assert_eq!(classify(text), OtrLine::Text, "{}", text.escape_ascii());
    }
}

#[test]
fn messages_say_who_and_what() {
    // 00 03 02, sender 0x00000100, receiver 0.
    assert_eq!(
        classify(b"?OTR:AAMCAAABAAAAAAAAAADE."),
        OtrLine::Message {
            version: Version::V3,
            kind: MessageType::DhCommit,
            sender: 0x100,
            receiver: 0
        }
    );
    assert_eq!(
        classify(b"?OTR:AAIDAAAA.\r"),
        OtrLine::Message { version: Version::V2, kind: MessageType::Data, sender: 0, receiver: 0 }
    );
    // Cut off on the way: libotr says that it is malformed.
    assert!(matches!(
        classify(b"?OTR:AAIKAAAA"),
        OtrLine::Message { kind: MessageType::DhKey, .. }
    ));
}

#[test]
fn fragments_and_errors() {
    assert_eq!(
        classify(b"?OTR|5a73a599|27e31597,00001,00003,?OTR:AAMDJ+MVmSfjFZcAAAAA,"),
        OtrLine::Fragment(Fragment {
            version: Version::V3,
            sender: 0x5a73_a599,
            receiver: 0x27e3_1597,
            k: 1,
            n: 3,
            piece: b"?OTR:AAMDJ+MVmSfjFZcAAAAA",
        })
    );
    assert!(matches!(classify(b"?OTR,2,3,x,"), OtrLine::Fragment(Fragment { k: 2, n: 3, .. })));
    assert_eq!(classify(b"?OTR Error: no"), OtrLine::Error { text: b"no" });
    assert_eq!(classify(b"?OTR Error:no"), OtrLine::Error { text: b"no" });
}

#[test]
fn a_whitespace_tag_is_found_and_taken_out() {
    for (v2, v3) in [(true, true), (true, false), (false, true)] {
        let line = [b"hi", whitespace_tag(v2, v3), b"!"].concat();
        assert_eq!(classify(&line), OtrLine::Tagged { v2, v3, text: b"hi!".to_vec() });
    }
    assert_eq!(whitespace_tag(false, false), b"");
    // An unknown version is taken out as well.
    let line = [b"hi", whitespace_tag(true, false), b"\t\t\t\t\t\t\t\t"].concat();
    assert_eq!(classify(&line), OtrLine::Tagged { v2: true, v3: false, text: b"hi".to_vec() });
}

#[test]
fn a_message_knows_how_long_it_is() {
    for query in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
        alice.max = 64 * 1024;
        bob.max = 64 * 1024;
        alice.post(&peer("bob"), query.as_bytes());
        let mut seen = 0;
        let mut said = false;
        loop {
            let (from, to, line) = match (alice.out.pop_front(), bob.out.pop_front()) {
                (Some((to, line)), waits) => {
                    bob.out.extend(waits);
                    (peer("alice"), to, line)
                }
                (None, Some((to, line))) => (peer("bob"), to, line),
                (None, None) if !said => {
                    said = true;
                    let instance = alice.private_with(&peer("bob")).instance;
                    for text in ["a", "ab", "abc", "abcd"] {
                        alice.say(&peer("bob"), instance, text);
                    }
                    continue;
                }
                (None, None) => break,
            };
            if line.starts_with(b"?OTR:") {
                seen += 1;
                assert!(is_whole(&line) && !is_cut_off(&line), "{}", line.escape_ascii());
                for cut in [24, 40, line.len() / 2, line.len() - 6] {
                    let (start, rest) = line.split_at(cut);
                    assert!(is_cut_off(start) && !is_whole(start));
                    assert!(!is_whole(&[start, b"."].concat()));
                    assert!(!is_whole(&[start, b"hello.", rest].concat()));
                }
            }
            let hearer = if to == peer("alice") { &mut alice } else { &mut bob };
            hearer.hear(&from, &line);
        }
        assert_eq!(seen, 8, "four steps of the exchange and four texts");
    }
    for text in [&b"?OTR:"[..], b"?OTR:AAMD", b"?OTRv23?", b"hello", b"see ?OTR:AAMDxyz"] {
        assert!(!is_cut_off(text) && !is_whole(text));
    }
}

/// Some programs leave the padding out, or the bits behind the last byte as they come.
#[test]
fn base64_is_read_with_its_padding_and_without() {
    // A DH key message of version 2 with an empty key.
    for body in ["AAIKAAAAAA==", "AAIKAAAAAA=", "AAIKAAAAAA", "AAIKAAAAAP=="] {
        assert!(is_whole(format!("?OTR:{body}.").as_bytes()), "{body}");
    }
    for body in ["AAIKAAAAAA===", "AAIKAAAAA", "AAIKAAAA==AA", "AAIKAAAAAA-="] {
        assert!(!is_whole(format!("?OTR:{body}.").as_bytes()), "{body}");
    }
    // Instance tags that are not whole.
    assert_eq!(classify(b"?OTR:AAMCAAABAAAAAA==."), OtrLine::Text);
}
