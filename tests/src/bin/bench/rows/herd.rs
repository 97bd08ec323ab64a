//! All networks of a bouncer come at once: it was started again, or the machine was.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use otrd_tests::World;

use super::exchanges::{at_once, relay};
use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Kit, start_otrd};

pub fn measure(kit: &Kit, report: &mut Report) {
    let count = if kit.short { 20 } else { 1000 };
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(8192), hard).expect("more descriptors");
    let (mut new, mut known) = (Vec::new(), Vec::new());
    let (mut again, mut two) = (Vec::new(), Vec::new());
    for _ in 0..if kit.short { 1 } else { 3 } {
        let world = World::new();
        let mut otrd = start_otrd(&world);
        let (took, modules) = all_come(&otrd.shim_socket(), count);
        new.push(took);
        drop(modules);
        let uid = nix::unistd::getuid().as_raw();
        for number in 0..count {
            let user = user(number);
            kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
        }
        otrd.stop();
        otrd.starts_again();
        let (took, mut modules) = all_come(&otrd.shim_socket(), count);
        known.push(took);

        modules = modules.into_iter().map(Module::connected).collect();
        for index in (0..count).step_by(2) {
            let other = modules[index + 1].nick.clone();
            modules[index].says(&other, "?OTR?");
        }
        relay(&mut modules, 1);
        drop(modules);
        otrd.stop();
        otrd.starts_again();
        let (_, mut modules) = all_come(&otrd.shim_socket(), count);
        // The peers of a bouncer that was restarted are elsewhere and have not lost the conversation:
        // one of each two asks anew. Both would cross, and compute half as much again.
        for index in (1..count).step_by(2) {
            let other = modules[index - 1].nick.clone();
            modules[index].ask("command", serde_json::json!({"text": format!("finish {other}")}));
        }
        for module in modules.iter_mut().skip(1).step_by(2) {
            module.answer();
        }
        let start = Instant::now();
        for module in &mut modules {
            module.is_connected();
        }
        relay(&mut modules, 1);
        let exchanges = (count / 2) as f64;
        again.push(exchanges / start.elapsed().as_secs_f64());
        let each = (count / 4).to_string();
        two.push(at_once(|_| kit.bare(&["exchanges", &each], "exchange_ns")));
    }
    let name = |what| format!("{count} networks at once, {what}, until the last is answered");
    report.add(Row::new(name("never seen before"), "s", new));
    report.add(Row::new(name("with keys"), "s", known).goal(Goal::AtMost(5.0)));
    let row = Row::new(format!("{} conversations that ask anew at once", count / 2), "1/s", again);
    report.add(row.more_is_better().against("bare libotr in two processes", two));
}

fn user(number: usize) -> String {
    format!("user{number:04}")
}

/// Seconds from the first hello until each has its welcome and an answer to its first request. Who is
/// refused fails the measurement: that module would come again later.
fn all_come(socket: &Path, count: usize) -> (f64, Vec<Module>) {
    let start = Instant::now();
    // ZNC connects all of them before it writes to any.
    let connect = |_| UnixStream::connect(socket).expect("connect to otrd");
    let streams: Vec<_> = (0..count).map(connect).collect();
    let modules = streams.into_iter().enumerate().map(|(number, stream)| {
        let mut module = Module::on(stream, &user(number));
        module.says_hello(&format!("{number:032x}"));
        module
    });
    let mut modules: Vec<_> = modules.collect();
    for module in &mut modules {
        module.is_welcome();
        module.ask("command", serde_json::json!({"text": "version"}));
    }
    for module in &mut modules {
        module.answer();
    }
    (start.elapsed().as_secs_f64(), modules)
}
