//! One request and its answer, one at a time, against a bare echo over a Unix socket.

use std::time::Instant;

use otrd_tests::World;
use serde_json::json;

use crate::helpers::Echo;
use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Kit, start_otrd};
use crate::stats::median;

pub fn measure(kit: &Kit, report: &mut Report) {
    let world = World::new();
    let otrd = start_otrd(&world);
    let mut module = Module::hello(&otrd.shim_socket(), "alice").connected();
    let mut echo = Echo::start(&world);
    let count = if kit.short { 100 } else { 10_000 };
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..if kit.short { 2 } else { 7 } {
        let text = "line 0000001 of very many of a talk";
        let params = json!({"from": "carol!carol@127.0.0.1", "kind": "text", "text": text});
        let requests: Vec<_> = (0..count).map(|_| module.request("in", params.clone())).collect();
        ours.push(one_by_one(&requests, |line| {
            std::io::Write::write_all(&mut module.stream, line).expect("send");
            while module.whole_line().is_none() {
                module.fill();
            }
        }));
        bare.push(one_by_one(&requests, |line| echo.echoes(line)));
    }
    report.add(
        Row::new("round trip of a request", "us", ours)
            .against("bare echo", bare)
            .goal(Goal::RatioAtMost(2.0)),
    );
}

/// Median microseconds.
fn one_by_one(requests: &[Vec<u8>], mut ask: impl FnMut(&[u8])) -> f64 {
    let mut times = Vec::with_capacity(requests.len());
    for request in requests {
        let start = Instant::now();
        ask(request);
        times.push(start.elapsed().as_nanos() as f64 / 1000.0);
    }
    median(&times)
}
