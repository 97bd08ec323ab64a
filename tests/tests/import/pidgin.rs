//! Pidgin, with the plugin of OTR's authors.

use std::path::{Path, PathBuf};

use otrd_tests::World;

use crate::desktop::{Desktop, SOMEBODY, home};
use crate::{Made, Stage, holds};

#[test]
#[ignore = "needs other people's programs: run tests/import"]
fn pidgin() {
    let stage = Stage::new();
    let (directory, program) = start(&stage, "penny", &[]);
    // It makes its key when bob asks.
    let fingerprint = stage.bob_meets("penny");
    stage.bob.auths("penny", "oursecret");
    program.types("Authenticate Buddy", "oursecret");
    stage.bob.auth_succeeds("penny");
    holds(&directory.join("otr.fingerprints"), "\tsmp");
    let files = ["otr.private_key", "otr.fingerprints", "otr.instance_tags"];
    let made = Made {
        program: "pidgin",
        name: "Pidgin or finch",
        files: files.map(|file| directory.join(file)).to_vec(),
        directory,
        fingerprint,
        trust: "shared secret",
    };
    drop(program);
    let otrd = stage.moves_in(&made);

    let (key, prints) = stage.moves_out(&otrd, "paula@127.0.0.1", "prpl-irc");
    let files = [("otr.private_key", key.as_str()), ("otr.fingerprints", &prints)];
    let (directory, again) = start(&stage, "paula", &files);
    assert_eq!(stage.bob_meets("paula"), made.fingerprint);
    // A private conversation writes the fingerprints that were read, and their trust.
    stage.bob.auths("paula", "another secret");
    again.types("Authenticate Buddy", "another");
    stage.bob.auth_succeeds("paula");
    holds(&directory.join("otr.fingerprints"), "bob\tpaula@127.0.0.1\tprpl-irc\t");
}

/// Pidgin with one account, on IRC.
fn start(stage: &Stage, nick: &str, files: &[(&str, &str)]) -> (PathBuf, Desktop) {
    let home = home(&stage.world, nick);
    let directory = home.join(".purple");
    let uid = World::has_other_users().then_some(SOMEBODY);
    let write = |file: &str, text: &str| stage.world.file(&directory.join(file), text, uid);
    write("accounts.xml", &accounts(nick, stage.ircd.port()));
    write("prefs.xml", PREFERENCES);
    for (file, text) in files {
        write(file, text);
    }
    let config = |path: &Path| path.to_str().expect("a text").to_owned();
    let program = Desktop::start(&stage.world, &home, "pidgin", &["-c", &config(&directory)]);
    stage.waits_for(nick);
    (directory, program)
}

fn accounts(nick: &str, port: u16) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account>
 <protocol>prpl-irc</protocol>
 <name>{nick}@127.0.0.1</name>
 <settings>
  <setting name='port' type='int'>{port}</setting>
  <setting name='ssl' type='bool'>0</setting>
  <setting name='username' type='string'>{nick}</setting>
  <setting name='ratelimit-interval' type='int'>0</setting>
 </settings>
 <settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
"
    )
}

const PREFERENCES: &str = "<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'><pref name='pidgin'><pref name='plugins'>
 <pref name='loaded' type='pathlist'><item value='/usr/lib/pidgin/pidgin-otr.so'/></pref>
</pref></pref></pref>
";
