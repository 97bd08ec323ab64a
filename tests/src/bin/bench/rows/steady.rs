//! A million messages through the module: what memory they leave behind.

use crate::conn::transfer;
use crate::procfs::rss;
use crate::report::{Goal, Report, Row};
use crate::stage::{Bouncer, Kind, Kit, said, texts, typed};

pub fn measure(kit: &Kit, report: &mut Report) {
    let part = if kit.short { 500 } else { 50_000 };
    let parts = if kit.short { 2 } else { 10 };
    let mut bouncer = Bouncer::start(kit, Kind::Otrd);
    let worker = bouncer.otrd.as_ref().expect("with otrd").worker();
    let (out, inward) = (typed("carol", part), said("carol", texts(part)));
    let both = |bouncer: &mut Bouncer| {
        transfer(&bouncer.user, &mut bouncer.up, &out);
        transfer(&bouncer.up, &mut bouncer.user, &inward);
        [rss(bouncer.znc.process().pid()), rss(worker)]
    };
    let first = both(&mut bouncer);
    let mut last = first;
    for _ in 1..parts {
        last = both(&mut bouncer);
    }
    let name = |of| format!("memory of {of} after {} messages", 2 * part * parts);
    for (index, of) in ["ZNC", "the worker"].into_iter().enumerate() {
        report.add(
            Row::new(name(of), "kB RSS", vec![last[index]])
                .against("after a tenth", vec![first[index]])
                .goal(Goal::RatioAtMost(1.05)),
        );
    }
}
