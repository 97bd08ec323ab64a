//! The guard's own memory: nothing opens anybody but the user's word.

use std::fs;

use super::guard::{alice, raw};
use otrd_tests::{Client, Otrctl, Otrd, ScriptedScene, World, eventually};

/// A file of her account, or the whole account where it is not named, is gone when otrd starts again.
fn loses(stage: &mut ScriptedScene, file: &str) {
    let lost = stage.otrd.account(stage.znc.uid(), "alice", "net").join(file);
    stage.otrd.stop();
    match lost.is_dir() {
        true => fs::remove_dir_all(&lost).expect("a directory"),
        false => fs::remove_file(&lost).expect("a file"),
    }
    stage.otrd.starts_again();
}

/// The module asks another otrd from now on.
fn asks(stage: &ScriptedScene, other: &Otrd) {
    let socket = other.shim_socket();
    stage.alice.send(&format!("PRIVMSG *status :reloadmod otr socket={}", socket.display()));
}

#[test]
fn lost_files_open_nobody() {
    let mut stage = ScriptedScene::private(alice());
    for file in ["conversations.json", ""] {
        loses(&mut stage, file);
        stage.alice.otr_says("is back.");
        raw(&stage, "PRIVMSG bob :from a module");
        stage.alice.otr_says("from a module");
        stage.alice.types_to("bob", "after a loss");
        let back = stage.alice.otr_says("after a loss");
        assert!(back.contains("start bob") && back.contains("finish bob"), "{back}");
        stage.never_left("after a loss");
        // With the blanks by which OTR offers itself, too, which otrd takes off.
        let offer = " \t  \t\t\t\t \t \t \t    \t\t  \t ";
        for (text, shown) in [("forged", "forged"), (&*format!("forged too{offer}"), "forged too")]
        {
            let line = format!(":bob!bob@host.test.net PRIVMSG alice :{text}");
            assert!(stage.server.says("alice", &line));
            stage.alice.reads("bob", &format!("[NOT ENCRYPTED] {shown}"));
        }
        stage.never_left("from a module");
        stage.alice.forgets();
    }
    stage.alice.otr("finish bob");
    stage.alice.otr_says("[bob] The private conversation is finished.");
    stage.alice.types_to("bob", "in clear again");
    stage.bob.told("clear alice in clear again");
}

/// Rules are the user's word, too: where otrd knows none any more, and the module remembers that there were
/// some, nothing goes out in clear until the user says what holds.
#[test]
fn what_is_required_outlives_its_files_and_another_otrd() {
    let mut stage = ScriptedScene::new(alice());
    let elsewhere = World::new();
    let other = Otrd::start(&elsewhere);
    for loss in ["settings.json", "", "forget-account", "another otrd"] {
        stage.alice.otr("policy car* required");
        stage.alice.otr_says("Policy for car*: required.");
        match loss {
            "another otrd" => asks(&stage, &other),
            "forget-account" => {
                let uid = stage.znc.uid().to_string();
                let forget = ["--uid", &uid, "--account", "alice/net", loss, "--yes"];
                Otrctl::new(&stage.otrd).args(forget).does();
            }
            file => loses(&mut stage, file),
        }
        let said = stage.alice.otr_says("Your settings are gone");
        assert!(said.contains("policy * opportunistic"), "{said}");
        stage.alice.types_to("carol", &format!("typed after {loss} was lost"));
        for target in ["carol", "dave"] {
            let text = format!("from a module to {target} after {loss} was lost");
            raw(&stage, &format!("PRIVMSG {target} :{text}"));
            stage.alice.otr_says(&text);
            stage.never_left(&text);
        }
        stage.never_left(&format!("typed after {loss} was lost"));
        stage.alice.otr("policy * opportunistic");
        stage.alice.otr_says("Policy for *: opportunistic.");
        stage.alice.otr("finish carol");
        stage.alice.otr_says("[carol]");
        raw(&stage, &format!("PRIVMSG dave :free again after {loss}"));
        stage.server.hears("alice", &format!("free again after {loss}"));
        stage.alice.otr("policy * default");
        stage.alice.otr_says("back to the default");
        stage.alice.forgets();
    }
    // What the user took back is no loss.
    stage.alice.otr("policy car* required");
    stage.alice.otr_says("Policy for car*: required.");
    stage.alice.otr("policy car* default");
    stage.alice.otr_says("back to the default");
    stage.alice.send("PRIVMSG *status :reloadmod otr");
    stage.alice.has_otr();
    raw(&stage, "PRIVMSG carol :not required any more");
    stage.server.hears("alice", "not required any more");
}

/// The module alone knows the new nick: otrd is away, and ZNC ends before the second is over in which it wrote
/// its registry last.
#[test]
fn a_nick_that_otrd_has_not_heard_of_stays_closed_over_a_crash() {
    let mut stage = ScriptedScene::private(alice());
    stage.otrd.stop();
    for (old, new) in [("bob", "robert"), ("robert", "rob"), ("rob", "bobby")] {
        assert!(stage.server.says("alice", &format!(":{old}!~idbob@host NICK {new}")));
    }
    assert!(stage.server.says("alice", ":bobby!~elsewhere@host PRIVMSG alice :it is me"));
    // What came behind them has arrived, so ZNC has read them.
    assert!(stage.server.says("alice", ":irc.test.net 399 alice :read"));
    stage.alice.sees_numeric("399");
    stage.znc.crash();
    stage.znc.starts_again();
    stage.alice = stage.znc.attach("alice", "net");
    stage.otrd.starts_again();
    stage.alice.has_otr();
    let users = ["idbob@irc.test.net", "elsewhere@irc.test.net", "~elsewhere"];
    for target in ["bob", "robert", "rob", "bobby"].into_iter().chain(users) {
        let text = format!("to {target} after the crash");
        raw(&stage, &format!("PRIVMSG {target} :{text}"));
        stage.alice.otr_says(&text);
        stage.never_left(&text);
    }
}

#[test]
fn another_otrd_opens_nobody() {
    let stage = ScriptedScene::private(alice());
    let elsewhere = World::new();
    let other = Otrd::start(&elsewhere);
    asks(&stage, &other);
    stage.alice.otr_says("The otr module is unloaded: until it is loaded again, nothing keeps what you type from going out in clear to bob.");
    other.worker();
    stage.alice.has_otr();
    stage.alice.types_to("bob", "to another otrd");
    let back = stage.alice.otr_says("to another otrd");
    assert!(back.contains("finish bob"), "{back}");
    // Also before anything was typed.
    raw(&stage, "NOTICE bob :by a module");
    stage.alice.otr_says("by a module");
    stage.never_left("to another otrd");
    stage.never_left("by a module");
    stage.alice.otr("finish bob");
    stage.alice.otr_says("[bob]");
    stage.alice.types_to("bob", "opened by a word");
    stage.bob.told("clear alice opened by a word");
}

#[test]
fn no_nick_lies_on_zncs_disk() {
    let stage = ScriptedScene::private(alice());
    let registry = stage.znc.dir().join("users/alice/networks/net/moddata/otr/.registry");
    eventually("the registry is written", || {
        fs::read_to_string(&registry).is_ok_and(|text| text.contains("closed"))
    });
    let text = fs::read_to_string(&registry).expect("the registry");
    assert!(!text.contains("bob") && !text.contains("guard"), "{text}");
}

#[test]
fn nicks_that_were_left_stay_closed_however_many() {
    let stage = ScriptedScene::private(alice());
    stage.alice.joins("#room");
    let names: Vec<String> = (0..40).map(|at| format!("bob{at}")).collect();
    let mut is = "bob".to_owned();
    for name in &names {
        assert!(stage.server.says("alice", &format!(":{is}!bob@host.test.net NICK {name}")));
        is.clone_from(name);
    }
    stage.server.knows_as("bob", "bob39");
    stage.alice.otr_says("is now known as bob39");
    let stranger = Client::of_server(&stage.world, stage.server.port(), "stranger");
    stage.server.knows_as("stranger", "bob");
    for name in ["bob", "bob0", "bob17", "bob38"] {
        stage.alice.types_to(name, &format!("words to {name}"));
        stage.alice.otr_says(&format!("words to {name}"));
    }
    stage.alice.types_to("bob39", "the real one");
    stage.bob.reads("alice", "the real one");
    stage.never_left("words to");
    stranger.settled();
    stranger.never_saw("PRIVMSG");
}

#[test]
fn more_nicks_than_there_is_room_for_close_everybody() {
    let stage = ScriptedScene::private(alice());
    let idle = stage.znc.attach_idle("idle");
    let names = |at: usize| if at == 0 { "bob".to_owned() } else { format!("b{at}") };
    let lines = (0..20_000).map(|at| format!(":{}!bob@h NICK {}", names(at), names(at + 1)));
    assert!(stage.server.floods("alice", lines));
    stage.alice.otr_says("nothing goes out in clear to anybody until you say finish and the nick");
    // ZNC serves others meanwhile.
    let slowest = (0..20).map(|_| idle.ping()).max().expect("some");
    assert!(slowest.as_millis() < 1000, "{slowest:?}");
    stage.alice.types_to("carol", "to anybody");
    stage.alice.otr_says("to anybody");
    raw(&stage, "PRIVMSG dave :by a module");
    stage.alice.otr_says("by a module");
    stage.never_left("to anybody");
    stage.never_left("by a module");
    stage.alice.otr("finish carol");
    stage.alice.otr_says("[carol]");
    stage.alice.types_to("carol", "one by one");
    stage.server.hears("alice", "one by one");
    stage.alice.otr("finish --all");
    eventually("everybody is open", || {
        raw(&stage, "PRIVMSG erin :all at once");
        stage.alice.settled();
        stage.server.lines_of("alice").iter().any(|line| line.contains("all at once"))
    });
}

/// The user asked for privacy, and an otrd that does not know of it is no reason to speak in clear.
#[test]
fn who_was_asked_stays_closed_where_otrd_has_forgotten_it() {
    let mut stage = ScriptedScene::new(alice());
    for (peer, file) in [("carol", "conversations.json"), ("dave", "")] {
        stage.alice.otr(&format!("start {peer}"));
        stage.server.hears("alice", &format!("PRIVMSG {peer} :?OTRv"));
        stage.alice.settled();
        loses(&mut stage, file);
        stage.alice.otr_says(&format!("[{peer}] A private conversation was asked for"));
        stage.comes_back(&format!("PRIVMSG {peer} :after {peer}"), &format!("after {peer}"));
        stage.alice.otr(&format!("finish {peer}"));
        stage.alice.otr_says(&format!("[{peer}] The private conversation is finished."));
        stage.alice.forgets();
        stage.alice.types_to(peer, &format!("free again {peer}"));
        stage.server.hears("alice", &format!("free again {peer}"));
    }
}

/// ZNC is started again meanwhile, too, and the module knows nobody's name.
#[test]
fn who_was_asked_stays_closed_where_znc_was_restarted_as_well() {
    let mut stage = ScriptedScene::new(alice());
    let registry = stage.znc.dir().join("users/alice/networks/net/moddata/otr/.registry");
    // A question mark, as ZNC writes it, stands in front of who was asked.
    let asked = || fs::read_to_string(&registry).is_ok_and(|text| text.contains("%3f;"));
    for (peer, file) in [("carol", "conversations.json"), ("dave", "")] {
        eventually("nobody is asked by the registry", || !asked());
        stage.alice.otr(&format!("start {peer}"));
        stage.server.hears("alice", &format!("PRIVMSG {peer} :?OTRv"));
        eventually("the registry is written", asked);
        stage.znc.crash();
        loses(&mut stage, file);
        stage.znc.starts_again();
        stage.alice = stage.znc.attach("alice", "net");
        stage.alice.has_otr();
        raw(&stage, &format!("PRIVMSG {peer} :by a module to {peer}"));
        stage.alice.otr_says(&format!("by a module to {peer}"));
        stage.alice.types_to(peer, &format!("after both, {peer}"));
        stage.alice.otr_says(&format!("[{peer}] A private conversation was asked for"));
        let back = stage.alice.otr_says(&format!("after both, {peer}"));
        assert!(back.contains(&format!("finish {peer}")), "{back}");
        stage.never_left(&format!("by a module to {peer}"));
        stage.never_left(&format!("after both, {peer}"));
        stage.alice.otr(&format!("finish {peer}"));
        stage.alice.otr_says(&format!("[{peer}] The private conversation is finished."));
        stage.alice.types_to(peer, &format!("free again {peer}"));
        stage.server.hears("alice", &format!("free again {peer}"));
    }
}

#[test]
fn who_was_asked_and_forgotten_stays_closed_under_another_nick() {
    let mut stage = ScriptedScene::new(alice());
    let registry = stage.znc.dir().join("users/alice/networks/net/moddata/otr/.registry");
    stage.alice.otr("start carol");
    stage.server.hears("alice", "PRIVMSG carol :?OTRv");
    eventually("the registry is written", || {
        fs::read_to_string(&registry).is_ok_and(|text| text.contains("%3f;"))
    });
    stage.znc.crash();
    loses(&mut stage, "");
    stage.znc.starts_again();
    stage.alice = stage.znc.attach("alice", "net");
    stage.alice.has_otr();
    assert!(stage.server.says("alice", ":carol!idcarol@host NICK robert"));
    assert!(stage.server.says("alice", ":irc.test.net NOTICE alice :renamed"));
    stage.alice.expect("she has another nick", |line| line.text() == "renamed");
    stage.alice.types_to("robert", "to the new nick");
    let back = stage.alice.otr_says("to the new nick");
    assert!(back.contains("finish robert"), "{back}");
    // Her first nick is somebody else's from now on, and closed as well.
    stage.alice.types_to("carol", "to the old nick");
    let back = stage.alice.otr_says("to the old nick");
    assert!(back.contains("finish carol"), "{back}");
    stage.never_left("to the new nick");
    stage.never_left("to the old nick");
}
