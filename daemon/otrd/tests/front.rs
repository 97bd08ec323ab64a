//! The real otrd over its real sockets: bad input, crowds, workers that die, start and stop.
//! What needs a worker that lives is in `tests/` at the top.

mod stage;

use serde_json::{Value, json};
use stage::{Client, Otrd, code, hello};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::{Duration, Instant};

#[test]
fn the_front_is_confined_and_runs_nothing_but_the_worker() {
    let otrd = Otrd::start();
    // It listens before it is confined, and answers after.
    otrd.assert_serves();
    assert_eq!(otrd.proc_status("Seccomp"), "2");
    assert_eq!(otrd.proc_status("NoNewPrivs"), "1");
    if !stage::has_landlock() {
        return eprintln!("skipped: this kernel has no Landlock");
    }
    // A script needs a shell, which is another program.
    let directory = tempfile::tempdir().unwrap();
    let (script, trace) = (directory.path().join("worker"), directory.path().join("trace"));
    std::fs::write(&script, format!("#!/bin/sh\ntouch {}\n", trace.display())).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let otrd = Otrd::start_with_program(&script);
    let mut module = otrd.module();
    module.say(hello("alice", "libera").to_string().as_bytes());
    assert_eq!(code(&module.line()), -32603);
    assert!(!trace.exists());
}

#[test]
fn a_bad_first_line_is_answered_and_closed() {
    let otrd = Otrd::start();
    let cases: &[(&str, i64)] = &[
        ("", -32700),
        ("hello", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"", -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hel\0lo\"}", -32700),
        ("1", -32600),
        ("\"hello\"", -32600),
        ("null", -32600),
        ("[]", -32600),
        ("{}", -32600),
        (r#"{"id":1,"method":"hello","params":{}}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"hello"}"#, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"hello","params":{"version":1}}]"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"fly"}"#, -32001),
        (r#"{"jsonrpc":"2.0","id":1,"method":"in","params":{"from":"b!b@h"}}"#, -32001),
        (r#"{"jsonrpc":"2.0","id":1,"method":"hello"}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":[1,"alice","net"]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"version":"1"}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"version":1}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"version":2}}"#, -32003),
    ];
    for (line, expected) in cases {
        let mut client = otrd.module();
        client.say(line.as_bytes());
        assert_eq!(code(&client.line()), *expected, "{line}");
        assert!(client.is_closed(), "{line}");
    }
    for name in ["", "a/b", "..", "a..b", ".hidden", "a b", "a\\b", "a\nb", &"x".repeat(65)] {
        for (user, network) in [(name, "libera"), ("alice", name)] {
            let mut client = otrd.module();
            client.say(hello(user, network).to_string().as_bytes());
            assert_eq!(code(&client.line()), -32602, "{name:?}");
            assert!(client.is_closed());
        }
    }
    assert_eq!(otrd.admin().ask("accounts", json!({}))["result"], json!({"accounts": []}));
    assert!(std::fs::read_dir(otrd.path("state")).unwrap().next().is_none());
}

#[test]
fn bytes_that_are_no_text_are_no_json() {
    let otrd = Otrd::start();
    let mut client = otrd.module();
    client.say(b"\xff\xfe{}");
    assert_eq!(code(&client.line()), -32700);
}

#[test]
fn a_notification_is_not_answered_but_closed() {
    let otrd = Otrd::start();
    let mut client = otrd.module();
    client.say(br#"{"jsonrpc":"2.0","method":"bye","params":{}}"#);
    assert!(client.is_closed());
}

#[test]
fn a_line_that_is_too_long_is_refused_before_it_ends() {
    let otrd = Otrd::start();
    for mut client in [otrd.module(), otrd.admin()] {
        client.raw(&vec![b'x'; 65536]);
        assert_eq!(code(&client.line()), -32007);
        assert!(client.is_closed());
    }
    let mut client = otrd.module();
    client.raw(&vec![b'x'; 65535]);
    client.raw(b"\n");
    assert_eq!(code(&client.line()), -32700);
}

#[test]
fn silent_connections_are_dropped_and_stand_in_nobodys_way() {
    let mut config = tempfile::NamedTempFile::new().unwrap();
    config.write_all(b"[limits]\npending = 256\n").unwrap();
    let otrd = Otrd::start_with(|command| {
        command.arg("--config").arg(config.path());
    });
    let start = Instant::now();
    let mut silent: Vec<Client> = (0..200).map(|_| otrd.module()).collect();
    // Half a line is no line.
    silent[0].raw(b"{\"jsonrpc\"");
    let shown = |pending: u64| {
        otrd.wait_for(|| otrd.status()["pending"].as_u64() == Some(pending));
    };
    shown(200);
    otrd.assert_serves();
    for client in &mut silent {
        assert_eq!(code(&client.line()), -32001);
        assert!(client.is_closed());
    }
    let dropped = start.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&dropped), "{dropped:?}");
    shown(0);

    // More than there is room for: the oldest go, whoever comes is served.
    let mut flood: Vec<Client> = (0..400).map(|_| otrd.module()).collect();
    otrd.assert_serves();
    assert_eq!(code(&flood[0].line()), -32006);
    assert!(otrd.status()["pending"].as_u64() <= Some(256));
}

#[test]
fn a_worker_that_dies_is_started_again_more_and_more_slowly() {
    let mut otrd = Otrd::start();
    let mut client = otrd.module();
    let start = Instant::now();
    client.say(hello("alice", "libera").to_string().as_bytes());
    assert_eq!(code(&client.line()), -32006);
    assert!(client.is_closed());
    let waited = start.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&waited), "{waited:?}");

    let status = otrd.status();
    let account = &status["accounts"][0];
    assert_eq!(account["user"], "alice");
    assert_eq!(account["pid"], Value::Null);
    assert_eq!(account["worker"], Value::Null);
    // 0.1, 0.2, 0.4, 0.8, 1.6 and 3.2 s apart.
    assert!((4..=7).contains(&account["restarts"].as_u64().unwrap()), "{account}");
    assert_eq!(
        otrd.admin().ask("accounts", json!({}))["result"]["accounts"][0]["network"],
        "libera"
    );

    let account = otrd.path("state").join(format!("{}/alice/libera", stage::uid()));
    for level in account.ancestors().take(4) {
        assert_eq!(level.metadata().unwrap().permissions().mode() & 0o7777, 0o700, "{level:?}");
    }
    assert!(otrd.stop().success());
}

#[test]
fn two_accounts_wait_for_nobody_but_their_own_worker() {
    let otrd = Otrd::start();
    let mut waiting = otrd.module();
    waiting.say(hello("alice", "libera").to_string().as_bytes());
    otrd.assert_serves();
    let command = json!({"account": {"user": "bob", "network": "libera"}, "text": "info"});
    assert_eq!(code(&otrd.admin().ask("command", command)), -32005);
}

#[test]
fn a_command_to_a_dead_worker_is_answered_in_time() {
    let otrd = Otrd::start();
    std::fs::create_dir_all(otrd.path("state").join(format!("{}/alice/libera", stage::uid())))
        .unwrap();
    let command = json!({"account": {"user": "alice", "network": "libera"}, "text": "info"});
    assert_eq!(code(&otrd.admin().ask("command", command)), -32006);
}

#[test]
fn the_admin_socket_survives_what_is_said_to_it() {
    let otrd = Otrd::start();
    let mut admin = otrd.admin();
    for (line, expected) in [
        ("nonsense", -32700),
        ("[]", -32600),
        ("7", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"version":1}}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"status","params":[]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"status","params":{"after":7}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"command","params":{}}"#, -32602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"command","params":{"account":{"user":"..","network":"x"},"text":"info"}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"command","params":{"account":{"uid":4294967295,"user":"a","network":"x"},"text":"info"}}"#,
            -32005,
        ),
    ] {
        admin.say(line.as_bytes());
        assert_eq!(code(&admin.line()), expected, "{line}");
    }
    // A notification has no answer; a batch has one line.
    admin.say(br#"{"jsonrpc":"2.0","method":"status"}"#);
    admin.say(br#"[{"jsonrpc":"2.0","id":1,"method":"accounts"},7,{"jsonrpc":"2.0","id":2,"method":"status"}]"#);
    let batch = admin.line();
    assert_eq!(batch[0]["result"], json!({"accounts": []}));
    assert_eq!(code(&batch[1]), -32600);
    assert_eq!(batch[2]["result"]["protocol"], 1);
    let many = vec![r#"{"jsonrpc":"2.0","id":1,"method":"status"}"#; 17].join(",");
    admin.say(format!("[{many}]").as_bytes());
    assert_eq!(code(&admin.line()), -32600);
}

#[test]
fn who_watches_may_ask_on() {
    let otrd = Otrd::start();
    let mut admin = otrd.admin();
    // The next request comes right behind, before anything was answered.
    let (watch, accounts) = (
        json!({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {}}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "accounts", "params": {}}),
    );
    admin.raw(format!("{watch}\n{accounts}\n").as_bytes());
    let began = admin.line();
    assert_eq!((&began["id"], &began["result"]), (&json!(1), &json!({"snapshot": 0})));
    assert_eq!(admin.line()["result"], json!({"accounts": []}));
    assert_eq!(admin.ask("status", json!({}))["result"]["accounts"], json!([]));
    assert_eq!(code(&admin.ask("watch", json!({}))), -32600);
    assert_eq!(code(&admin.ask("fly", json!({}))), -32601);
    admin.raw(b"no JSON\n");
    assert_eq!(code(&admin.line()), -32700);
    assert_eq!(admin.ask("accounts", json!({}))["result"], json!({"accounts": []}));
    admin.raw(&vec![b'x'; 65536]);
    assert_eq!(code(&admin.line()), -32007);
    assert!(admin.is_closed());
}

#[test]
fn a_batch_that_is_too_long_is_told_the_bound_of_its_socket() {
    let otrd = Otrd::start();
    let batch = |members: usize| {
        let one = json!({"jsonrpc": "2.0", "id": 1, "method": "accounts"});
        serde_json::to_vec(&vec![one; members]).unwrap()
    };
    let mut admin = otrd.admin();
    admin.say(&batch(16));
    assert_eq!(admin.line().as_array().unwrap().len(), 16);
    for members in [17, 64, 65] {
        admin.say(&batch(members));
        let answer = admin.line();
        assert_eq!(code(&answer), -32600);
        assert_eq!(answer["error"]["message"], "at most 16 requests in a batch");
    }
}

#[test]
fn long_lists_come_in_pages() {
    let otrd = Otrd::start();
    for number in 0..320 {
        let account = format!("{}/alice/net{number:03}", stage::uid());
        std::fs::create_dir_all(otrd.path("state").join(account)).unwrap();
    }
    let mut admin = otrd.admin();
    let (mut seen, mut after) = (Vec::new(), json!({}));
    loop {
        let page = admin.ask("accounts", after)["result"].clone();
        seen.extend(page["accounts"].as_array().unwrap().clone());
        if page["more"] != true {
            break;
        }
        after = json!({"after": seen.last().unwrap()});
    }
    assert_eq!(seen.len(), 320);
    assert_eq!(seen[319]["network"], "net319");
}

#[test]
fn one_uid_has_so_many_admin_connections_and_no_more() {
    let otrd = Otrd::start();
    let mut open: Vec<Client> = (0..32).map(|_| otrd.admin()).collect();
    for admin in &mut open {
        assert_eq!(admin.ask("status", json!({}))["result"]["protocol"], 1);
    }
    let mut refused = otrd.admin();
    assert_eq!(code(&refused.line()), -32006);
    assert!(refused.is_closed());
    drop(open);
    otrd.wait_for(|| {
        let mut admin = otrd.admin();
        admin.try_say(br#"{"jsonrpc":"2.0","id":1,"method":"accounts"}"#)
            && code(&admin.line()) == 0
    });
}

#[test]
fn an_admin_who_does_not_read_holds_up_nobody() {
    let otrd = Otrd::start();
    let mut deaf = otrd.admin();
    deaf.flood(br#"{"jsonrpc":"2.0","id":1,"method":"status"}"#);
    assert_eq!(otrd.status()["protocol"], 1);
    otrd.assert_serves();
}

#[test]
fn sockets_are_narrow_and_removed_at_the_end() {
    for (flag, mode) in [("--system", 0o660), ("--user", 0o600)] {
        let mut otrd = Otrd::start_with(|command| {
            command.arg(flag);
        });
        for socket in ["run/shim.sock", "run/admin.sock"] {
            let path = otrd.path(socket);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, mode);
        }
        let start = Instant::now();
        assert!(otrd.stop().success());
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(!otrd.path("run/shim.sock").exists() && !otrd.path("run/admin.sock").exists());
    }
}

#[test]
fn a_killed_otrd_leaves_nothing_in_the_way_of_the_next() {
    let mut otrd = Otrd::start();
    otrd.kill();
    assert!(otrd.path("run/shim.sock").exists());
    otrd.restart();
    otrd.assert_serves();
}

#[test]
fn two_otrds_share_neither_state_nor_sockets() {
    let otrd = Otrd::start();
    let refusal = otrd.second(&otrd.path("state"), &otrd.path("other"));
    assert!(refusal.contains("another otrd uses the state directory"), "{refusal}");
    let refusal = otrd.second(&otrd.path("other-state"), &otrd.path("run"));
    assert!(refusal.contains("another otrd answers on"), "{refusal}");
    std::fs::create_dir(otrd.path("files")).unwrap();
    std::fs::write(otrd.path("files/shim.sock"), "precious").unwrap();
    let refusal = otrd.second(&otrd.path("other-state"), &otrd.path("files"));
    assert!(refusal.contains("is no socket"), "{refusal}");
    assert_eq!(std::fs::read(otrd.path("files/shim.sock")).unwrap(), b"precious");
    otrd.assert_serves();
}

#[test]
fn somebody_elses_socket_is_not_removed() {
    let mut otrd = Otrd::start();
    let path = otrd.path("run/shim.sock");
    std::fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    assert!(otrd.stop().success());
    assert!(path.exists() && !otrd.path("run/admin.sock").exists());
}

#[test]
fn sockets_of_systemd_are_taken_and_left_there() {
    for names in ["shim:admin", "otrd.socket:otrd.socket"] {
        let mut otrd = Otrd::start_under_systemd(names);
        otrd.assert_serves();
        assert!(otrd.stop().success());
        assert!(otrd.path("run/shim.sock").exists() && otrd.path("run/admin.sock").exists());
    }
}

#[test]
fn systemd_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let heard = |wanted: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = systemd.recv(&mut buffer).unwrap_or_else(|_| panic!("no {wanted}"));
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if said.lines().any(|line| line == wanted) {
                return said;
            }
        }
    };
    let mut otrd = Otrd::start_with(|command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000");
    });
    heard("READY=1");
    heard("WATCHDOG=1");
    heard("WATCHDOG=1");
    otrd.signal("HUP");
    assert!(heard("RELOADING=1").contains("MONOTONIC_USEC="));
    heard("READY=1");
    otrd.assert_serves();
    otrd.signal("TERM");
    heard("STOPPING=1");
    assert!(otrd.wait().success());
}

#[test]
fn a_missing_worker_is_said_at_once() {
    let otrd = Otrd::start();
    let refusal = otrd.run(&["--worker", "/nonexistent/otrd-worker"]);
    assert!(refusal.contains("install otrd-worker or give --worker"), "{refusal}");
}

#[test]
fn settings_are_looked_at_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("otrd/otrd.toml");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let check = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_otrd"));
        let output = command.args(["--check-config", "--config"]).arg(&path).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert!(!check().0, "a file that is named has to be there");
    std::fs::write(&path, "[limits]\nadmin = 2\n").unwrap();
    let (good, said) = check();
    assert!(!good && said.contains("otrd.toml") && said.contains("line 2"), "{said}");
    assert!(said.contains("unknown field `admin`") && said.contains("`admins`"), "{said}");
    std::fs::write(&path, "[limits]\nadmins = 2\n").unwrap();
    assert!(check().0);

    let mut otrd = Otrd::start_with(|command| {
        command.arg("--config").arg(&path);
    });
    // An old one may not be gone yet.
    let fits = |count: usize| {
        otrd.wait_for(|| {
            let mut open: Vec<Client> = (0..=count).map(|_| otrd.admin()).collect();
            let busy = |admin: &mut Client| {
                let line = br#"{"jsonrpc":"2.0","id":1,"method":"accounts"}"#;
                !admin.try_say(line) || code(&admin.line()) == -32006
            };
            open.iter_mut().map(busy).filter(|busy| *busy).count() == 1
        });
    };
    fits(2);
    // What makes no sense changes nothing; an editor replaces the file.
    for (text, count) in [("[limits]\nadmins = 0\n", 2), ("[limits]\nadmins = 3\n", 3)] {
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &path).unwrap();
        otrd.signal("HUP");
        fits(count);
    }
    assert!(otrd.stop().success());
}
