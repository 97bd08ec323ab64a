//! What can be said to `*otr`.

use otrd_tests::{Alone, OtrdBuilder, Scene, Way, eventually};

const COMMANDS: &[&str] = &[
    "help",
    "info",
    "start",
    "refresh",
    "finish",
    "trust",
    "distrust",
    "forget",
    "fingerprint",
    "auth",
    "authq",
    "authabort",
    "genkey",
    "ignore",
    "enable",
    "policy",
    "status",
    "version",
];

#[test]
fn each_has_its_help() {
    let scene = Alone::new();
    for command in COMMANDS {
        scene.alice.otr(&format!("help {command}"));
        scene.alice.otr_says(&format!("Usage: {command}"));
        scene.alice.otr(&format!("HELP {}", command.to_uppercase()));
        scene.alice.otr_says(&format!("Usage: {command}"));
    }
    scene.alice.otr("help me");
    scene.alice.otr_says("No such command. Say help for the list of commands.");
}

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    let scene = Alone::new();
    for (line, usage) in [
        ("start", "start <nick>"),
        ("START a b", "start <nick>"),
        ("refresh", "refresh <nick>"),
        ("finish", "finish <nick> | --all"),
        ("trust", "trust <nick|fingerprint>"),
        ("distrust", "distrust <nick|fingerprint>"),
        ("forget", "forget <fingerprint>"),
        ("fingerprint of bob", "fingerprint"),
        ("auth bob", "auth <nick> <secret>"),
        ("authq bob rosebud", "authq <nick> [question] <secret>"),
        ("authq bob [what?]", "authq <nick> [question] <secret>"),
        ("authq bob [what [is] it? rosebud", "authq <nick> [question] <secret>"),
        ("authabort", "authabort <nick>"),
        ("genkey --fast", "genkey [--overwrite]"),
        ("ignore a b", "ignore [--remove] [pattern]"),
        ("ignore --remove", "ignore [--remove] [pattern]"),
        ("enable --remove", "enable [--remove] [pattern]"),
        ("policy bob sometimes", "policy [pattern"),
        ("status please", "status"),
        ("version 2", "version"),
        ("info a b", "info [nick]"),
    ] {
        scene.alice.otr(line);
        scene.alice.otr_says(&format!("Usage: {usage}"));
    }
}

#[test]
fn info_of_one_nick_says_more() {
    let (scene, bob) = Alone::private();
    let info = scene.alice.asks_otr("info bob", |line| line.starts_with("Your fingerprint"));
    let has = |start: &str, end: &str| {
        let found = info.iter().any(|line| line.starts_with(start) && line.ends_with(end));
        assert!(found, "no {start}…{end} in {info:?}");
    };
    has("Policy: opportunistic (the default).", "");
    has("Private with OTRv3 since 20", " s.");
    has("Instance tags: theirs ", ", in use.");
    assert!(info.iter().any(|line| line.contains(bob.fingerprint())));
    scene.alice.otr("info nobody");
    scene.alice.otr_says("[nobody] No fingerprint is known, and nothing is private.");
}

#[test]
fn finish_ends_one_or_all() {
    let (scene, bob) = Alone::private();
    let carol = scene.peer("carol", "2");
    scene.goes_private(&carol);
    scene.alice.otr("finish --all");
    scene.alice.otr_says("[bob] The private conversation is finished.");
    scene.alice.otr_says("[carol] The private conversation is finished.");
    bob.told("finished alice");
    carol.told("finished alice");
    scene.alice.otr("finish --all");
    scene.alice.otr_says("There is no private conversation.");
    scene.alice.otr("finish bob");
    scene.alice.otr_says("[bob] There is no private conversation.");
}

#[test]
fn refresh_makes_new_session_keys() {
    let scene = Scene::private();
    scene.alice.otr("refresh bob");
    scene.alice.otr_says("[bob] The session keys are new.");
    scene.alice.types_to("bob", "with new keys");
    scene.bob.reads("alice", "with new keys");
    scene.bob.types_to("alice", "and back");
    scene.alice.reads("bob", "and back");
    // The query in the conversation is the same as start: there is one already.
    scene.alice.types_to("bob", "?OTR?");
    scene.alice.otr_says("The conversation is private already");
}

/// His program is libotr and nothing else, which reads nothing between two steps of an exchange.
#[test]
fn what_is_typed_while_keys_are_renewed_is_read() {
    let scene = Scene::private();
    for round in 0..5 {
        scene.alice.otr("refresh bob");
        // Each as soon as he has read the last, so that some come in between.
        for line in 0..20 {
            let text = format!("round {round}, line {line}");
            scene.alice.types_to("bob", &text);
            scene.bob.reads("alice", &text);
        }
        scene.alice.otr_says("[bob] The session keys are new.");
    }
}

#[test]
fn a_fingerprint_is_named_by_nick_or_by_its_beginning() {
    let (scene, bob) = Alone::private();
    let whole = bob.fingerprint().to_owned();
    let bare = whole.replace(' ', "").to_lowercase();
    let alice = &scene.alice;
    for name in ["bob", "BOB", &whole, &bare, &whole[..17], &bare[..8]] {
        alice.otr(&format!("trust {name}"));
        alice.otr_says_exactly(&format!("[bob] Fingerprint {whole} trusted!"));
        alice.otr(&format!("distrust {name}"));
        alice.otr_says_exactly(&format!("[bob] Fingerprint {whole} not trusted."));
    }
    for name in [&bare[..7], "ffffffff00", "0000"] {
        alice.otr(&format!("trust {name}"));
        alice.expect("a refusal", |line| {
            line.is("PRIVMSG", "*otr") && line.plain_text().contains("fingerprint that info lists")
                || line.plain_text().contains("No such fingerprint")
        });
    }

    alice.otr(&format!("forget {whole}"));
    alice.otr_says(&format!("[bob] Fingerprint {whole} is in use: say finish bob first."));
    alice.otr("finish bob");
    alice.otr(&format!("forget {}", &bare[..8]));
    alice.otr_says_exactly(&format!("[bob] Fingerprint {whole} forgotten."));
    alice.otr(&format!("forget {whole}"));
    alice.otr_says("No such fingerprint: info lists them.");
    assert!(!alice.info().iter().any(|line| line.contains("bob")));
}

#[test]
fn fingerprint_says_whose_it_is() {
    let (scene, _bob) = Alone::private();
    let own = own_fingerprint(&scene);
    scene.alice.otr("fingerprint");
    scene.alice.otr_says_exactly(&format!("Your fingerprint as alice on net: {own}."));
}

#[test]
fn genkey_tells_its_beginning_and_its_end() {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().withholds_randomness(2).start(build.world());
    let scene = build.otrd(otrd).begin_alone();
    let alice = &scene.alice;
    alice.otr("genkey");
    alice.otr_says("Generating your private key.");
    alice.otr("genkey");
    alice.otr_says("A key is being made already, for ");
    alice.otr("status");
    alice.otr_says("Key: being made for ");
    let ready = alice.otr_says("Your private key is ready after ");
    let own = own_fingerprint(&scene);
    assert!(ready.ends_with(&format!("s. Your fingerprint: {own}.")), "{ready}");
    alice.otr("genkey");
    alice.otr_says(&format!("You have a key already: {own}."));
}

#[test]
fn genkey_overwrite_ends_conversations_and_keeps_the_old_key() {
    let (scene, bob) = Alone::private();
    let account = scene.otrd.account(scene.znc.uid(), "alice", "net");
    let (old, old_file) = (own_fingerprint(&scene), read(&account.join("otr.key")));
    scene.alice.otr("genkey --overwrite");
    bob.told("finished alice");
    scene.alice.otr_says("[bob] The private conversation ended: your key is replaced.");
    scene.alice.otr_says("Making a new private key. The old one is kept beside it.");
    scene.alice.otr_says("Your private key is ready after ");
    let new = own_fingerprint(&scene);
    assert_ne!(old, new);
    let aside: Vec<_> = std::fs::read_dir(&account)
        .expect("the account's directory")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("otr.key.20"))
        .collect();
    assert_eq!(aside.len(), 1, "one dated copy");
    assert_eq!(read(&aside[0].path()), old_file);
    // Nobody said that it may go on in clear.
    scene.alice.types_to("bob", "closed all the same");
    scene.alice.otr_says("closed all the same");
    // The new one works.
    bob.finishes_otr_with("alice");
    scene.alice.types_to("bob", "?OTR?");
    assert_eq!(bob.told("secured alice v3 "), new);
}

#[test]
fn a_key_is_made_through_restarts_of_znc_and_of_the_module() {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().withholds_randomness(5).start(build.world());
    let mut scene = build.otrd(otrd).begin_alone();
    scene.alice.otr("genkey");
    scene.alice.otr_says("Generating your private key.");
    scene.alice.types_to("*status", "reloadmod otr");
    scene.alice.reads_about("*status", "Reloaded module otr");
    scene.znc.restart();
    // It may be ready before she is back: then it is told at the login.
    let alice = scene.znc.attach("alice", "net");
    let ready = alice.otr_says("Your private key is ready after ");
    let own = alice.info().pop().expect("a last line");
    assert!(ready.ends_with(&own), "{ready} {own}");
}

#[test]
fn ignore_and_enable() {
    let (scene, bob) = Alone::private();
    let alice = &scene.alice;
    alice.otr("ignore");
    alice.otr_says("OTR is not disabled for any nick.");
    for nick in ["carol", "elvis"] {
        alice.otr(&format!("ignore {nick}"));
        alice.otr_says_exactly(&format!("Added {nick} to OTR ignore list."));
    }
    let list = alice.asks_otr("ignore", |line| line == "elvis");
    assert_eq!(list, ["OTR is disabled for following nicks:", "carol", "elvis"]);
    alice.otr("ignore Guest*");
    alice.otr_says_exactly("Added Guest* to OTR ignore list.");
    alice.otr("IGNORE --REMOVE CAROL");
    alice.otr_says_exactly("Removed CAROL from OTR ignore list");
    let list = alice.asks_otr("ignore", |line| line == "Guest*");
    assert_eq!(list, ["OTR is disabled for following nicks:", "elvis", "Guest*"]);
    alice.otr("ignore --remove carol");
    alice.otr_says_exactly("carol is not on the OTR ignore list.");

    // A private conversation cannot be ignored into clear text.
    for pattern in ["bob", "b*", "*"] {
        alice.otr(&format!("ignore {pattern}"));
        alice
            .otr_says("Not added: there is a private conversation with bob. Say finish bob first.");
        alice.otr(&format!("policy {pattern} never"));
        alice.otr_says("Not changed: there is a private conversation with bob.");
    }
    alice.types_to("bob", "still private");
    bob.reads("alice", "still private");

    // An ignored nick's lines pass as they are, and its requests are not answered.
    let guest = scene.peer("guest1", "23");
    guest.starts_otr_with("alice");
    alice.reads("guest1", "?OTRv23?");
    alice.otr("start guest1");
    alice.otr_says("[guest1] OTR is off for this nick (ignore Guest*).");
    // The exception is more specific.
    alice.otr("enable guest1");
    alice.otr_says_exactly("Added guest1 to OTR enable list.");
    let list = alice.asks_otr("enable", |line| line == "guest1");
    assert_eq!(list, ["OTR is enabled, against ignore, for following nicks:", "guest1"]);
    scene.goes_private(&guest);
    alice.otr("enable --remove guest1");
    alice.otr_says("Not removed: there is a private conversation with guest1.");
    alice.otr("finish guest1");
    alice.otr("enable --remove guest1");
    alice.otr_says_exactly("Removed guest1 from OTR enable list");
}

#[test]
fn the_most_specific_policy_decides_and_is_named() {
    let (scene, _bob) = Alone::private();
    let alice = &scene.alice;
    for (line, answer) in [
        ("policy c* never", "Policy for c*: never."),
        ("policy ca* manual", "Policy for ca*: manual."),
        ("policy carol Required", "Policy for carol: required."),
        ("policy carol", "[carol] Policy: required (policy carol)."),
        ("policy CAROLINE", "[CAROLINE] Policy: manual (policy ca*)."),
        ("policy cecil", "[cecil] Policy: never (policy c*)."),
        ("policy dave", "[dave] Policy: opportunistic (the default)."),
        ("policy NickServ", "[NickServ] Policy: never (the nick of a service)."),
        ("policy *status", "[*status] Policy: never (one of ZNC's own nicks)."),
        ("policy carol default", "Policy for carol: back to the default."),
        ("policy carol", "[carol] Policy: manual (policy ca*)."),
        // Those with a trusted key can have one of their own.
        ("policy known required", "Policy for known: required."),
        ("policy bob", "[bob] Policy: opportunistic (the default)."),
        ("trust bob", "trusted!"),
        ("policy bob", "[bob] Policy: required (policy known)."),
        ("policy b* manual", "Policy for b*: manual."),
        ("policy bob", "[bob] Policy: required (policy known)."),
        ("policy bob opportunistic", "Policy for bob: opportunistic."),
        ("policy bob", "[bob] Policy: opportunistic (policy bob)."),
    ] {
        alice.otr(line);
        alice.otr_says(answer);
    }
    let table = alice.asks_otr("policy", |line| line.contains("everybody else"));
    for (nicks, policy) in [
        ("c*", "never"),
        ("ca*", "manual"),
        ("b*", "manual"),
        ("bob", "opportunistic"),
        ("known", "required"),
        ("services, ZNC's own nicks", "never"),
        ("everybody else", "opportunistic"),
    ] {
        let shown = |line: &String| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            cells.get(1) == Some(&nicks) && cells.get(2) == Some(&policy)
        };
        assert!(table.iter().any(shown), "{nicks} {policy}: {table:?}");
    }
}

#[test]
fn required_never_lets_a_clear_line_out() {
    let scene = Alone::new();
    let bob = scene.peer("bob", "23");
    let alice = &scene.alice;
    alice.otr("policy b* required");
    alice.otr_says("Policy for b*: required.");
    alice.types_to("bob", "the first words");
    alice.acts_to("bob", "waves");
    alice.notices("bob", "a note");
    alice.otr_says("a note");
    alice.types_to("bob", "\u{1}VERSION\u{1}");
    alice.otr_says("VERSION");
    bob.reads("alice", "the first words");
    bob.reads("alice", "/me waves");
    alice.becomes("bob", "encrypted");
    alice.otr("finish bob");
    // What is promised is what happens.
    alice.otr_says_exactly("[bob] The private conversation is finished. The policy is required: what you type next asks for a new one, and waits for it.");
    bob.finishes_otr_with("alice");
    alice.types_to("bob", "never in clear");
    bob.reads("alice", "never in clear");
    bob.finishes_otr_with("alice");
    alice.otr_says_exactly("[bob] They ended the private conversation. Nothing you type goes out until you say start bob (a new one).");
    alice.types_to("bob", "held back");
    alice.otr_says_exactly("[bob] Not sent (bob ended the private conversation: type start bob for a new one): held back");
    for text in ["first words", "ACTION", "a note", "VERSION", "never in clear", "held back"] {
        scene.wire.never_carried(text);
    }
}

#[test]
fn status_and_version() {
    let (scene, _bob) = Alone::private();
    let own = own_fingerprint(&scene);
    let status = scene.alice.asks_otr("status", |line| line == "Nothing waits.");
    let ours = env!("CARGO_PKG_VERSION");
    let versions = format!("otrd {ours}, module {ours}, ZNC 1.");
    let expected = [
        versions.clone(),
        "Account: alice on net.".to_owned(),
        format!("Key: {own}."),
        "Files on disk: plain.".to_owned(),
        "Private conversations: 1, blocked: 0.".to_owned(),
        "Nothing waits.".to_owned(),
    ];
    for (line, start) in status.iter().zip(&expected) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(status.len(), expected.len(), "{status:?}");
    scene.alice.otr("Version");
    scene.alice.otr_says(&versions);
}

#[test]
fn after_a_restart_of_otrd_info_says_blocked() {
    let mut scene = Scene::private();
    // bob has gone meanwhile, so the new session that is asked for does not come about.
    scene.bob.types("/quit");
    scene.wire.carries(Way::In, "?OTR:");
    scene.otrd.stop();
    scene.otrd.starts_again();
    scene.alice.has_otr();
    scene.alice_is("blocked");
    scene.alice.types_to("bob", "not in clear");
    scene.alice.otr_says("[bob] Your message waits until the conversation is private.");
    scene.wire.never_carried("not in clear");
}

#[track_caller]
fn own_fingerprint(scene: &Alone) -> String {
    let mut own = String::new();
    eventually("info shows a fingerprint", || {
        let last = scene.alice.info().pop().unwrap_or_default();
        own = last.trim_start_matches("Your fingerprint: ").trim_end_matches('.').to_owned();
        own.len() == 44
    });
    own
}

#[track_caller]
fn read(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}
