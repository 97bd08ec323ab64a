//! HexChat with its plugin.

use std::path::PathBuf;

use otrd_tests::World;

use crate::desktop::{Desktop, SOMEBODY, home};
use crate::{Made, Stage, holds};

#[test]
#[ignore = "needs other people's programs: run tests/import"]
fn hexchat() {
    let stage = Stage::new();
    let (directory, program) = start(&stage, "henry", &[]);
    let otr = directory.join("otr");
    program.types(WINDOW, "/otr genkey henry@irc.test.net");
    holds(&otr.join("otr.key"), "(name \"henry@irc.test.net\")");
    program.types(WINDOW, "/query bob");
    let fingerprint = stage.bob_meets("henry");
    holds(&otr.join("otr.fp"), "bob\thenry@irc.test.net\tIRC\t");
    // What it trusts by hand it does not write down.
    program.types(WINDOW, "/otr auth oursecret");
    stage.bob.sees("henry wants to authenticate");
    stage.bob.auths("henry", "oursecret");
    stage.bob.auth_succeeds("henry");
    holds(&otr.join("otr.fp"), "\tsmp");
    let made = Made {
        program: "hexchat",
        name: "HexChat",
        files: ["otr.key", "otr.fp"].map(|file| otr.join(file)).to_vec(),
        directory,
        fingerprint,
        trust: "shared secret",
    };
    drop(program);
    let otrd = stage.moves_in(&made);

    let (key, prints) = stage.moves_out(&otrd, "heidi@irc.test.net", "IRC");
    let files = [("otr/otr.key", key.as_str()), ("otr/otr.fp", &prints)];
    let (_, again) = start(&stage, "heidi", &files);
    again.types(WINDOW, "/query bob");
    assert_eq!(stage.bob_meets("heidi"), made.fingerprint);
}

/// In the title of its only window.
const WINDOW: &str = "HexChat";

/// HexChat, on IRC.
fn start(stage: &Stage, nick: &str, files: &[(&str, &str)]) -> (PathBuf, Desktop) {
    let home = home(&stage.world, nick);
    let directory = home.join(".config/hexchat");
    let uid = World::has_other_users().then_some(SOMEBODY);
    stage.world.directory(&format!("{nick}/.config"), uid);
    let write = |file: &str, text: &str| stage.world.file(&directory.join(file), text, uid);
    let nicks = format!(
        "irc_nick1 = {nick}\nirc_user_name = {nick}\ngui_slist_skip = 1\nnet_throttle = 0\n"
    );
    write("hexchat.conf", &nicks);
    for (file, text) in files {
        write(file, text);
    }
    let url = format!("--url=irc://127.0.0.1:{}/", stage.ircd.port());
    let config = directory.to_str().expect("a text");
    let program = Desktop::start(&stage.world, &home, "hexchat", &["-d", config, &url]);
    stage.waits_for(nick);
    // Until then it calls the network otherwise, and its own account too.
    holds(&directory.join("logs/irc.test.net/server.log"), "End of MOTD");
    (directory, program)
}
