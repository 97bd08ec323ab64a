//! ZNC's registry, where the module remembers whom it holds closed, is cut short by a full disk or a
//! crash, cannot be written, or is gone.

use std::fs;
use std::path::PathBuf;

use otrd_tests::{Otrctl, ScriptedScene, ZncUser, eventually};

const LOST: &str = "Which conversations were private is not known any more";

/// bob has become private, and ZNC has written it down.
fn written() -> ScriptedScene {
    let stage = ScriptedScene::private(ZncUser::new("alice").module("send_raw"));
    eventually("the registry is written", || {
        content(&stage).contains("\nidentity ") && content(&stage).ends_with("whole 1\n")
    });
    stage
}

fn registry(stage: &ScriptedScene) -> PathBuf {
    stage.znc.dir().join("users/alice/networks/net/moddata/otr/.registry")
}

fn content(stage: &ScriptedScene) -> String {
    fs::read_to_string(registry(stage)).unwrap_or_default()
}

/// A line as ZNC's registry has it, too.
fn identity_of_account(stage: &ScriptedScene) -> String {
    let account = stage.otrd.account(stage.znc.uid(), "alice", "net");
    fs::read_to_string(account.join("identity")).expect("the identity")
}

fn fingerprint(stage: &ScriptedScene) -> String {
    let own = stage.alice.info().pop().expect("lines");
    assert!(own.starts_with("Your fingerprint: "), "{own}");
    own
}

/// ZNC is killed, and finds this when it starts again.
fn finds(stage: &mut ScriptedScene, content: Option<&str>) {
    stage.znc.crash();
    match content {
        Some(content) => fs::write(registry(stage), content).expect("written"),
        None => fs::remove_file(registry(stage)).expect("removed"),
    }
    stage.znc.starts_again();
    stage.alice = stage.znc.attach("alice", "net");
}

/// Nothing leaves in clear to anybody, until the user says so.
fn everybody_is_closed(stage: &ScriptedScene) {
    stage.comes_back("PRIVMSG carol :typed to carol", "typed to carol");
    let line = "PRIVMSG *send_raw :server alice net PRIVMSG dave :written to dave";
    stage.comes_back(line, "written to dave");
    stage.alice.asks_otr("finish --all", |_| true);
    stage.alice.types_to("carol", "open again");
    stage.server.hears("alice", "open again");
}

/// Whatever is left of the registry closes everybody, and the account stays.
fn cut_short(cut: impl Fn(&str) -> Option<usize>) {
    let mut stage = written();
    let (key, whole) = (fingerprint(&stage), content(&stage));
    let cut = cut(&whole).expect("it has this");
    finds(&mut stage, whole.get(..cut));
    stage.alice.otr_says(LOST);
    stage.alice.has_otr();
    assert_eq!(fingerprint(&stage), key);
    stage.alice.types_to("bob", "to bob");
    stage.alice.settled();
    everybody_is_closed(&stage);
    stage.never_left("to bob");
    eventually("it is whole again", || content(&stage).ends_with("whole 1\n"));
    let line = identity_of_account(&stage);
    assert!(content(&stage).contains(&line) && !content(&stage).contains("by_name"), "{line}");
    // What was written since is read without a word.
    stage.znc.restart();
    stage.alice = stage.znc.attach("alice", "net");
    stage.alice.has_otr();
    stage.alice.never_saw(LOST);
}

#[test]
fn nothing_is_left_of_it() {
    cut_short(|_| Some(0));
}

#[test]
fn cut_short_in_the_list_of_who_is_closed() {
    cut_short(|whole| Some(whole.find("closed")? + 40));
}

#[test]
fn cut_short_before_the_identity() {
    cut_short(|whole| whole.find("\nidentity"));
}

#[test]
fn cut_short_within_the_identity() {
    cut_short(|whole| Some(whole.find("\nidentity")? + 20));
}

#[test]
fn cut_short_before_its_last_line() {
    cut_short(|whole| whole.find("whole"));
}

#[test]
fn cut_short_within_its_last_line() {
    cut_short(|whole| whole.len().checked_sub(2));
}

#[test]
fn without_it_the_account_begins_anew_and_everybody_is_closed() {
    let mut stage = written();
    let key = fingerprint(&stage);
    finds(&mut stage, None);
    stage.alice.otr_says("Another network had this name before");
    stage.alice.has_otr();
    stage.comes_back("PRIVMSG bob :to bob", "to bob");
    everybody_is_closed(&stage);
    let restored =
        Otrctl::new(&stage.otrd).args(["-a", "alice/net", "restore-account", "--yes"]).json();
    assert_eq!(restored["directory"], ".net.replaced", "{restored}");
    stage.alice.has_otr();
    assert_eq!(fingerprint(&stage), key);
}

#[test]
fn one_that_cannot_be_written_is_said_once_and_tried_again() {
    let stage = ScriptedScene::new(ZncUser::new("alice"));
    fs::remove_file(registry(&stage)).expect("removed");
    fs::create_dir(registry(&stage)).expect("something in its way");
    stage.alice.types_to("bob", "?OTR?");
    stage.alice.otr_says("ZNC cannot write its files");
    stage.alice.becomes("bob", "encrypted");
    stage.alice.otr("mark on");
    stage.alice.otr_says("is marked from now on");
    fs::remove_dir(registry(&stage)).expect("out of its way");
    stage.alice.otr_says("ZNC can write its files again");
    let said = stage.alice.texts_from("*otr");
    assert_eq!(said.iter().filter(|line| line.contains("cannot write its files")).count(), 1);
    let kept = content(&stage);
    assert!(
        kept.contains("closed ") && kept.contains("mark ") && kept.ends_with("whole 1\n"),
        "{kept}"
    );
}

/// The account is set aside, and otrd ends before a worker has heard that this one begins anew.
#[test]
fn everybody_is_closed_also_where_the_first_try_to_begin_anew_fails() {
    let mut stage = written();
    let key = fingerprint(&stage);
    stage.znc.crash();
    stage.otrd.stop();
    fs::remove_file(registry(&stage)).expect("removed");
    // As far as an otrd came that was killed then.
    let account = stage.otrd.account(stage.znc.uid(), "alice", "net");
    fs::rename(&account, account.with_file_name(".net.replaced")).expect("set aside");
    stage.otrd.starts_again();
    stage.znc.starts_again();
    stage.alice = stage.znc.attach("alice", "net");
    stage.alice.otr_says("Another network had this name before");
    stage.alice.has_otr();
    assert_ne!(fingerprint(&stage), key);
    everybody_is_closed(&stage);
}
