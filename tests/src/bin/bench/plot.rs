//! The latency distributions as a picture: percentiles to the right, milliseconds up, both on
//! scales on which the rare and the slow can be seen.

use std::fmt::Write as _;

use crate::report::Distribution;
use crate::stats::quantile;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 280.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 8] =
    ["#555555", "#1b7837", "#2166ac", "#b2182b", "#e08214", "#762a83", "#35978f", "#bf812d"];
const PARTS: [(f64, &str); 6] =
    [(0.0, "0%"), (0.5, "50%"), (0.9, "90%"), (0.99, "99%"), (0.999, "99.9%"), (0.9999, "max")];
const LEAST: f64 = 0.01;
const MOST: f64 = 1000.0;

/// The whole picture.
pub fn svg(distributions: &[Distribution]) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">How late ZNC answers a PING (ms)</text>\n"
    );
    for (part, word) in PARTS {
        let (at, low, high) = (x(part), y(LEAST), y(MOST));
        let _ = writeln!(out, "<path d=\"M{at:.1} {low:.1}V{high:.1}\" stroke=\"#ddd\"/>");
        let below = low + 18.0;
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{word}</text>"
        );
    }
    let mut tick = LEAST;
    while tick <= MOST * 1.01 {
        let (at, right, label) = (y(tick), WIDTH - RIGHT, LEFT - 8.0);
        let _ = writeln!(out, "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/>");
        let base = at + 4.0;
        let _ =
            writeln!(out, "<text x=\"{label}\" y=\"{base:.1}\" text-anchor=\"end\">{tick}</text>");
        tick *= 10.0;
    }
    for (index, one) in distributions.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let mut path = String::new();
        for step in 0..=200 {
            // Even steps on the picture's own scale.
            let part = 1.0 - 10f64.powf(-4.0 * f64::from(step) / 200.0);
            let value = quantile(&one.millis, if step == 200 { 1.0 } else { part });
            let sign = if step == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{sign}{:.1} {:.1}", x(part), y(value));
        }
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"
        );
        let (at, line) = (WIDTH - RIGHT + 15.0, TOP + 12.0 + 20.0 * index as f64);
        let name = escape(&one.name);
        let _ = writeln!(out, "<text x=\"{at}\" y=\"{line}\" fill=\"{colour}\">{name}</text>");
    }
    out + "</svg>\n"
}

/// Each further nine takes the same room.
fn x(part: f64) -> f64 {
    let nines = -(1.0 - part.min(0.9999)).log10() / 4.0;
    LEFT + nines * (WIDTH - LEFT - RIGHT)
}

fn y(millis: f64) -> f64 {
    let part = (millis.clamp(LEAST, MOST) / LEAST).log10() / (MOST / LEAST).log10();
    HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_one_is_drawn_above_a_fast_one() {
        assert!(y(100.0) < y(1.0) && x(0.5) < x(0.999));
        let millis = vec![0.1, 0.2, 5.0];
        let picture = svg(&[Distribution { name: "a < b".into(), millis }]);
        assert!(picture.contains("a &lt; b") && picture.trim_end().ends_with("</svg>"));
    }
}
