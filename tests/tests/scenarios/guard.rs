//! Who is closed for clear text, whatever a server says: the guard of the module, through ZNC.

use otrd_tests::{ScriptedScene, ZncUser};

pub(super) fn alice() -> ZncUser {
    ZncUser::new("alice").module("send_raw")
}

/// Hands a line to ZNC's module that sends it to IRC as it is.
pub(super) fn raw(stage: &ScriptedScene, line: &str) {
    stage.alice.send(&format!("PRIVMSG *send_raw :server alice net {line}"));
}

#[test]
fn required_holds_by_a_user_name_too() {
    let stage = ScriptedScene::new(alice());
    stage.alice.otr("policy car* required");
    stage.alice.otr_says("Policy for car*: required.");
    let targets =
        ["~idcarol", "idcarol%host", "~idcarol%host@irc.test.net", "idcarol@irc.test.net"];
    for (at, target) in targets.iter().enumerate() {
        // Nobody is known by it yet: it goes out as it was typed.
        stage.alice.send(&format!("PRIVMSG {target} :unknown {at}"));
        stage.server.hears("alice", &format!("unknown {at}"));
    }
    assert!(stage.server.says("alice", ":carol!~idcarol@host PRIVMSG alice :hello"));
    stage.alice.reads("carol", "hello");
    for (at, target) in targets.iter().enumerate() {
        stage.comes_back(&format!("PRIVMSG {target} :typed {at}"), &format!("typed {at}"));
        raw(&stage, &format!("PRIVMSG {target} :raw {at}"));
        stage.alice.otr_says(&format!("raw {at}"));
        stage.never_left(&format!("raw {at}"));
    }
    stage.alice.otr("policy car* default");
    stage.alice.otr_says("back to the default");
    stage.alice.send("PRIVMSG idcarol%host :free again");
    stage.server.hears("alice", "free again");
}

#[test]
fn a_target_that_is_no_nick_gets_what_was_typed() {
    let stage = ScriptedScene::new(alice());
    let targets = ["Q@CServe.quakenet.org", "X@channels.undernet.org", "user%host@server", "Q!u@h"];
    for (when, goes_private) in [("first", true), ("private", false)] {
        for target in targets {
            let line = format!("PRIVMSG {target} :AUTH alice {when}");
            stage.alice.send(&line);
            stage.server.expect("alice", &line, |got| got == line.as_bytes());
        }
        if goes_private {
            stage.goes_private();
        }
    }
    for target in [
        "bob@irc.test.net",
        "bob%host",
        "bob!x@y",
        "BOB@x",
        "@bob",
        "~bob",
        "~bob@server",
        "~bob%host@server",
        "bob%host@server",
    ] {
        let text = format!("to {target} in clear");
        stage.comes_back(&format!("PRIVMSG {target} :{text}"), &text);
        stage.comes_back(&format!("NOTICE {target} :noticed {text}"), &format!("noticed {text}"));
    }
}

#[test]
fn a_line_is_read_as_the_most_liberal_server_reads_it() {
    let stage = ScriptedScene::private(alice());
    for (at, start) in
        ["\tPRIVMSG bob", " \tprivmsg BOB", "\u{1}PRIVMSG bob", "PRIVMSG\tbob"].iter().enumerate()
    {
        let text = format!("clear words {at}");
        stage.comes_back(&format!("{start} :{text}"), &text);
        let text = format!("from a module {at}");
        raw(&stage, &format!("{start} :{text}"));
        stage.alice.otr_says(&text);
        stage.never_left(&text);
    }
    // Nothing that a client wrote is stopped without a word, however much it is.
    for at in 0..15 {
        let text = format!("once more {at}.");
        stage.comes_back(&format!("\tPRIVMSG bob :{text}"), &text);
    }
    for at in 0..15 {
        let text = format!("to two of them {at}.");
        stage.comes_back(&format!("CPRIVMSG carol,bob #c :{text}"), &text);
    }
    stage.comes_back("TAGMSG bob :words that nobody reads", "words that nobody reads");
    for (at, line) in ["TAGMSG bob :", "PRIVMSG carol,bob :", "CNOTICE bob #c :", "SQUERY bob :"]
        .iter()
        .enumerate()
    {
        let text = format!("by other ways {at}");
        raw(&stage, &format!("{line}{text}"));
        stage.never_left(&text);
    }
}

#[test]
fn what_a_server_supports_opens_nothing() {
    let stage = ScriptedScene::private(alice());
    let says = |line: &str| assert!(stage.server.says("alice", line));
    for (at, line) in [
        ":irc.test.net 005 alice CHANTYPES=#&b STATUSMSG=bo CASEMAPPING=ascii :are supported",
        ":irc.test.net 005 alice STATUSMSG=bo CHANTYPES= :are supported",
        ":irc.test.net 005 alice CASEMAPPING=rfc7613 :are supported",
        ":alice!alice@host.test.net NICK bob",
    ]
    .iter()
    .enumerate()
    {
        says(line);
        // It is there once the line behind it is.
        says(&format!(":irc.test.net NOTICE * :said {at}"));
        stage.alice.expect("the notice", |line| line.text() == format!("said {at}"));
        for command in ["PRIVMSG", "NOTICE", "CPRIVMSG"] {
            let text = format!("{command} after {at}");
            let channel = if command == "CPRIVMSG" { " #c" } else { "" };
            stage.alice.send(&format!("{command} bob{channel} :{text}"));
            raw(&stage, &format!("{command} bob{channel} :raw {text}"));
            stage.never_left(&text);
        }
    }
    // Full-width letters are the same letters there.
    stage.comes_back("PRIVMSG ｂｏｂ :in full width", "in full width");
    stage.comes_back("PRIVMSG kjørk :somebody else, perhaps", "somebody else, perhaps");
    stage.alice.otr("finish kjørk");
    stage.alice.otr_says("[kjørk]");
    stage.alice.send("PRIVMSG kjørk :it is somebody else");
    stage.server.hears("alice", "it is somebody else");
}

#[test]
fn a_name_that_is_no_nick_is_closed_as_well() {
    let long = "n".repeat(129);
    for name in ["#trap", "$trap", "@trap", "bo%b", "bo!b", "carol@irc.test.net", "alice", &long] {
        let stage = ScriptedScene::private(alice());
        assert!(stage.server.says("alice", &format!(":bob!bob@host.test.net NICK {name}")));
        stage.alice.otr_says("nothing goes out in clear to either");
        stage.alice.send(&format!("PRIVMSG {name} :words for a trap"));
        raw(&stage, &format!("PRIVMSG {name} :more words for a trap"));
        stage.never_left("for a trap");
        // The conversation is where it was.
        stage.alice.types_to("bob", "still here");
        stage.bob.reads("alice", "still here");
    }
}

/// ZNC parts targets at commas, and a client may write a name with a blank as it is.
#[test]
fn each_piece_of_such_a_name_is_closed() {
    for (name, targets) in [
        ("mallory,erin", &["mallory,erin", "erin", "mallory"][..]),
        (":mallory erin", &["mallory erin", "mallory", "erin"]),
        ("::mallory", &[":mallory", "mallory"]),
        (":,,mallory\tx", &["mallory", ",,mallory\tx"]),
    ] {
        let stage = ScriptedScene::private(alice());
        assert!(stage.server.says("alice", &format!(":bob!bob@host.test.net NICK {name}")));
        stage.alice.otr_says("nothing goes out in clear to either");
        for target in targets {
            for command in ["PRIVMSG", "NOTICE"] {
                stage.alice.send(&format!("{command} {target} :words for a trap"));
            }
            stage.alice.send(&format!("CPRIVMSG {target} #c :words for a trap"));
            raw(&stage, &format!("PRIVMSG {target} :words for a trap"));
        }
        stage.never_left("for a trap");
    }
    // Some clients take the nick of `bob@host` for bob.
    let stage = ScriptedScene::private(alice());
    assert!(stage.server.says("alice", ":bob@host.test.net NICK mallory"));
    assert!(stage.server.says("alice", ":irc.test.net NOTICE alice :that was it"));
    stage.alice.reads_notice("irc.test.net", "that was it");
    stage.alice.send("PRIVMSG mallory :words for a trap");
    stage.never_left("for a trap");
}

/// irssi takes who writes from bob's address for bob, and renames the window: no NICK tells of it.
#[test]
fn who_writes_from_the_address_of_a_private_peer_is_closed_as_well() {
    let stage = ScriptedScene::private(alice());
    let says = |line: &str| assert!(stage.server.says("alice", line));
    says(":mallory!bob@elsewhere PRIVMSG alice :from elsewhere");
    stage.alice.reads("mallory", "from elsewhere");
    stage.alice.types_to("mallory", "in clear");
    stage.server.hears("alice", "in clear");
    says(":mallory!bob@host.test.net PRIVMSG alice :back, with another client");
    stage.alice.otr_says("They write from the address of somebody");
    stage.alice.reads("mallory", "[NOT ENCRYPTED] back, with another client");
    stage.comes_back("PRIVMSG mallory :words for a trap", "words for a trap");
    raw(&stage, "PRIVMSG mallory :once more for a trap");
    stage.never_left("for a trap");
    // Whoever changes nick takes the address along, and a module that is loaded anew knows it.
    says(":bob!bob@host.test.net NICK bobby");
    stage.alice.otr_says("bobby");
    stage.alice.types_to("*status", "reloadmod otr");
    stage.alice.has_otr();
    says(":erin!Bob@Host.test.net NOTICE alice :it is me");
    stage.alice.otr_says("[erin] They write from the address of somebody");
    stage.comes_back("PRIVMSG erin :words for a trap", "words for a trap");
    stage.alice.otr("finish erin");
    stage.alice.otr_says("[erin]");
    stage.alice.types_to("erin", "to erin in clear");
    stage.server.hears("alice", "to erin in clear");
    stage.never_left("for a trap");
}

#[test]
fn another_status_prefix_is_looked_at_by_nobody_on_the_wire() {
    let stage = ScriptedScene::private(alice().module("controlpanel"));
    stage.alice.send("PRIVMSG *controlpanel :Set StatusPrefix alice b");
    stage.alice.expect("the answer", |line| line.text().contains("StatusPrefix"));
    stage.alice.send("CPRIVMSG bob #c :by another way");
    stage.alice.send("PRIVMSG bsend_raw :server alice net PRIVMSG bob :by a module");
    stage.never_left("by another way");
    stage.never_left("by a module");
    assert!(stage.server.says("alice", ":bob!b@h PRIVMSG alice :I am no module"));
    stage.alice.reads("bob", "[NOT ENCRYPTED] I am no module");
}

#[test]
fn cprivmsg_is_encrypted_and_cnotice_held_back() {
    let stage = ScriptedScene::private(alice());
    stage.alice.send("CPRIVMSG bob #c :words by another way");
    stage.bob.reads("alice", "words by another way");
    stage.alice.send("cprivmsg bob #c :\u{1}ACTION waves\u{1}");
    stage.bob.reads("alice", "/me waves");
    stage.comes_back("CNOTICE bob #c :a notice", "a notice");
    stage.never_left("by another way");
    stage.never_left("waves");
    // Others get theirs as it was.
    stage.alice.send("CPRIVMSG carol #c :for carol");
    stage.server.hears("alice", "CPRIVMSG carol #c :for carol");
}

#[test]
fn required_holds_on_every_way_from_the_first_line_on() {
    let mut stage = ScriptedScene::new(alice());
    stage.alice.otr("policy car* required");
    stage.alice.otr_says("Policy for car*: required.");
    let check = |stage: &ScriptedScene, when: &str| {
        for (at, line) in
            ["CNOTICE carol #c", "NOTICE carol", "PRIVMSG carol@irc.test.net"].iter().enumerate()
        {
            stage.comes_back(&format!("{line} :{when} {at}"), &format!("{when} {at}"));
            raw(stage, &format!("{line} :raw {when} {at}"));
            stage.never_left(&format!("{when} {at}"));
        }
        // What is typed as words waits for a private conversation.
        stage.alice.send(&format!("CPRIVMSG carol #c :{when} as words"));
        raw(stage, &format!("CPRIVMSG carol #c :raw {when} as words"));
        stage.never_left(&format!("{when} as words"));
        raw(stage, &format!("PRIVMSG dave :{when} for dave"));
        stage.server.hears("alice", &format!("{when} for dave"));
    };
    check(&stage, "at first");
    stage.otrd.stop();
    stage.otrd.starts_again();
    stage.alice.otr_says("is back.");
    check(&stage, "after a restart of otrd");
    // Without otrd, a module that is loaded anew remembers that there is something.
    stage.otrd.stop();
    stage.alice.send("PRIVMSG *status :reloadmod otr");
    stage.alice.otr_says("otrd is not running");
    raw(&stage, "PRIVMSG carol :without otrd");
    stage.alice.otr_says("without otrd");
    stage.never_left("without otrd");
    stage.otrd.starts_again();
    stage.alice.has_otr();

    stage.alice.otr("policy car* default");
    stage.alice.otr_says("back to the default");
    stage.alice.forgets();
    stage.alice.otr("finish carol");
    stage.alice.otr_says("[carol]");
    raw(&stage, "PRIVMSG carol :no longer required");
    stage.server.hears("alice", "no longer required");
    stage.alice.otr("policy * required");
    stage.alice.otr_says("Policy for *: required.");
    check_all(&stage);
}

#[track_caller]
fn check_all(stage: &ScriptedScene) {
    raw(stage, "NOTICE dave :to somebody");
    stage.alice.otr_says("to somebody");
    stage.never_left("to somebody");
    raw(stage, "NOTICE #room :to a channel");
    stage.server.hears("alice", "NOTICE #room :to a channel");
}

/// Some servers know more commands with words in them than PRIVMSG.
#[test]
fn words_in_commands_that_few_servers_know_are_stopped() {
    let stage = ScriptedScene::private(alice());
    stage.alice.joins("#room");
    for (at, start) in [
        "REDACT bob id :",
        "SCENE bob :",
        "NPC bob somebody :",
        "NPCA bob somebody :",
        "KILL bob :",
        "WHISPER #room bob :",
        "WHISPER #room carol,bob :",
        "NEWEST 1 BOB@irc.test.net :",
        "NEWEST bob ",
        "@tag=x :alice SCENE ~bob :",
    ]
    .iter()
    .enumerate()
    {
        let text = format!("typed{at}");
        stage.alice.send(&format!("{start}{text}"));
        stage.alice.otr_says(&text);
        stage.never_left(&text);
        let text = format!("raw{at}");
        raw(&stage, &format!("{start}{text}"));
        stage.never_left(&text);
    }
    for line in [
        "MODE #room +o bob",
        "INVITE bob #room",
        "WHOIS bob bob",
        "KICK #room bob :enough of this",
        "TOPIC #room :bob and the others",
        "SCENE #room :it rains on bob",
        "SCENE carol :it rains on her",
        "NS GROUP bob password",
    ] {
        stage.alice.send(line);
        stage.server.expect("alice", line, |got| got == line.as_bytes());
    }
}

/// By which some servers reach a person, with the sign in front or without.
#[test]
fn a_user_name_with_a_sign_in_front_reaches_nobody_in_clear() {
    let stage = ScriptedScene::private(alice());
    for (at, user) in ["-bobby", "=robert", "^rob", "+bert"].iter().enumerate() {
        let text = format!("hello {at}");
        assert!(stage.server.says("alice", &format!(":bob!{user}@h PRIVMSG alice :{text}")));
        stage.alice.reads("bob", &format!("[NOT ENCRYPTED] {text}"));
        for target in [user, &user[1..]] {
            for form in [format!("{target}%h"), format!("{target}%h@irc.test.net")] {
                let text = format!("to {form}");
                stage.comes_back(&format!("PRIVMSG {form} :{text}"), &text);
            }
        }
    }
}

#[test]
fn a_user_name_that_the_server_tells_reaches_nobody_in_clear() {
    let stage = ScriptedScene::private(alice());
    for (user, line) in [
        ("changed", ":bob!old@h CHGHOST changed host"),
        ("whois", ":irc.test.net 311 alice bob whois host * :Bob"),
        ("who", ":irc.test.net 352 alice #room who host irc.test.net BOB H :0 Bob"),
        ("userhost", ":irc.test.net 302 alice :carol=+carol@host bob*=-userhost@host"),
        ("names", ":irc.test.net 353 alice = #room :carol!c@host @+bob!names@host"),
    ] {
        let target = format!("{user}%host@irc.test.net");
        // Not known yet.
        stage.alice.send(&format!("PRIVMSG {target} :before {user}"));
        stage.server.hears("alice", &format!("before {user}"));
        let names = stage.alice.lines().len();
        assert!(stage.server.says("alice", line));
        assert!(stage.server.says("alice", &format!(":irc.test.net NOTICE * :told {user}")));
        stage.alice.expect("it was told", |line| line.text() == format!("told {user}"));
        assert!(names > 0);
        stage.comes_back(&format!("PRIVMSG {target} :after {user}"), &format!("after {user}"));
        stage.alice.forgets();
        if user == "who" {
            // Four user names are kept: of who has more, all are taken for theirs.
            break;
        }
    }
    assert!(stage.server.says("alice", ":irc.test.net 302 alice :bob*=-userhost@host"));
    assert!(stage.server.says("alice", ":irc.test.net 353 alice = #r :@+bob!names@host"));
    stage.comes_back("PRIVMSG names%host@irc.test.net :after names", "after names");
    stage.comes_back("PRIVMSG userhost%host@irc.test.net :after userhost", "after userhost");
}

/// Servers that compare all letters of Unicode say CASEMAPPING=ascii (Ergo does).
#[test]
fn letters_beyond_ascii_may_be_the_same_whatever_the_server_says() {
    let stage = ScriptedScene::private(alice());
    let supports = ":irc.test.net 005 alice CASEMAPPING=ascii :are supported";
    assert!(stage.server.says("alice", supports));
    // Nobody with such letters is private yet.
    stage.alice.types_to("\u{17d}ofia", "to somebody else");
    stage.server.hears("alice", "to somebody else");
    assert!(stage.server.says("alice", ":bob!b@h NICK :b\u{f6}b"));
    assert!(stage.server.says("alice", ":irc.test.net NOTICE * :said"));
    stage.alice.expect("the notice", |line| line.text() == "said");
    for name in ["B\u{d6}B", "bo\u{308}b", "\u{17d}ofia"] {
        stage.comes_back(&format!("PRIVMSG {name} :to {name}"), &format!("to {name}"));
    }
}

/// Who has for a nick what is a private peer's user name is somebody else, and may be written to.
#[test]
fn a_word_for_a_nick_opens_nobodys_user_name() {
    let stage = ScriptedScene::private(alice());
    assert!(stage.server.says("alice", ":bob!idbob@h PRIVMSG alice :hello"));
    stage.alice.reads("bob", "[NOT ENCRYPTED] hello");
    stage.comes_back("PRIVMSG idbob :before the word", "before the word");
    stage.alice.otr("finish idbob");
    stage.alice.otr_says("[idbob]");
    stage.alice.types_to("idbob", "to whoever has that nick");
    stage.server.hears("alice", "to whoever has that nick");
    for target in ["idbob@irc.test.net", "idbob%h", "~idbob", "~idbob%h@irc.test.net", "@idbob"] {
        stage.comes_back(&format!("PRIVMSG {target} :to {target}"), &format!("to {target}"));
        raw(&stage, &format!("NOTICE {target} :raw to {target}"));
        stage.never_left(&format!("raw to {target}"));
    }
}
