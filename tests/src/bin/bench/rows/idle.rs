//! Memory of accounts that do nothing, and hello among many.

use std::time::Instant;

use otrd_tests::World;

use crate::procfs::{pss, rss};
use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Kit, start_otrd};

pub fn measure(kit: &Kit, report: &mut Report) {
    let world = World::new();
    let otrd = start_otrd(&world);
    let uid = nix::unistd::getuid().as_raw();
    let steps: &[usize] = if kit.short { &[2, 5, 10] } else { &[10, 100, 1000] };
    let mut modules: Vec<Module> = Vec::new();
    let (mut first, mut front) = (Vec::new(), Vec::new());
    for &step in steps {
        let mut hellos = Vec::new();
        while modules.len() < step {
            let user = format!("user{:04}", modules.len());
            kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
            let start = Instant::now();
            modules.push(Module::hello(&otrd.shim_socket(), &user).connected());
            hellos.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        let workers = otrd.workers();
        assert_eq!(workers.len(), step, "a worker for each account");
        let all: f64 = workers.iter().map(|pid| pss(*pid)).sum();
        let goal = if step == steps[2] { Goal::AtMost(300.0) } else { Goal::Nothing };
        let name = format!("memory of an idle account, {step} accounts");
        report.add(Row::new(name, "kB PSS", vec![all / step as f64]).goal(goal));
        front.push(rss(otrd.process().pid()));
        // The last ten of each step came to as many as the step says.
        let last = hellos.split_off(hellos.len().saturating_sub(10));
        if first.is_empty() {
            first = last;
        } else if step == steps[2] {
            let name = format!("hello among {step} accounts");
            let row = Row::new(name, "ms", last).against("among 10", first.clone());
            report.add(row.goal(Goal::RatioAtMost(2.0)));
        }
    }
    report.add(
        Row::new(format!("memory of the front, {} accounts", steps[2]), "kB RSS", vec![front[2]])
            .against("with 10", vec![front[0]]),
    );
}
