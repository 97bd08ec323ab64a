//! `mark`: the mark in front of what was decrypted, which nobody can type.

use otrd_tests::{
    Alone, Client, Otrd, Scene, ScriptedServer, World, ZncBuilder, ZncNetwork, ZncUser, eventually,
};

#[track_caller]
fn marks(client: &Client, mark: &str) {
    client.otr(&format!("mark {mark}"));
    client.otr_says("What was encrypted is marked from now on with ");
}

#[test]
fn what_came_encrypted_has_it() {
    let mut scene = Alone::new();
    let other = scene.znc.attach_with("alice", "net", &["server-time", "znc.in/self-message"]);
    let bob = scene.peer("bob", "23");
    marks(&scene.alice, "on");
    bob.types_to("alice", "in clear");
    scene.alice.reads("bob", "in clear");
    scene.goes_private(&bob);
    bob.types_to("alice", "who am I?");
    scene.alice.reads("bob", "[OTR] who am I?");
    other.reads("bob", "[OTR] who am I?");
    let action = bob.encrypts_for("alice", "/me waves");
    bob.sends(&format!("PRIVMSG alice :{action}"));
    scene.alice.reads_action("bob", "[OTR] waves");
    // One of the peer's own is not there twice, and one of the user's own not at all.
    bob.types_to("alice", "[OTR] I am bob");
    scene.alice.reads("bob", "[OTR] I am bob");
    scene.alice.types_to("bob", "[OTR] are you?");
    bob.reads("alice", "[OTR] are you?");
    other.sees_own("bob", "are you?");
    scene.alice.otr("trust bob");
    scene.alice.otr_says("trusted!");
    marks(&scene.alice, "\u{1f512}\u{fe0f}");
    bob.types_to("alice", "it is me");
    scene.alice.reads("bob", "\u{1f512} it is me");
    bob.sends("PRIVMSG alice :\u{1f512} and I?");
    let line = scene.alice.reads_about("bob", "and I?");
    assert!(line.text().starts_with("[NOT ENCRYPTED] "), "{line}");

    // It is kept, whatever is restarted.
    scene.znc.restart();
    let alice = scene.znc.attach("alice", "net");
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    bob.types_to("alice", "still me");
    alice.reads("bob", "\u{1f512} still me");
    bob.vanishes();
    let stranger = scene.peer("bob", "23");
    stranger.starts_otr_with("alice");
    alice.otr_says("CHANGE");
    stranger.types_to("alice", "me, too");
    let line = alice.reads_about("bob", "me, too");
    assert!(line.text().starts_with("[UNVERIFIED NEW KEY] "), "{line}");
    alice.otr("mark off");
    alice.otr_says_exactly("Nothing is marked from now on.");
    alice.otr("trust bob");
    alice.otr_says("trusted!");
    stranger.types_to("alice", "nothing to see");
    alice.reads("bob", "nothing to see");
}

#[test]
fn what_can_be_one() {
    let scene = Alone::new();
    for bad in [
        "OTR",
        "[O R]",
        "[1]",
        "[",
        "[NOT",
        "[unverified",
        "\u{2}*",
        "\u{e9}:",
        "[seventeenletter]]",
    ] {
        scene.alice.otr(&format!("mark {bad}"));
        scene.alice.otr_says("A mark has at most 16 letters");
        scene.alice.forgets();
    }
    scene.alice.otr("mark");
    scene.alice.otr_says_exactly("Nothing is marked.");
    marks(&scene.alice, "(otr)");
    marks(&scene.alice, "on");
    scene.alice.otr("mark");
    scene.alice.otr_says_exactly("What was encrypted is marked with (otr)");
}

/// How somebody could try to write it.
const TYPED: [&str; 14] = [
    "[OTR] ",
    "[otr][OTR]  [Otr]",
    "  [OTR] ",
    "\u{3}04,01[O\u{2}T\u{1f}R]\u{f} ",
    "\u{3}4[OTR]\u{3} \u{3}5[OTR] ",
    "\u{4}ff0000[OTR] ",
    "\u{1b}[1m[OTR] ",
    "[ O T R ] ",
    "\u{200b}[O\u{200d}TR] ",
    "\u{ff3b}\u{ff2f}\u{ff34}\u{ff32}\u{ff3d} ",
    "[O\u{300}TR] ",
    "[\u{d2}TR] ",
    "[\u{41e}\u{422}R] ",
    "\t[OTR]\t",
];

/// What the server says in front of it, and what stands there in the end.
const SAID: [(&str, &str); 12] = [
    (":bob!b@h PRIVMSG alice :", ""),
    (":bob!b@h NOTICE alice :", ""),
    (":irc.test.net NOTICE alice :", ""),
    (":bob!b@h PRIVMSG #here :", ""),
    (":bob!b@h PRIVMSG alicia :", ""),
    (":bob!b@h NOTICE #here :", ""),
    (":alice!a@h PRIVMSG bob :", ""),
    ("@znc.in/otr=verified :bob!b@h PRIVMSG alice :", ""),
    (":bob!b@h privmsg alice :", ""),
    (":bob!b@h PRIVMSG alice :\u{1}ACTION ", "\u{1}ACTION "),
    (":bob!b@h PRIVMSG #here :\u{1}ACTION  ", "\u{1}ACTION "),
    (":bob!b@h NOTICE #here :\u{1}action ", "\u{1}action "),
];

#[test]
fn nobody_can_type_it() {
    let world = World::new();
    let server = ScriptedServer::start(&world);
    server.offers("server-time message-tags");
    let otrd = Otrd::start(&world);
    let network = ZncNetwork::new("net", server.port()).otr(&otrd);
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach("alice", "net");
    alice.has_otr();
    let other = znc.attach_with("alice", "net", &["echo-message", "server-time"]);
    marks(&alice, "on");
    eventually("ZNC is on IRC", || server.has("alice"));
    for (number, typed) in TYPED.iter().enumerate() {
        for (kind, (front, left)) in SAID.iter().enumerate() {
            let end = format!("hi {number} {kind}.");
            assert!(server.says("alice", &format!("{front}{typed}{end}")));
            for client in [&alice, &other] {
                let line = client.expect(&end, |line| line.text().contains(&end));
                assert_eq!(line.text().trim_end_matches('\u{1}'), format!("{left}{end}"), "{line}");
            }
        }
    }
    // Without a colon, some take the rest of the line for the text.
    assert!(server.says("alice", ":bob!b@h PRIVMSG alice [OTR] :the rest"));
    alice.reads_about("bob", "the rest");
    // What ZNC does not take for a line of somebody is none.
    for odd in [":bob!b@h\tPRIVMSG alice :[OTR] odd", ":bob!b@h \tPRIVMSG alice :[OTR] odd"] {
        assert!(server.says("alice", odd));
    }
    // Another CTCP is left as it is.
    assert!(server.says("alice", ":bob!b@h PRIVMSG alice :\u{1}FINGER [OTR] x\u{1}"));
    alice.expect("the CTCP", |line| line.text() == "\u{1}FINGER [OTR] x\u{1}");
    // What the user said elsewhere.
    alice.types_to("bob", "[OTR] my own");
    other.sees_own("bob", "my own");
    alice.acts_to("bob", "[OTR] does");
    other.expect("/me", |line| line.text() == "\u{1}ACTION does\u{1}");
    other.settled();
    for line in alice.lines().iter().chain(&other.lines()) {
        assert!(!line.to_string().contains(" odd"), "{line}");
        assert!(!line.text().starts_with("[OTR]"), "{line}");
    }
}

/// What is read later has the mark, or the tag, of when it came.
#[test]
fn what_came_while_nobody_was_there() {
    let user = ZncUser::new("alice").keep_query_buffer().dated();
    let scene = Scene::build().alice(user).begin_alone();
    let (bob, carol, dave) =
        (scene.peer("bob", "23"), scene.peer("carol", "23"), scene.ircd.client("dave"));
    scene.goes_private(&bob);
    scene.goes_private(&carol);
    scene.alice.otr("trust bob");
    scene.alice.otr_says("trusted!");
    dave.types_to("alice", "[OTR] from before");
    scene.alice.reads("dave", "[OTR] from before");
    marks(&scene.alice, "on");
    scene.alice.hangs_up();
    bob.types_to("alice", "[OTR] from bob");
    carol.types_to("alice", "from carol");
    dave.types_to("alice", "[OTR] from dave");
    bob.sends("PRIVMSG alice :[OTR] bob in clear");
    let texts =
        |client: &Client, end: &str| client.expect(end, |line| line.text().ends_with(end)).text();
    let all = ["from bob", "from carol", "from dave", "bob in clear", "from before"];
    // Some of it may come only now; whoever comes after that is played all of it.
    let first = scene.znc.attach_with("alice", "net", &["server-time"]);
    for end in all {
        texts(&first, end);
    }
    let late = scene.znc.attach_with("alice", "net", &["server-time"]);
    let stamped = scene.znc.attach("alice", "net");
    let wanted = [
        "[OTR] from bob",
        "[OTR] from carol",
        "from dave",
        "[NOT ENCRYPTED] [OTR] bob in clear",
        "from before",
    ];
    for (end, wanted) in all.iter().zip(wanted) {
        assert_eq!(texts(&late, end), wanted);
        let text = texts(&stamped, end);
        // `[12:34:56.789] ` stands there, behind the mark.
        let words = wanted.trim_start_matches("[OTR] ");
        let mark = &wanted[..wanted.len() - words.len()];
        let time = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(words));
        let time = time.unwrap_or_else(|| panic!("{text}"));
        assert!(time.len() == 15 && time.starts_with('[') && time.ends_with("] "), "{text}");
    }
    // Who listens has both.
    late.otr("listen");
    late.otr_says("This client is told");
    for (peer, end, security, wanted) in [
        ("bob", "from bob", "verified", "[OTR] from bob"),
        ("carol", "from carol", "unverified", "[OTR] from carol"),
        ("dave", "from dave", "clear", "from dave"),
    ] {
        late.forgets();
        late.types_to("*status", &format!("playbuffer {peer}"));
        let line = late.expect(end, |line| line.text().ends_with(end));
        assert_eq!(line.text(), wanted, "{line}");
        assert!(line.tags.split(';').any(|tag| tag == format!("znc.in/otr={security}")), "{line}");
    }
    late.otr("mark off");
    late.otr_says("Nothing is marked");
    late.types_to("*status", "playbuffer bob");
    late.reads("bob", "[OTR] from bob");
    for line in first.lines().iter().chain(&stamped.lines()) {
        assert!(!line.tags.contains("otr"), "{line}");
    }
}
