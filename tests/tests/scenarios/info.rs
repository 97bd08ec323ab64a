//! `info` and trust, to the letter of the old module's page.

use otrd_tests::{InfoRow, Scene, info_table};

#[test]
fn info_shows_the_table_of_the_old_module() {
    let scene = Scene::private();
    let (bob, alice) = (scene.bob.fingerprint(), own_fingerprint(&scene));
    let row =
        |state, active, trust| InfoRow { peer: "bob", state, fingerprint: &bob, active, trust };
    let shows = |row: InfoRow<'_>| {
        assert_eq!(scene.alice.info(), info_table(&[row], &alice));
    };
    shows(row("encrypted", true, "not trusted"));

    scene.alice.otr("trust bob");
    scene.alice.otr_says_exactly(&format!("[bob] Fingerprint {bob} trusted!"));
    shows(row("encrypted", true, "manual"));

    scene.bob.finishes_otr_with("alice");
    scene.alice_is("finished");
    scene.alice.otr("finish bob");
    scene.alice_is("plaintext");
    shows(row("plaintext", false, "manual"));

    scene.alice.otr(&format!("distrust {bob}"));
    scene.alice.otr_says(&bob);
    shows(row("plaintext", false, "not trusted"));

    scene.alice.otr(&format!("trust {}", bob.replace(' ', "").to_lowercase()));
    scene.alice.otr_says_exactly(&format!("[bob] Fingerprint {bob} trusted!"));
    shows(row("plaintext", false, "manual"));
}

#[test]
fn both_sides_name_the_same_keys() {
    let scene = Scene::new();
    scene.alice.types_to("bob", "?OTR?");
    scene.bob.is_private();
    scene.alice_is("encrypted");
    let own = own_fingerprint(&scene);
    scene.bob.sees(&format!("OTR key fingerprint: {own} for alice"));
}

#[test]
fn help_names_every_command() {
    let scene = Scene::new();
    scene.alice.otr("help");
    for command in
        ["info", "start", "finish", "trust", "distrust", "auth", "authq", "authabort", "genkey"]
    {
        scene.alice.expect(&format!("help for {command}"), |line| {
            line.is("PRIVMSG", "*otr")
                && line.text().split([' ', ':']).next().is_some_and(|word| word == command)
                && line.text().len() <= 100
        });
    }
}

#[test]
fn an_unknown_command_says_what_to_do() {
    let scene = Scene::new();
    scene.alice.otr("fly me to the moon");
    scene.alice.otr_says("help");
}

#[track_caller]
fn own_fingerprint(scene: &Scene) -> String {
    let info = scene.alice.info();
    let last = info.last().expect("a last line");
    let own = last.strip_prefix("Your fingerprint: ").and_then(|rest| rest.strip_suffix('.'));
    own.expect("a fingerprint and a full stop").to_owned()
}
