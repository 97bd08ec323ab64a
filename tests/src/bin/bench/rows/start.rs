//! From hello to the welcome of an account whose key is on disk.

use std::time::Instant;

use otrd_tests::World;

use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Kit, start_otrd};

pub fn measure(kit: &Kit, report: &mut Report) {
    let world = World::new();
    let otrd = start_otrd(&world);
    let uid = nix::unistd::getuid().as_raw();
    let mut times = Vec::new();
    for index in 0..if kit.short { 5 } else { 100 } {
        let user = format!("user{index:03}");
        kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
        let start = Instant::now();
        let module = Module::hello(&otrd.shim_socket(), &user);
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        drop(module);
    }
    report.add(Row::new("worker start, hello to welcome", "ms", times).goal(Goal::AtMost(5.0)));
}
