//! What a line costs once much is known: nicks, and fingerprints.

use std::path::Path;
use std::time::Instant;

use otrd_tests::World;
use serde_json::json;

use super::worker::Talk;
use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Kit, start_otrd};

/// Short ones: a neighbour who slows the machine down for a second is in few of them.
const ROUNDS: usize = 15;

pub fn measure(kit: &Kit, report: &mut Report) {
    nicks(kit, report);
    fingerprints(kit, report);
}

fn nicks(kit: &Kit, report: &mut Report) {
    let (many, more, count) = if kit.short { (50, 500, 500) } else { (1000, 100_000, 20_000) };
    let rounds = if kit.short { 2 } else { ROUNDS };
    let say = |talk: &mut Talk, index: usize| {
        let mask = format!("nick{index:06}!user@127.0.0.1");
        let params = json!({"from": mask, "kind": "text", "text": "hello, who are you?"});
        talk.module.request("in", params)
    };
    let mut talks = [10, many, more].map(|known| {
        let mut talk = Talk::start(kit);
        let meet: Vec<_> = (0..known).map(|index| say(&mut talk, index)).collect();
        talk.cost(&meet, 0);
        (known, talk)
    });
    let mut costs = [vec![], vec![], vec![]];
    for _ in 0..rounds {
        for ((known, talk), costs) in talks.iter_mut().zip(&mut costs) {
            // Lines of people from all over, of those that are known last.
            let last = |index: usize| *known - 1 - (index * 7) % (*known).min(1000);
            let lines: Vec<_> = (0..count).map(|index| say(talk, last(index))).collect();
            costs.push(talk.cost(&lines, 0));
        }
    }
    for (cost, known) in costs.iter().zip([10, many, more]).skip(1) {
        report.add(
            Row::new(format!("plain line among {known} known nicks"), "us", cost.clone())
                .against("among 10", costs[0].clone())
                .goal(Goal::RatioAtMost(1.2)),
        );
    }
}

fn fingerprints(kit: &Kit, report: &mut Report) {
    let (history, count) = if kit.short { (200, 200) } else { (10_000, 1000) };
    let lay = |many: usize| {
        move |world: &World, directory: &Path| {
            let line = |index: usize| format!("aa{index:06}\talice\tirc\t{index:040x}\t\n");
            let text: String = (0..many).map(line).collect();
            world.file(&directory.join("otr.fp"), text, None);
        }
    };
    let (mut few, mut many) = (Talk::prepared(kit, lay(10)), Talk::prepared(kit, lay(history)));
    let rounds = if kit.short { 2 } else { ROUNDS };
    let mut costs: [[Vec<f64>; 2]; 3] = Default::default();
    for _ in 0..rounds {
        for (which, talk) in [&mut few, &mut many].into_iter().enumerate() {
            // A plain line costs so little that more of them are needed to tell.
            costs[0][which].push(talk.out("carol", 20 * count));
            costs[1][which].push(talk.out("bob", count));
            costs[2][which].push(talk.inward(count));
        }
    }
    let [plain, out, inward] = costs;
    let among = format!("among {history} fingerprints");
    let [few_plain, many_plain] = plain;
    report.add(
        Row::new(format!("plain line {among}"), "us", many_plain)
            .against("among 10", few_plain)
            .goal(Goal::RatioAtMost(1.2)),
    );
    let words = ["known", &count.to_string(), &history.to_string()];
    for (name, key, [few, many]) in [("out", "out_ns", out), ("in", "in_ns", inward)] {
        let row = Row::new(format!("encrypted line {name} {among}"), "us", many.clone());
        report.add(row.against("among 10", few).goal(Goal::RatioAtMost(2.0)));
        let bare = many.iter().map(|_| kit.bare(&words, key) / 1000.0).collect();
        let row = Row::new(format!("the same {name}, floor of libotr's list"), "us", many);
        report.add(row.against("bare libotr", bare));
    }
    start_with(kit, report, &among, history);
}

/// Hello with a long history on disk.
fn start_with(kit: &Kit, report: &mut Report, among: &str, history: usize) {
    let world = World::new();
    let otrd = start_otrd(&world);
    let uid = nix::unistd::getuid().as_raw();
    let mut times: [Vec<f64>; 2] = Default::default();
    for index in 0..if kit.short { 2 } else { 10 } {
        for (which, many) in [10, history].into_iter().enumerate() {
            let user = format!("user{many}x{index}");
            let directory = otrd.account(uid, &user, "net");
            kit.lay_key(&world, &directory, &user);
            let line = |index: usize| format!("aa{index:06}\t{user}\tirc\t{index:040x}\t\n");
            world.file(&directory.join("otr.fp"), (0..many).map(line).collect::<String>(), None);
            let settings = r#"{"casemapping":"ascii"}"#;
            world.file(&directory.join("settings.json"), settings, None);
            let start = Instant::now();
            let module = Module::hello(&otrd.shim_socket(), &user);
            times[which].push(start.elapsed().as_secs_f64() * 1000.0);
            drop(module);
        }
    }
    let [few, many] = times;
    let row = Row::new(format!("hello {among}"), "ms", many);
    report.add(row.against("with 10", few).goal(Goal::RatioAtMost(2.0)));
}
