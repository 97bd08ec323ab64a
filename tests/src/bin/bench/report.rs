//! What was measured: rows with their comparison, as a table, as JSON, and against an older run.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::{Rounds, median, quantile};

/// What a row is to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// Of the ratio to what it is compared with.
    RatioAtLeast(f64),
    /// Of the ratio to what it is compared with.
    RatioAtMost(f64),
    /// More than what it is compared with, in the row's unit.
    MoreAtMost(f64),
    /// Of the value itself.
    AtMost(f64),
    /// Something to know, not to reach.
    Nothing,
}

/// One line of the table.
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub ours: Rounds,
    /// What it is compared with, by name; measured in the same rounds.
    pub other: Option<(&'static str, Rounds)>,
    pub goal: Goal,
    /// Whether a smaller value is the better one.
    pub less_is_better: bool,
}

impl Row {
    /// A row that is not compared with anything yet. Less is better.
    pub fn new(name: impl Into<String>, unit: &'static str, ours: Vec<f64>) -> Self {
        let ours = Rounds(ours);
        Self {
            name: name.into(),
            unit,
            ours,
            other: None,
            goal: Goal::Nothing,
            less_is_better: true,
        }
    }

    pub fn against(mut self, name: &'static str, rounds: Vec<f64>) -> Self {
        self.other = Some((name, Rounds(rounds)));
        self
    }

    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    pub fn more_is_better(mut self) -> Self {
        self.less_is_better = false;
        self
    }

    /// The ratio of each round, for what a machine does otherwise falls on both of a round.
    fn ratio(&self) -> Option<Rounds> {
        let (_, other) = self.other.as_ref()?;
        let pairs = self.ours.0.iter().zip(&other.0).filter(|(_, other)| **other > 0.0);
        let ratios: Vec<f64> = pairs.map(|(ours, other)| ours / other).collect();
        // Nothing is no multiple of nothing.
        (ratios.len() == self.ours.0.len()).then_some(Rounds(ratios))
    }

    fn more(&self) -> f64 {
        let other = self.other.as_ref().map(|(_, other)| other.0.clone()).unwrap_or_default();
        median(&self.ours.0.iter().zip(other).map(|(ours, other)| ours - other).collect::<Vec<_>>())
    }

    /// Whether the goal was reached.
    fn reached(&self) -> Option<bool> {
        let ratio = self.ratio().map(|ratio| ratio.median());
        match self.goal {
            Goal::RatioAtLeast(least) => ratio.map(|ratio| ratio >= least),
            Goal::RatioAtMost(most) => ratio.map(|ratio| ratio <= most),
            Goal::MoreAtMost(most) => Some(self.more() <= most),
            Goal::AtMost(most) => Some(self.ours.median() <= most),
            Goal::Nothing => None,
        }
    }

    fn goal_in_words(&self) -> String {
        match self.goal {
            Goal::RatioAtLeast(least) => format!(">= {least}x"),
            Goal::RatioAtMost(most) => format!("<= {most}x"),
            Goal::MoreAtMost(most) => format!("<= +{most} {}", self.unit),
            Goal::AtMost(most) => format!("<= {most} {}", self.unit),
            Goal::Nothing => String::new(),
        }
    }

    fn cells(&self) -> [String; 7] {
        let (name, other, other_range) = match &self.other {
            None => (String::new(), String::new(), String::new()),
            Some((name, rounds)) => ((*name).to_owned(), number(rounds.median()), range(rounds)),
        };
        let ratio = self.ratio().map(|ratio| format!("{:.2}x", ratio.median())).unwrap_or_default();
        let verdict = match self.reached() {
            None => String::new(),
            Some(true) => format!("{} ok", self.goal_in_words()),
            Some(false) => format!("{} MISSED", self.goal_in_words()),
        };
        let other = if name.is_empty() { other } else { format!("{other} {other_range}") };
        let ours = format!("{} {}", number(self.ours.median()), range(&self.ours));
        [self.name.clone(), self.unit.to_owned(), ours, other, name, ratio, verdict]
    }

    fn json(&self) -> Value {
        let mut row = json!({
            "name": self.name,
            "unit": self.unit,
            "median": self.ours.median(),
            "rounds": self.ours.0,
            "less_is_better": self.less_is_better,
        });
        if let (Some((name, rounds)), Some(ratio)) = (&self.other, self.ratio()) {
            row["compared_with"] = json!({
                "name": name, "median": rounds.median(), "rounds": rounds.0,
            });
            row["ratio"] = json!(ratio.median());
        }
        if let Some(reached) = self.reached() {
            row["goal"] = json!(self.goal_in_words());
            row["reached"] = json!(reached);
        }
        row
    }
}

/// A set of latencies, for the plot.
pub struct Distribution {
    pub name: String,
    pub millis: Vec<f64>,
}

/// All of a run.
#[derive(Default)]
pub struct Report {
    pub machine: String,
    pub rows: Vec<Row>,
    pub latencies: Vec<Distribution>,
}

impl Report {
    /// Adds a row, and shows it at once: a run takes minutes.
    pub fn add(&mut self, row: Row) {
        eprintln!("    {}", row.cells().join(" | "));
        self.rows.push(row);
    }

    /// The table as Markdown.
    pub fn table(&self) -> String {
        let heads = ["what", "unit", "otrd", "compared", "with", "ratio", "goal"].map(String::from);
        let mut rows: Vec<_> = self.rows.iter().map(Row::cells).collect();
        rows.insert(0, heads);
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..7).map(|column| width(column).unwrap_or_default()).collect();
        let mut text = format!("{}\n\n", self.machine);
        for (index, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(text, "| {cell:width$} ");
            }
            text += "|\n";
            if index == 0 {
                for width in &widths {
                    let _ = write!(text, "|{:-<1$}", "", width + 2);
                }
                text += "|\n";
            }
        }
        text
    }

    /// Everything, for later comparison.
    pub fn json(&self) -> Value {
        let latencies = self.latencies.iter().map(|one| {
            let at = |part| quantile(&one.millis, part);
            json!({
                "name": one.name, "count": one.millis.len(),
                "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999), "max": at(1.0),
            })
        });
        json!({
            "machine": self.machine,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "latencies_ms": latencies.collect::<Vec<_>>(),
        })
    }

    /// How this run stands to an older one: one line per row, worst first.
    pub fn compared_with(&self, old: &Value) -> String {
        let empty = Vec::new();
        let olds = old["rows"].as_array().unwrap_or(&empty);
        let mut lines: Vec<(f64, String)> = Vec::new();
        for row in &self.rows {
            let Some(was) = olds.iter().find(|old| old["name"] == row.name) else { continue };
            // Where both have a ratio the machines need not be the same.
            let (before, now, what) = match (was["ratio"].as_f64(), row.ratio()) {
                (Some(before), Some(now)) => (before, now.median(), "ratio"),
                _ => (was["median"].as_f64().unwrap_or_default(), row.ours.median(), row.unit),
            };
            let change = now / before.max(f64::MIN_POSITIVE);
            let worse = if row.less_is_better { change } else { 1.0 / change };
            let word = if worse > 1.2 {
                "WORSE"
            } else if worse < 0.83 {
                "better"
            } else {
                ""
            };
            let (before, now) = (number(before), number(now));
            lines.push((
                worse,
                format!("{worse:6.2}x {word:6} {}: {before} -> {now} ({what})", row.name),
            ));
        }
        lines.sort_by(|a, b| b.0.total_cmp(&a.0));
        lines.into_iter().map(|(_, line)| line + "\n").collect()
    }

    /// Goals that were missed.
    pub fn missed(&self) -> usize {
        self.rows.iter().filter(|row| row.reached() == Some(false)).count()
    }
}

/// A number with as many digits as one reads.
pub fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut out = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index) % 3 == 0 {
                    out.push(',');
                }
                out.push(digit);
            }
            out
        }
        middle if middle >= 100.0 => format!("{value:.0}"),
        small if small >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn range(rounds: &Rounds) -> String {
    let (least, most) = rounds.range();
    match rounds.0.len() {
        0 | 1 => String::new(),
        _ => format!("({} to {})", number(least), number(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_told_by_the_median_of_the_rounds() {
        let row =
            Row::new("lines", "1/s", vec![2.0, 4.0, 6.0]).against("bare", vec![2.0, 2.0, 2.0]);
        assert_eq!(row.reached(), None);
        assert_eq!(row.goal(Goal::RatioAtLeast(2.0)).reached(), Some(true));
        let row = Row::new("cost", "us", vec![5.0]).against("bare", vec![1.0]);
        assert_eq!(row.goal(Goal::MoreAtMost(3.0)).reached(), Some(false));
    }

    #[test]
    fn a_regression_is_told_as_a_ratio() {
        let report = |value| Report {
            rows: vec![Row::new("speed", "1/s", vec![value]).more_is_better()],
            ..Report::default()
        };
        let text = report(50.0).compared_with(&report(100.0).json());
        assert!(text.contains("2.00x WORSE  speed: 100 -> 50.0"), "{text}");
    }
}
