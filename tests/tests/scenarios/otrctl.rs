//! `otrctl`: every word of it against a running daemon, and the shape of its JSON.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use otrd_tests::{Otrctl, Otrd, Scene, World, eventually};
use serde_json::{Value, json};

/// The examples of the page about JSON, by their headings.
fn examples() -> BTreeMap<&'static str, Value> {
    let page = include_str!("../../../daemon/otrctl/JSON.md");
    let sections = page.split("\n## ").skip(1);
    sections
        .map(|section| {
            let name = section.lines().next().expect("a heading");
            let example = section.split("```json\n").nth(1).expect("an example");
            let example = example.split("\n```").next().expect("its end");
            (name, serde_json::from_str(example).unwrap_or_else(|why| panic!("{name}: {why}")))
        })
        .collect()
}

/// Fails unless a value has the members and types of the example. Of lists, the first members are
/// compared.
#[track_caller]
fn same_shape(example: &Value, real: &Value, path: &str) {
    match (example, real) {
        (Value::Object(example), Value::Object(real)) => {
            let names = |map: &serde_json::Map<String, Value>| {
                map.keys()
                    .filter(|name| !["style", "hint"].contains(&name.as_str()))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(example), names(real), "at {path}");
            for (name, value) in real {
                let Some(example) = example.get(name) else { continue };
                same_shape(example, value, &format!("{path}.{name}"));
            }
        }
        (Value::Array(example), Value::Array(real)) => {
            if let (Some(example), Some(real)) = (example.first(), real.first()) {
                same_shape(example, real, &format!("{path}[]"));
            }
        }
        _ => assert_eq!(
            std::mem::discriminant(example),
            std::mem::discriminant(real),
            "at {path}: {example} and {real}"
        ),
    }
}

#[test]
fn its_json_is_as_documented() {
    let scene = Scene::private();
    let mut left = examples();
    let otrctl = || Otrctl::new(&scene.otrd);
    let mut compare = |name: &str, real: Value| {
        let example = left.remove(name).unwrap_or_else(|| panic!("{name} is not on the page"));
        same_shape(&example, &real, name);
    };
    let status = otrctl().args(["status"]).json();
    assert_eq!(status["accounts"][0]["worker"]["sessions"], 1);
    let memory = status["accounts"][0]["worker"]["memory"].as_u64();
    assert!(memory.is_some_and(|kib| (1..8 << 10).contains(&kib)), "{status}");
    compare("status", status);
    compare("accounts", otrctl().args(["accounts"]).json());
    let sessions = otrctl().args(["sessions"]).json();
    assert_eq!(sessions["sessions"][0]["fingerprint"], scene.bob.fingerprint());
    compare("sessions", sessions);
    let version = otrctl().args(["version"]).json();
    assert_eq!(version["otrd"]["workers"], json!([version["otrctl"]]));
    compare("version", version);
    compare("command", otrctl().args(["trust", "bob"]).json());
    let state = scene.otrd.state();
    let doctor = otrctl().args(["doctor", "--state"]).arg(&state);
    compare("doctor", doctor.arg("--worker").arg(scene.otrd.program("otrd-worker")).json());
    let out = scene.world.path().join("out");
    compare("export", otrctl().args(["export"]).arg(&out).json());
    let uid = scene.znc.uid().to_string();
    let import = otrctl().args(["--uid", &uid, "import", "irssi", "--dry-run"]);
    compare("import", import.arg(scene.bob.dir()).json());
    let mut watch = otrctl().args(["--json", "watch"]).lines();
    // It has looked once.
    watch.until(|line| line.contains(r#""what":"worker""#));
    scene.bob.finishes_otr_with("alice");
    let event = watch.until(|line| line.contains(r#""now":0"#));
    let event: Value = serde_json::from_str(&event).expect("JSON");
    assert_eq!((&event["what"], &event["was"]), (&"sessions".into(), &1.into()));
    compare("watch", event);
    compare("secrets", otrctl().args(["secrets"]).json());
    compare("renew", otrctl().args(["-a", "alice/net", "renew"]).json());
    compare("forget-account", otrctl().args(["forget-account", "--yes"]).json());
    scene.alice.has_otr();
    otrctl().args(["ignore", "eve"]).does();
    compare("restore-account", otrctl().args(["restore-account", "--yes"]).json());
    assert!(left.is_empty(), "not compared: {left:?}");
}

#[test]
fn what_people_see_has_a_row_for_each_account() {
    let scene = Scene::private();
    let otrctl = || Otrctl::new(&scene.otrd);
    let status = otrctl().args(["status"]).does();
    for word in ["alice/net", "ready", "landlock", "memory", "60001"] {
        assert!(status.contains(word) || word == "60001" && !World::has_other_users(), "{status}");
    }
    assert!(!status.contains('\u{1b}'), "no colour where nobody looks");
    let sessions = otrctl().args(["sessions"]).does();
    assert!(sessions.contains("bob") && sessions.contains("encrypted"), "{sessions}");
    // The words of *otr, and status as one of them.
    assert!(otrctl().args(["help"]).does().contains("authq"));
    assert!(
        otrctl().args(["-a", "alice/net", "status"]).does().contains("Private conversations: 1")
    );
    let versions = otrctl().args(["-a", "alice/net", "version"]).does();
    assert!(versions.contains(", ZNC 1.") && versions.contains(", libotr 4."), "{versions}");
    let doctor = otrctl().args(["doctor", "--state"]).arg(scene.otrd.state());
    let doctor = doctor.arg("--worker").arg(scene.otrd.program("otrd-worker")).does();
    assert!(doctor.contains("two throw-away accounts") && !doctor.contains("FAIL"), "{doctor}");
}

#[test]
fn its_version_names_the_libraries_and_needs_no_daemon() {
    let world = World::new();
    let mut otrd = Otrd::start(&world);
    let version = || Otrctl::new(&otrd).args(["version"]);
    let ours = env!("CARGO_PKG_VERSION");
    let said = version().does();
    for line in [
        format!("otrctl        {ours}\n"),
        format!("otrd-worker   {ours}, "),
        "libotr        4.".into(),
        "libgcrypt     1.".into(),
        "libgpg-error  1.".into(),
        "C library     ".into(),
        "linked        ".into(),
        format!("running otrd  {ours}, protocol 1\n"),
    ] {
        assert!(said.contains(&line), "{line:?}: {said}");
    }
    let asked = version().json();
    let mut installed = std::process::Command::new(otrd.program("otrd-worker"));
    let installed = installed.arg("--version").output().expect("the worker's program");
    let installed = String::from_utf8_lossy(&installed.stdout).into_owned();
    let text = |name: &str| asked["worker"][name].as_str().unwrap_or_default().to_owned();
    let (libotr, libgcrypt) = (text("libotr"), text("libgcrypt"));
    let (libgpg_error, c_library) = (text("libgpg_error"), text("c_library"));
    let linked = text("linked");
    let expected = format!(
        "otrd-worker {ours}, libotr {libotr}, libgcrypt {libgcrypt}, libgpg-error {libgpg_error}, \
         {c_library}, linked {linked}\n"
    );
    assert_eq!(installed, expected);

    otrd.stop();
    let alone = Otrctl::new(&otrd).args(["version"]).json();
    assert_eq!((&alone["worker"], &alone["otrd"]), (&asked["worker"], &Value::Null));
    let why = alone["no_otrd"].as_str().unwrap_or_default();
    assert!(why.starts_with("no otrd at "), "{alone}");
    let worker = otrd.program("otrd-worker");
    std::fs::remove_file(worker).expect("remove the worker's program");
    let said = Otrctl::new(&otrd).args(["version"]).does();
    assert!(said.contains("otrd-worker   cannot start "), "{said}");
}

#[test]
fn doctor_finds_what_is_wrong() {
    let world = World::new();
    let mut otrd = Otrd::start(&world);
    let key = otrd.state().join("1/alice/net/otr.key");
    world.file(&key, "a key that everybody can read", None);
    let doctor = || Otrctl::new(&otrd).args(["doctor", "--state"]).arg(otrd.state());
    let said = doctor().args(["--worker", "/bin/false"]).run();
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.out.contains("FAIL  files") && said.out.contains("otr.key"), "{said:?}");
    assert!(said.out.contains("FAIL  key exchange"), "{said:?}");
    assert!(said.out.contains("loadmod"), "{said:?}");
    otrd.stop();
    let said = Otrctl::new(&otrd).args(["doctor"]).run();
    assert!(said.code == 78 && said.out.contains("FAIL  daemon"), "{said:?}");
}

#[test]
fn a_stopped_daemon_is_said_and_not_waited_for() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    otrd.process().freeze();
    let start = Instant::now();
    let directory = world.directory("keys", None);
    let directory = directory.to_str().expect("a text");
    world.file(&world.path().join("keys/otr.fp"), "", None);
    for words in [
        &["status"][..],
        &["accounts"],
        &["watch"],
        &["sessions"],
        &["info"],
        &["-a", "alice/net", "info"],
        &["import", directory],
        &["export", directory],
        &["forget-account", "--yes"],
    ] {
        let said = Otrctl::new(&otrd).args(["--timeout", "0.3"]).args(words).run();
        assert!(said.code == 75 && said.err.contains("is it stopped"), "{words:?}: {said:?}");
    }
    let doctor = Otrctl::new(&otrd).args(["--timeout", "2", "doctor"]).run();
    assert!(doctor.code == 78 && doctor.out.contains("is it stopped"), "{doctor:?}");
    assert!(start.elapsed() < Duration::from_secs(20));
    otrd.process().thaw();
    eventually("otrd answers again", || Otrctl::new(&otrd).args(["status"]).run().code == 0);
}

#[test]
fn a_stopped_worker_is_said_and_the_others_answer() {
    let scene = Scene::new();
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, nix::sys::signal::Signal::SIGSTOP);
    let otrctl = |words: &[&str]| Otrctl::new(&scene.otrd).args(words).run();
    let info = otrctl(&["info"]);
    assert!(info.code == 75 && info.err.contains("worker"), "{info:?}");
    let status = otrctl(&["status"]);
    assert!(status.code == 0 && status.out.contains("does not answer"), "{status:?}");
    assert_eq!(otrctl(&["accounts"]).code, 0);
    scene.otrd.signal_worker(worker, nix::sys::signal::Signal::SIGCONT);
    eventually("it answers", || otrctl(&["info"]).code == 0);
}

/// Somebody who has met thousands of people: an answer is one line, and the front ends a worker that does not
/// answer.
#[test]
fn an_answer_without_end_is_cut_and_says_so() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut shim = otrd.shim();
    shim.call("hello", json!({"version": 1, "user": "alice", "network": "net"}));
    let known = |number: usize| format!("friend{number:04}\talice\tirc\t{number:040x}\tverified\n");
    let old = world.directory("old", None);
    world.file(&old.join("otr.fp"), (0..4000).map(known).collect::<String>(), None);
    let otrctl = |words: &[&str]| Otrctl::new(&otrd).args(words).run();
    let imported = otrctl(&["-a", "alice/net", "import", "irssi", old.to_str().expect("a path")]);
    assert_eq!(imported.code, 0, "{imported:?}");

    let worker = otrd.worker();
    let info = otrctl(&["info"]);
    assert_eq!(info.code, 0, "{}", info.err);
    let rows = info.out.lines().filter(|line| line.starts_with("friend")).count();
    let left_out = format!("{} more lines are left out", 4000 - rows);
    assert!(rows > 300 && info.out.contains(&left_out), "{rows} rows, without {left_out:?}");
    assert!(otrctl(&["info", "friend3999"]).out.contains("friend3999"));
    assert_eq!(otrd.worker(), worker);
}

#[test]
fn a_watcher_sees_workers_come_and_die() {
    let scene = Scene::new();
    let mut watch = Otrctl::new(&scene.otrd).args(["watch"]).lines();
    let pid = format!("worker  - -> {}", scene.otrd.worker());
    watch.until(|line| line.contains(&pid));
    scene.otrd.signal_worker(scene.otrd.worker(), nix::sys::signal::Signal::SIGKILL);
    let line = watch.until(|line| line.contains("restarts"));
    assert!(line.contains("alice/net") && line.contains("-> 1"), "{line}");
    watch.until(|line| line.contains("worker"));
}

#[test]
fn what_was_not_done_is_told_by_the_exit_status() {
    let scene = Scene::private();
    let says = |words: &[&str]| Otrctl::new(&scene.otrd).args(words).run();
    for words in [
        &["policy", "bob", "requird"][..],
        &["trust", "nosuch"],
        &["forget", "00000000 00000000 00000000 00000000 00000000"],
        &["auth", "carol", "a secret"],
        &["nosuchword"],
    ] {
        let said = says(words);
        assert_eq!(said.code, 65, "{words:?}: {said:?}");
        assert!(!said.out.is_empty() || !said.err.is_empty(), "{words:?}: {said:?}");
    }
    assert_eq!(says(&["policy", "bob", "required"]).code, 0);
    assert_eq!(says(&["status"]).code, 0);
}

#[test]
fn a_secret_need_not_stand_on_the_command_line() {
    let scene = Scene::private();
    let file = scene.world.path().join("secret");
    std::fs::write(&file, "oursecret\n").expect("write");
    let program = scene.otrd.program("otrctl");
    let line = format!(
        "exec 7<{}; exec {} --socket {} --secret-fd 7 auth bob",
        file.display(),
        program.display(),
        scene.otrd.admin_socket().display()
    );
    let done = std::process::Command::new("sh").args(["-c", &line]).status().expect("sh");
    assert!(done.success());
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "oursecret");
    scene.bob.auth_succeeds("alice");
}
