//! What `otrctl` asks the person at a terminal, on a real one.

use otrd_tests::{Ircd, Irssi, Otrctl, Otrd, Scene, World};

fn otrctl(otrd: &Otrd) -> Otrctl {
    Otrctl::new(otrd).args(["-a", "alice/net"])
}

#[test]
fn a_secret_is_asked_for_and_not_shown() {
    let scene = Scene::private();
    let terminal = otrctl(&scene.otrd).args(["auth", "bob"]).on_a_terminal();
    terminal.sees("Secret: ");
    assert!(!terminal.echoes());
    terminal.types("oursecret\n");
    terminal.sees("Initiated authentication.");
    assert!(terminal.echoes(), "as it was before");
    let (code, screen) = terminal.ends();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("oursecret"), "{screen}");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "oursecret");
    scene.bob.auth_succeeds("alice");

    // Nothing typed is nothing sent.
    let terminal = otrctl(&scene.otrd).args(["authq", "bob", "[which?]"]).on_a_terminal();
    terminal.sees("Secret: ");
    terminal.types("\n");
    let (code, screen) = terminal.ends();
    assert!(code == 64 && screen.contains("no secret was typed"), "{code}: {screen}");
}

#[test]
fn control_c_at_the_secret_leaves_a_terminal_that_shows_what_is_typed() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let terminal = otrctl(&otrd).args(["auth", "bob"]).on_a_terminal();
    terminal.sees("Secret: ");
    terminal.types("oursec\u{3}");
    terminal.sees("nothing was sent");
    assert!(terminal.echoes());
    let (code, screen) = terminal.ends();
    assert!(code == 130 && !screen.contains("oursec"), "{code}: {screen}");
}

#[test]
fn an_import_is_shown_and_then_asked_about() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let irssi = Irssi::start(&world, "somebody", ircd.port());
    let otrd = Otrd::start(&world);
    let uid = nix::unistd::getuid().to_string();
    let import = || otrctl(&otrd).args(["--uid", &uid, "import"]).arg(irssi.dir());
    let ours = irssi.fingerprint();
    let own = || otrctl(&otrd).args(["--uid", &uid, "fingerprint"]).does();

    for answer in ["n\n", "\n", "\u{4}"] {
        let terminal = import().on_a_terminal();
        terminal.sees("Take this over? [y/N] ");
        assert!(terminal.screen().contains(&ours), "{}", terminal.screen());
        terminal.types(answer);
        let (code, screen) = terminal.ends();
        assert!(code == 0 && screen.ends_with("Nothing was changed.\r\n"), "{code}: {screen}");
        assert!(!own().contains(&ours));
    }
    let terminal = import().on_a_terminal();
    terminal.sees("Take this over? [y/N] ");
    terminal.types("yes\n");
    let (code, screen) = terminal.ends();
    assert!(code == 0 && screen.ends_with("Done.\r\n"), "{code}: {screen}");
    assert!(own().contains(&ours));

    // Nobody is asked who said so.
    let (code, screen) = import().arg("--yes").on_a_terminal().ends();
    assert!(code == 0 && !screen.contains("[y/N]"), "{code}: {screen}");

    let forget = otrctl(&otrd).args(["--uid", &uid, "forget-account"]).on_a_terminal();
    forget.sees("Set aside the key and all settings of alice/net");
    forget.types("n\n");
    let (code, screen) = forget.ends();
    assert!(code == 65 && screen.contains("nothing was changed"), "{code}: {screen}");
    assert!(own().contains(&ours));
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let doctor = || Otrctl::new(&otrd).args(["doctor", "--worker", "/bin/false"]);
    let coloured = |terminal: otrd_tests::Terminal| terminal.ends().1.contains("\u{1b}[31mFAIL");
    assert!(coloured(doctor().on_a_terminal()));
    assert!(coloured(doctor().env("NO_COLOR", "").on_a_terminal()), "empty is as unset");
    assert!(!coloured(doctor().env("NO_COLOR", "1").on_a_terminal()));
    assert!(!doctor().run().out.contains('\u{1b}'));
}
