//! What is typed is on the wire once, or comes back once: counted to the socket.

use nix::sys::signal::Signal;
use otrd_tests::{
    Alone, Client, NodePeer, Received, Scene, ScriptedScene, Way, ZncUser, eventually,
};

/// alice and bob are private, and lines wait in ZNC for their turn.
fn private_line_by_line() -> (Alone, NodePeer) {
    let scene = Scene::build().line_by_line().begin_alone();
    let bob = scene.peer("bob", "23");
    scene.goes_private(&bob);
    (scene, bob)
}

fn text(number: usize) -> String {
    format!("line number {number:02} of hers")
}

/// She types ten lines to bob; after the first one something ends the connection to IRC.
#[track_caller]
fn ends_while_lines_wait(ends: impl FnOnce(&Alone)) {
    each_is_read_or_back(ends, Client::settled);
}

/// The same with ZNC itself.
#[track_caller]
fn znc_ends_while_lines_wait(ends: impl FnOnce(&Alone)) {
    each_is_read_or_back(ends, Client::is_disconnected);
}

#[track_caller]
fn each_is_read_or_back(ends: impl FnOnce(&Alone), has_read_all: impl FnOnce(&Client)) {
    const LINES: usize = 10;
    let (scene, bob) = private_line_by_line();
    let other = scene.znc.attach_with("alice", "net", &["echo-message"]);
    for number in 0..LINES {
        scene.alice.types_to("bob", &text(number));
    }
    bob.reads("alice", &text(0));
    ends(&scene);
    scene.alice.otr_says(&text(LINES - 1));
    let read = |number| bob.lines().iter().filter(|line| line.contains(&text(number))).count();
    for number in 0..LINES {
        eventually(&format!("{number} is read or back"), || {
            read(number) + scene.alice.returned(&text(number)) > 0
        });
    }
    has_read_all(&other);
    for number in 0..LINES {
        let back = scene.alice.returned(&text(number));
        assert_eq!(read(number) + back, 1, "{}", text(number));
        // Her other client was shown what went out, and nothing else.
        let own = |line: &otrd_tests::Line| {
            line.is("PRIVMSG", "alice") && line.target() == "bob" && line.text() == text(number)
        };
        let shown = other.lines().iter().filter(|line| own(line)).count();
        assert_eq!(shown + back, 1, "{} is shown {shown} times", text(number));
        scene.wire.never_carried(&text(number));
    }
}

#[test]
fn a_reset_while_lines_wait_in_znc() {
    ends_while_lines_wait(|scene| scene.wire.cut());
}

#[test]
fn a_disconnect_while_lines_wait_in_znc() {
    ends_while_lines_wait(|scene| scene.alice.types_to("*status", "disconnect"));
}

#[test]
fn a_jump_while_lines_wait_in_znc() {
    ends_while_lines_wait(|scene| scene.alice.types_to("*status", "jump"));
}

/// ZNC says nothing of its end: not to modules, and not to lines that wait.
#[test]
fn a_shutdown_while_lines_wait_in_znc() {
    znc_ends_while_lines_wait(|scene| scene.alice.types_to("*status", "shutdown bye"));
}

#[test]
fn a_signal_while_lines_wait_in_znc() {
    znc_ends_while_lines_wait(|scene| scene.znc.process().signal(Signal::SIGTERM));
}

/// In clear, and a long text that takes several lines.
#[test]
fn in_clear_and_in_pieces_as_well() {
    let (scene, bob) = private_line_by_line();
    let carol = scene.ircd.client("carol");
    let long = "a text of many words ".repeat(20);
    let long = long.trim_end();
    scene.alice.types_to("bob", long);
    for number in 0..6 {
        scene.alice.types_to("carol", &text(number));
    }
    carol.expect("her first words", |line| line.text().starts_with(&text(0)));
    scene.wire.cut();
    scene.alice.otr_says(&text(5));
    for number in 0..6 {
        let sent = scene.wire.count(Way::Out, &text(number));
        assert_eq!(sent + scene.alice.returned(&text(number)), 1, "{}", text(number));
    }
    assert_eq!(scene.alice.returned(long), 0, "it went out before the others");
    bob.reads("alice", long);
}

#[test]
fn a_line_and_a_disconnect_in_one_packet() {
    let (scene, bob) = Alone::private();
    let carol = scene.ircd.client("carol");
    let other = scene.znc.attach_with("alice", "net", &["echo-message"]);
    scene.alice.send_bytes(
        b"PRIVMSG bob :encrypted at the end\r\nPRIVMSG carol :in clear at the end\r\n\
          PRIVMSG *status :disconnect",
    );
    scene.alice.otr_says("in clear at the end");
    for text in ["encrypted at the end", "in clear at the end"] {
        assert_eq!(scene.alice.returned(text), 1, "{text}");
        scene.wire.never_carried(text);
        other.settled();
        other.never_saw(&format!("PRIVMSG bob :{text}"));
        other.never_saw(&format!("PRIVMSG carol :{text}"));
    }
    scene.alice.types_to("*status", "connect");
    eventually("she is back", || {
        scene.alice.types_to("bob", "there again");
        scene.alice.settled();
        bob.lines().iter().any(|line| line.contains("there again"))
    });
    carol.never_saw("at the end");
}

/// Both see each other's changes of nick.
fn meet(scene: &Alone, other: &Client) {
    scene.alice.joins("#room");
    other.joins("#room");
    scene.alice.expect("the other in #room", |line| line.is("JOIN", other.nick()));
}

#[test]
fn bob_changes_nick_while_a_line_waits_for_a_stopped_worker() {
    let (scene, bob) = Alone::private();
    scene.alice.joins("#room");
    bob.sends("JOIN #room");
    scene.alice.expect("bob in #room", |line| line.is("JOIN", "bob"));
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    let before = scene.wire.count(Way::Out, "PRIVMSG bob ");
    scene.alice.types_to("bob", "to the old name");
    scene.alice.settled();
    bob.sends("NICK bobby");
    scene.alice.expect("his new nick", |line| line.is("NICK", "bob"));
    let stranger = scene.ircd.client("bob");
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    scene.alice.otr_says("Not sent (bob is now known as bobby): to the old name");
    scene.alice.types_to("bobby", "to the new name");
    bob.reads("alice", "to the new name");
    assert_eq!(scene.alice.returned("to the old name"), 1);
    assert_eq!(scene.wire.count(Way::Out, "PRIVMSG bob "), before);
    stranger.never_saw("PRIVMSG bob");
}

/// carol is gone from her nick while a line in clear waits; mallory takes it.
#[track_caller]
fn somebody_takes_her_nick(mut goes: impl FnMut(&mut Client), why: &str) {
    let scene = Alone::new();
    let mut carol = scene.ircd.client("carol");
    meet(&scene, &carol);
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.alice.types_to("carol", "for her eyes only");
    scene.alice.settled();
    goes(&mut carol);
    scene.alice.expect("her going", |line| ["NICK", "QUIT"].iter().any(|it| line.is(it, "carol")));
    let mallory = scene.ircd.client("carol");
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    scene.alice.otr_says(&format!("Not sent ({why}"));
    assert_eq!(scene.alice.returned("for her eyes only"), 1);
    // What is typed now is meant for whoever has the nick.
    scene.alice.types_to("carol", "hello again");
    mallory.expect("hello again", |line| line.text().starts_with("hello again"));
    mallory.never_saw("her eyes");
    scene.wire.never_carried("her eyes");
}

#[test]
fn carol_becomes_carola_and_mallory_takes_her_nick() {
    somebody_takes_her_nick(|carol| carol.takes_nick("carola"), "carol is now known as carola");
}

#[test]
fn carol_leaves_and_mallory_takes_her_nick() {
    somebody_takes_her_nick(|carol| carol.send("QUIT :bye"), "carol has left IRC");
}

/// The same while the lines are ZNC's already.
#[test]
fn carol_becomes_carola_while_lines_wait_in_znc() {
    let scene = Scene::build().line_by_line().begin_alone();
    let mut carol = scene.ircd.client("carol");
    meet(&scene, &carol);
    for number in 0..12 {
        scene.alice.types_to("carol", &text(number));
    }
    carol.expect("her first words", |line| line.text().starts_with(&text(0)));
    carol.takes_nick("carola");
    let mallory = scene.ircd.client("carol");
    scene.alice.otr_says(&format!("Not sent (carol is now known as carola): {}", text(11)));
    scene.alice.settled();
    for number in 0..12 {
        let sent = scene.wire.count(Way::Out, &text(number));
        assert_eq!(sent + scene.alice.returned(&text(number)), 1, "{}", text(number));
    }
    mallory.settled();
    mallory.never_saw(&text(11));
}

/// They reach whoever has the nick as well.
#[test]
fn what_waits_for_another_form_of_a_nick_comes_back_too() {
    let scene = Scene::build().line_by_line().begin_alone();
    let mut carol = scene.ircd.client("carol");
    meet(&scene, &carol);
    for number in 0..12 {
        scene.alice.send(&format!("PRIVMSG carol@irc.test.net :{}", text(number)));
    }
    scene.wire.carries(Way::Out, &text(0));
    carol.takes_nick("carola");
    scene.alice.otr_says(&format!("Not sent (carol is now known as carola): {}", text(11)));
    scene.alice.settled();
    for number in 0..12 {
        let sent = scene.wire.count(Way::Out, &text(number));
        assert_eq!(sent + scene.alice.returned(&text(number)), 1, "{}", text(number));
    }
}

#[test]
fn after_a_new_host_the_server_is_asked_for_the_user_name_too() {
    let ScriptedScene { alice, server, .. } = &ScriptedScene::new(ZncUser::new("alice"));
    let asked = || server.lines_of("alice").iter().filter(|line| line.starts_with("WHO")).count();
    eventually("ZNC has asked for itself, as it does after each welcome", || asked() > 0);
    let before = asked();
    // Many in a row are one question.
    for number in 0..20 {
        server.says("alice", &format!(":irc.test.net 396 alice host{number} :is now your host"));
    }
    eventually("the server is asked", || asked() > before);
    alice.types_to("*status", "version");
    alice.settled();
    assert_eq!(asked(), before + 1, "a question for each");
}

/// While ZNC registers on a new connection it sends what it is given, and the server takes no text.
/// ZNC has another nick for ours by then than its clients, who have that of the last connection.
#[test]
fn before_the_server_has_welcomed_nothing_is_shown_otherwise() {
    let scene = ScriptedScene::private(ZncUser::new("alice"));
    let ScriptedScene { alice, server, .. } = &scene;
    assert!(server.says("alice", ":alice!alice@host.test.net NICK alice2"));
    alice.expect("the new nick", |line| line.is("NICK", "alice") && line.text() == "alice2");
    server.answers(|_, line| {
        let says = [
            ":bob!b@h PRIVMSG alice2 :to the old nick",
            ":bob!b@h PRIVMSG alice :to the new nick",
            ":alice!a@h NICK :alice :[bob] forged",
            ":alice2!a@h NICK :alice2 :[bob] forged",
        ];
        let answers: Vec<String> = says.map(String::from).into();
        match line.command.as_str() {
            "USER" => Some(answers),
            "CAP" if line.target() == "END" => Some(Vec::new()),
            _ => None,
        }
    });
    server.hangs_up_on("alice");
    for text in ["[NOT ENCRYPTED] to the old nick", "[NOT ENCRYPTED] to the new nick"] {
        alice.reads("bob", text);
    }
    for _ in 0..2 {
        let said = alice.otr_says("which is no nick");
        assert!(said.starts_with("The server calls you"), "{said}");
    }
}

#[test]
fn what_is_typed_before_the_server_has_welcomed_comes_back() {
    let scene = ScriptedScene::private(ZncUser::new("alice"));
    let ScriptedScene { alice, server, .. } = &scene;
    // From now on it welcomes nobody.
    let (registers, waits) = std::sync::mpsc::channel();
    server.answers(move |_, line| {
        let ends = line.command == "USER" || line.command == "CAP" && line.target() == "END";
        ends.then(|| {
            let _ = registers.send(());
            Vec::new()
        })
    });
    server.hangs_up_on("alice");
    waits.recv_timeout(otrd_tests::PATIENCE).expect("ZNC connects again");
    for line in [
        "PRIVMSG carol :in clear",
        "PRIVMSG carol :\u{1}ACTION in clear\u{1}",
        "NOTICE carol :noticed in clear",
        "PRIVMSG bob :encrypted",
        "PRIVMSG bob :\u{1}ACTION encrypted\u{1}",
    ] {
        alice.send(line);
        alice.otr_says("Not sent (ZNC is not connected to this network: try again then): ");
    }
    let early = |got: &Received| {
        let line = String::from_utf8_lossy(&got.line).into_owned();
        got.login.is_empty() && (line.starts_with("PRIVMSG") || line.starts_with("NOTICE"))
    };
    let received = server.received();
    let early: Vec<&Received> = received.iter().filter(|got| early(got)).collect();
    assert!(early.is_empty(), "{early:?}");
    for text in ["in clear", "encrypted"] {
        server.never_heard("alice", text);
    }
}

/// What the module has encrypted is ZNC's when it is loaded anew, which knows nothing of it.
#[test]
fn a_reload_while_lines_wait_in_znc() {
    const LINES: usize = 14;
    let (scene, bob) = private_line_by_line();
    let long = "a text of many words ".repeat(40);
    let long = long.trim_end();
    scene.alice.types_to("bob", long);
    for number in 0..LINES {
        scene.alice.types_to("bob", &text(number));
    }
    bob.reads("alice", long);
    for _ in 0..2 {
        scene.alice.types_to("*status", "reloadmod otr");
        scene.alice.expect("reloaded", |line| line.text().contains("Reloaded module otr"));
    }
    bob.reads("alice", &text(LINES - 1));
    for number in 0..LINES {
        let read = bob.lines().iter().filter(|line| line.contains(&text(number))).count();
        assert_eq!((read, scene.alice.returned(&text(number))), (1, 0), "{}", text(number));
    }
    assert_eq!(scene.alice.returned("?OTR"), 0);
}

/// They wait in clear, and she comes to be somebody to whom nothing goes in clear.
#[test]
fn lines_that_wait_in_znc_while_their_reader_becomes_guarded() {
    each_is_sent_or_back(|_| {});
}

#[test]
fn lines_that_wait_for_somebody_guarded_as_the_module_is_reloaded() {
    each_is_sent_or_back(|scene| {
        scene.alice.otr_says("[carol]");
        scene.alice.types_to("*status", "reloadmod otr");
    });
}

#[track_caller]
fn each_is_sent_or_back(goes_on: impl FnOnce(&Alone)) {
    const LINES: usize = 20;
    let scene = Scene::build().line_by_line().begin_alone();
    let carol = scene.ircd.client("carol");
    meet(&scene, &carol);
    let other = scene.znc.attach_with("alice", "net", &["echo-message"]);
    for number in 0..LINES {
        scene.alice.types_to("carol", &text(number));
    }
    carol.expect("her first words", |line| line.text().starts_with(&text(0)));
    scene.alice.otr("start carol");
    goes_on(&scene);
    scene.alice.otr_says(&text(LINES - 1));
    eventually("nothing waits any more", || {
        let outcomes = |number| {
            scene.wire.count(Way::Out, &text(number)) + scene.alice.returned(&text(number))
        };
        (0..LINES).all(|number| outcomes(number) > 0)
    });
    other.settled();
    for number in 0..LINES {
        let sent = scene.wire.count(Way::Out, &text(number));
        let back = scene.alice.returned(&text(number));
        assert_eq!(sent + back, 1, "{}", text(number));
        let own =
            |line: &otrd_tests::Line| line.is("PRIVMSG", "alice") && line.text() == text(number);
        let shown = other.lines().iter().filter(|line| own(line)).count();
        assert_eq!(shown, sent, "{} is shown {shown} times", text(number));
    }
}

/// otrd has decided of it before it hears of that.
#[test]
fn a_first_line_for_somebody_who_becomes_closed_meanwhile_comes_back() {
    let stage = ScriptedScene::private(ZncUser::new("alice"));
    let worker = stage.otrd.worker();
    stage.otrd.signal_worker(worker, Signal::SIGSTOP);
    stage.alice.types_to("carol", "for carol alone");
    stage.alice.settled();
    assert!(stage.server.says("alice", ":bob!bob@host.test.net NICK carol"));
    assert!(stage.server.says("alice", ":irc.test.net NOTICE * :taken"));
    stage.alice.expect("the notice", |line| line.text() == "taken");
    stage.otrd.signal_worker(worker, Signal::SIGCONT);
    stage.alice.otr_says("for carol alone");
    assert_eq!(stage.alice.returned("for carol alone"), 1);
    stage.never_left("for carol alone");
}

/// Whoever takes the nick next would get it.
#[test]
fn what_waits_for_somebody_who_leaves_comes_back() {
    let stage = ScriptedScene::new(ZncUser::new("alice"));
    stage.alice.otr("start carol");
    stage.server.hears("alice", "?OTRv");
    stage.alice.types_to("carol", "once it is private");
    stage.alice.settled();
    assert_eq!(stage.alice.returned("once it is private"), 0);
    assert!(stage.server.says("alice", ":carol!c@h QUIT :bye"));
    stage.alice.otr_says("Not sent (the peer has left IRC): once it is private");
    assert_eq!(stage.alice.returned("once it is private"), 1);
    stage.never_left("once it is private");
}

#[test]
fn what_is_typed_while_znc_is_not_on_irc_comes_back() {
    let stage = ScriptedScene::private(ZncUser::new("alice"));
    stage.alice.types_to("*status", "disconnect");
    stage.alice.expect("disconnected", |line| line.text().contains("Disconnected from IRC"));
    for (at, start) in ["PRIVMSG carol :", "NOTICE carol :", "PRIVMSG bob :"].iter().enumerate() {
        let text = format!("typed off IRC {at}");
        stage.alice.send(&format!("{start}{text}"));
        stage.alice.otr_says(&text);
        assert_eq!(stage.alice.returned(&text), 1, "{start}");
    }
}
