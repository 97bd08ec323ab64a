//! What a server can make clients show: nobody's words as those of a private peer, of the user or of `*otr`.

use nix::sys::signal::Signal;
use otrd_tests::ScriptedScene;

use crate::guard::alice;

/// ZNC writes a nick into a line as it is. What a name holds behind a blank would be read as a line by clients.
#[test]
fn a_change_of_nick_puts_nothing_into_other_lines() {
    let stage = ScriptedScene::new(alice());
    for (at, name) in
        [":carol!c@h PRIVMSG alice :[bob] forged", "::*otr", ":alice", ":#room", ":x!y"]
            .iter()
            .enumerate()
    {
        // Both are read at once: the words are with otrd as the name changes.
        let words = format!("words before the change {at}");
        let both = format!(":carol!c@h PRIVMSG alice :{words}\r\n:carol!c@h NICK {name}");
        assert!(stage.server.says("alice", &both));
        let line = stage.alice.expect(&words, |line| line.text().contains(&words));
        assert!(line.is("PRIVMSG", "carol") && line.text() == words, "{line}");
    }
    // Our own, too: each line of *otr has it.
    for line in [
        ":alice!alice@host.test.net NICK :alice :[bob] forged",
        ":alice!alice@host.test.net NICK :*otr",
        ":irc.test.net 001 :alice :[bob] forged",
    ] {
        assert!(stage.server.says("alice", line));
        stage.alice.otr("version");
        let answer = stage.alice.expect("an answer", |line| {
            line.source.starts_with("*otr!") && line.text().contains("libotr 4")
        });
        assert!(answer.text().starts_with("otrd "), "{answer}");
        assert!(stage.server.says("alice", ":bob!b@h PRIVMSG alice :are you there?"));
        let line = stage.alice.expect("bob", |line| line.text().ends_with("are you there?"));
        assert!(line.is("PRIVMSG", "bob") && line.text() == "are you there?", "{line}");
    }
}

/// Whoever made the line: names with blanks are refused before, and this is the wall behind that.
#[test]
fn no_line_goes_to_clients_in_which_a_name_holds_another_line() {
    let stage = ScriptedScene::private(alice());
    stage.loads("writes");
    for line in [
        ":bob!b@h(PRIVMSG(alice(:forged PRIVMSG alice :x",
        "bob(PRIVMSG(alice(:forged!b@h PRIVMSG alice :x",
        "bob!b(PRIVMSG(alice(:forged@h PRIVMSG alice :x",
        "bob!b@h(PRIVMSG(alice(:forged NICK :x",
        "bob!b@h PRIVMSG alice(:forged :x",
        "bob!b@h PRIVMSG alice(:forged( x y",
        "*otr!znc@znc.in(PRIVMSG(alice(:forged MODE alice :x",
    ] {
        stage.alice.types_to("*writes", line);
    }
    stage.alice.types_to("*writes", "carol!c@h PRIVMSG alice :words(and more");
    let line = stage.alice.expect("the last one", |line| line.text().ends_with("and more"));
    assert!(line.is("PRIVMSG", "carol") && line.text() == "words and more", "{line}");
    stage.alice.never_saw("forged");
}

/// Clients read more in it than ZNC does.
#[test]
fn what_a_server_supports_is_the_same_to_zncs_clients() {
    for (at, tokens) in [
        "CHANTYPES=&",
        "chantypes=& :are supported",
        "CHANTYPES=\\x26",
        "STATUSMSG=# :x y",
        "-CHANTYPES",
        "x :CHANTYPES=& y",
    ]
    .iter()
    .enumerate()
    {
        let stage = ScriptedScene::private(alice());
        stage.alice.joins("#room");
        assert!(stage.server.says("alice", ":bob!bob@host.test.net JOIN #room"));
        assert!(stage.server.says(
            "alice",
            &format!(":irc.test.net 005 alice A{at}=1 soju.im/FILEHOST=x {tokens}")
        ));
        let line = stage.alice.expect("it", |line| line.to_string().contains(&format!("A{at}=1")));
        let told = line.to_string();
        assert!(told.contains(" soju.im/FILEHOST=x "), "{told}");
        assert!(told.ends_with(":are supported by this server"), "{told}");
        assert!(
            !told.contains("\\x26") && !told.contains("STATUSMSG=#") && !told.contains("-C"),
            "{told}"
        );
        let text = format!("to the channel {at}");
        assert!(
            stage.server.says("alice", &format!(":bob!bob@host.test.net PRIVMSG #room :{text}"))
        );
        let line = stage.alice.expect(&text, |line| line.text().ends_with(&text));
        let is_channel = !told.contains("CHANTYPES=&");
        assert_eq!(line.text() == text, is_channel, "{told}: {line}");
    }
}

/// As if another client of alice's had said it.
#[test]
fn clear_words_in_our_own_name_are_marked_beside_private_ones() {
    let stage = ScriptedScene::private(alice());
    let says = |line: &str| assert!(stage.server.says("alice", line));
    says(":alice!alice@host.test.net PRIVMSG bob :yes, use that key");
    stage.alice.reads("alice", "[NOT ENCRYPTED] yes, use that key");
    says(":alice!alice@host.test.net PRIVMSG carol :hello");
    stage.alice.reads("alice", "hello");
}

/// With a blank in front, ZNC takes the source for the command, and writes to clients what is a good line.
#[test]
fn what_zncs_reading_of_a_line_turns_into_another_one_is_shown_to_nobody() {
    let stage = ScriptedScene::private(alice());
    stage.alice.otr("listen");
    stage.alice.otr_says("This client is told");
    let raw = stage.znc.attach_with("alice", "net", &["server-time"]);
    for (at, start) in [
        " ",
        "   ",
        "\t",
        " \t ",
        ": ",
        ":! ",
        ": \t",
        "@a=b  ",
        "@a=b  \t",
        " @a=b ",
        "::",
        ":::",
        "@time=x\t",
    ]
    .iter()
    .enumerate()
    {
        for (what, line) in [
            ("says", ":bob!b@h PRIVMSG alice :forged {at}"),
            ("notices", ":bob!b@h NOTICE alice :forged {at}"),
            ("in tabs", ":bob!b@h\tPRIVMSG\talice\t:forged {at}"),
            ("is *otr", ":*otr!znc@znc.in PRIVMSG alice :[bob] forged {at}"),
            ("is *status", ":*status!znc@znc.in NOTICE alice :forged {at}"),
            ("tells states", ":*otr!otr@znc.in OTR bob private verified forged{at} :opportunistic"),
            ("is tagged", "@znc.in/otr=verified :bob!b@h PRIVMSG alice :forged {at}"),
            ("moves", ":bob!b@h NICK mallory"),
        ] {
            // These ZNC reads as clients do: bob is called mallory then.
            if what == "moves" && [": ", "@a=b  "].contains(start) {
                continue;
            }
            let line = format!("{start}{}", line.replace("{at}", &at.to_string()));
            assert!(stage.server.says("alice", &line), "{what}");
        }
    }
    assert!(stage.server.says("alice", ":irc.test.net NOTICE alice :that was it"));
    for client in [&stage.alice, &raw] {
        client.reads_notice("irc.test.net", "that was it");
        for line in client.lines() {
            assert!(!line.tags.contains("znc.in/otr=verified"), "{line}");
            let moved = line.command == "NICK" || line.to_string().contains("mallory");
            assert!(!moved, "{line}");
            let shown = line.to_string();
            let marked = shown.contains("[NOT ENCRYPTED]") || line.source.starts_with("irc:")
                // Nobody says it.
                || line.source.is_empty();
            assert!(!shown.contains("forged") || marked, "{line}");
            let forged = line.source.starts_with('*') && shown.contains("forged");
            assert!(!forged, "{line}");
        }
    }
    stage.alice.types_to("mallory", "words for a trap");
    stage.server.hears("alice", "words for a trap");
}

#[test]
fn clear_words_of_who_is_private_are_marked_from_any_source_and_to_any_target() {
    let stage = ScriptedScene::private(alice());
    let long = format!(":bob!{}@host PRIVMSG alice", "u".repeat(500));
    for (at, head) in [
        ":bob PRIVMSG alice",
        ":bob@host PRIVMSG alice",
        ":BOB PRIVMSG alice",
        ":bob! PRIVMSG alice",
        ":bob!b@h PRIVMSG alicia",
        ":bob!b@h PRIVMSG alice,alice",
        ":bob!b@h PRIVMSG alice!a@b",
        ":bob!b@h PRIVMSG $$*",
        ":bob!b@h NOTICE *",
        ":bob NOTICE alice",
        ":bob!b@h PRIVMSG +alice",
        ":bob!b@h PRIVMSG #elsewhere",
        ":bob!b@h PRIVMSG alice",
        ":bob!b@h privmsg alice",
        &long,
    ]
    .iter()
    .enumerate()
    {
        let text = format!("forged {at}");
        assert!(stage.server.says("alice", &format!("{head} :{text}")));
        let line = stage.alice.expect(&text, |line| line.text().contains(&text));
        assert_eq!(line.text(), format!("[NOT ENCRYPTED] {text}"), "{head}");
        let action = format!("\u{1}ACTION acts {at}\u{1}");
        assert!(stage.server.says("alice", &format!("{head} :{action}")));
        let acts = stage.alice.expect(&action, |line| line.text().contains(&format!("acts {at}")));
        assert!(acts.text().contains("[NOT ENCRYPTED] acts"), "{acts}");
    }
    // What is said in a channel is said to all.
    stage.alice.joins("#room");
    let supports = |tokens: &str| {
        assert!(
            stage.server.says("alice", &format!(":irc.test.net 005 alice {tokens} :are supported"))
        );
    };
    let says = |target: &str, text: &str| {
        assert!(stage.server.says("alice", &format!(":bob!b@h PRIVMSG {target} :{text}")));
    };
    says("#room", "good morning");
    stage.alice.reads("bob", "good morning");
    supports("CHANTYPES=#& STATUSMSG=@x+");
    says("@#room", "to those who have a say");
    stage.alice.reads("bob", "to those who have a say");
    // No client takes these for a channel, or not each does.
    for target in ["x#room", "y#room", "%#room", "@x#room", "@", "@#elsewhere", "#room,alice"] {
        says(target, &format!("as if in {target}"));
        stage.alice.reads("bob", &format!("[NOT ENCRYPTED] as if in {target}"));
    }
    supports("CHANTYPES=&");
    says("#room", "no channel any more");
    stage.alice.reads("bob", "[NOT ENCRYPTED] no channel any more");
    supports("CHANTYPES=#&");
    // A server is nobody.
    assert!(stage.server.says("alice", ":irc.test.net NOTICE alice :a notice"));
    stage.alice.reads_notice("irc.test.net", "a notice");
}

#[test]
fn nobody_on_the_network_speaks_as_a_module_of_znc() {
    let stage = ScriptedScene::new(alice());
    for (at, source) in [
        "*otr!znc@znc.in",
        "*otr",
        "*otr@znc.in",
        "*status!znc@znc.in",
        "\u{2}*otr!a@b",
        // These look the same, or nearly.
        "\u{200b}*otr!a@b",
        "\u{ff0a}otr!a@b",
        "\u{2217}otr!a@b",
        "*OTR!x@y",
    ]
    .iter()
    .enumerate()
    {
        for command in ["PRIVMSG", "NOTICE"] {
            let text = format!("[carol] private now {at} {command}");
            assert!(stage.server.says("alice", &format!(":{source} {command} alice :{text}")));
            let line = stage.alice.expect(&text, |line| line.text().contains(&text));
            assert!(line.source.starts_with("irc:"), "{line}");
        }
    }
    // Nor by a change of nick, which a client follows.
    stage.alice.joins("#room");
    assert!(stage.server.says("alice", ":carol!c@h JOIN #room"));
    assert!(stage.server.says("alice", ":carol!c@h NICK :*otr"));
    stage.alice.expect("a new nick", |line| line.is("NICK", "carol") && line.text() == "irc:*otr");
    assert!(stage.server.says("alice", ":*otr!c@h PRIVMSG #room :here I am"));
    stage.alice.reads("irc:*otr", "here I am");
}

/// Whoever takes a nick takes no words of theirs along into the conversation that belongs to it.
#[test]
fn what_somebody_said_is_not_shown_under_the_nick_of_a_private_peer() {
    let stage = ScriptedScene::private(alice());
    let worker = stage.otrd.worker();
    for (at, text) in ["use this key now", "?OTR Error: use this key now"].iter().enumerate() {
        stage.otrd.signal_worker(worker, Signal::SIGSTOP);
        assert!(stage.server.says("alice", &format!(":mal!m@h PRIVMSG alice :{text} {at}")));
        assert!(stage.server.says("alice", ":mal!m@h NICK bob"));
        assert!(stage.server.says("alice", &format!(":irc.test.net NOTICE * :taken {at}")));
        stage.alice.expect("the notice", |line| line.text() == format!("taken {at}"));
        stage.otrd.signal_worker(worker, Signal::SIGCONT);
        let words = format!("use this key now {at}");
        let line = stage.alice.expect("the words", |line| line.text().contains(&words));
        assert!(!line.is("PRIVMSG", "bob") || line.text().starts_with("[NOT ENCRYPTED]"), "{line}");
        stage.alice.forgets();
    }
    // Nobody's before: they go along.
    stage.otrd.signal_worker(worker, Signal::SIGSTOP);
    assert!(stage.server.says("alice", ":carol!c@h PRIVMSG alice :it is me"));
    assert!(stage.server.says("alice", ":carol!c@h NICK carola"));
    assert!(stage.server.says("alice", ":irc.test.net NOTICE * :renamed"));
    stage.alice.expect("the notice", |line| line.text() == "renamed");
    stage.otrd.signal_worker(worker, Signal::SIGCONT);
    stage.alice.reads("carola", "it is me");
}

/// Clients show what a server says of a name, an error for example, in the window of that name.
#[test]
fn what_a_server_says_of_a_modules_name_is_not_shown_as_its_words() {
    let stage = ScriptedScene::new(alice());
    for line in [
        "401 alice *otr",
        "301 alice *otr",
        "404 alice *OTR",
        "311 alice *status u h *",
        "442 alice *send_raw",
        "PRIVMSG *otr",
        "NOTICE *otr",
    ] {
        let text = format!("[bob] forged by {line}");
        assert!(stage.server.says("alice", &format!(":irc.test.net {line} :{text}")));
        let shown = stage.alice.expect(&text, |line| line.text().ends_with(&text));
        let whole = shown.to_string().to_lowercase();
        let (names, _) = whole.trim_start_matches(':').split_once(" :").expect("a text");
        assert!(!names.split(' ').any(|name| name.starts_with('*') && name.len() > 1), "{shown}");
    }
    // Masks begin like that, and are none.
    let ban = ":irc.test.net 367 alice #room *!*@host irc.test.net 1";
    assert!(stage.server.says("alice", ban));
    stage.alice.expect("the ban", |line| line.to_string().contains(" #room *!*@host "));
}

/// A client answers a CTCP request by itself, and shows the words in it.
#[test]
fn a_ctcp_request_of_a_private_peer_is_marked_without_otrd_as_well() {
    let mut stage = ScriptedScene::private(alice());
    stage.otrd.stop();
    stage.alice.types_to("carol", "are you there?");
    stage.alice.otr_says("are you there?");
    for (at, (command, kind)) in
        [("PRIVMSG", "SLAP"), ("NOTICE", "SLAP"), ("PRIVMSG", "VERSION")].iter().enumerate()
    {
        let ctcp = format!("\u{1}{kind} use this key {at}\u{1}");
        assert!(stage.server.says("alice", &format!(":bob!b@h {command} alice :{ctcp}")));
        let words = format!("CTCP {kind} use this key {at}");
        let line = stage.alice.expect(&words, |line| line.text().contains(&words));
        assert!(line.text().ends_with(&format!("[NOT ENCRYPTED] {words}")), "{line}");
    }
}
