//! The measurements, one per file.

mod counts;
mod delay;
mod exchanges;
mod growth;
mod herd;
mod idle;
mod latency;
mod lines;
mod page;
mod private;
mod round_trip;
mod start;
mod steady;
mod worker;

pub use counts::short as short_counts;

use crate::report::Report;
use crate::stage::Kit;

type Measure = fn(&Kit, &mut Report);

/// Name, whether it counts instead of timing, and what does it.
pub const ALL: [(&str, bool, Measure); 14] = [
    ("counts", true, counts::measure),
    ("latency", false, latency::measure),
    ("page", false, page::measure),
    ("delay", false, delay::measure),
    ("lines", false, lines::measure),
    ("worker", false, worker::measure),
    ("round-trip", false, round_trip::measure),
    ("exchanges", false, exchanges::measure),
    ("start", false, start::measure),
    ("herd", false, herd::measure),
    ("memory", false, idle::measure),
    ("growth", false, growth::measure),
    ("private", false, private::measure),
    ("steady", false, steady::measure),
];
