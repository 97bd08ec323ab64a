//! `otrd.toml`: what an admin sets. Every key has a default, and a file with all of them comes
//! with otrd; a key that is not known is an error, so that no typing mistake passes for a setting.

use proto::worker::WorkerConfig;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Bounds, so that nobody takes everything.
    pub limits: Limits,
    /// The processes that hold the keys.
    pub worker: Worker,
    /// With whom OTR is used where the user set nothing.
    pub policy: Policy,
    /// The `[log]` section.
    pub log: Log,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Accounts of one Unix user.
    pub accounts: usize,
    /// Connections of modules that have not said whose they are.
    pub pending: usize,
    /// Connections of one Unix user to the admin socket.
    pub admins: usize,
    /// MiB that the workers of one Unix user may take together, beside what each takes at its
    /// start.
    pub memory: usize,
}

/// `[worker]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// How long a worker stays when its module is gone...
    pub linger: Span,
    /// ...and how long with private conversations.
    pub linger_private: Span,
}

/// `[policy]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// For nicks for which the user set nothing.
    pub default: String,
    /// Patterns of nicks that answer machines, not people: never with OTR.
    pub services: Vec<String>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// From which level on; RUST_LOG in the environment comes before it.
    pub level: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self { accounts: 1024, pending: 2048, admins: 32, memory: 2048 }
    }
}

impl Default for Worker {
    fn default() -> Self {
        let WorkerConfig { linger, linger_private, .. } = WorkerConfig::default();
        let span = |seconds| Span(Duration::from_secs(seconds));
        Self { linger: span(linger), linger_private: span(linger_private) }
    }
}

impl Default for Policy {
    fn default() -> Self {
        let WorkerConfig { policy, services, .. } = WorkerConfig::default();
        Self { default: policy, services }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into() }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path}: {why}")]
    Wrong { path: PathBuf, why: String },
}

impl Config {
    /// Reads a file; the defaults where it is not there and was not asked for by name.
    pub fn read(path: &Path, named: bool) -> Result<Self, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Error::Unreadable { path: path.into(), error }),
        };
        Self::parse(&text).map_err(|why| Error::Wrong { path: path.into(), why })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // Byte order marks of editors.
        let text = text.trim_start_matches('\u{feff}');
        let table: Table = text.parse().map_err(|why: toml::de::Error| why.to_string())?;
        let known = Table::try_from(Self::default()).map_err(|why| why.to_string())?;
        check_keys(&table, &known, "")?;
        let config: Self = toml::from_str(text).map_err(|why| why.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let Limits { accounts, pending, admins, memory } = self.limits;
        for (name, value, most) in [
            ("accounts", accounts, 100_000),
            ("pending", pending, 10_000),
            ("admins", admins, 256),
            ("memory", memory, 1 << 20),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!("limits.{name} is {value}: give 1 to {most}"));
            }
        }
        if !WorkerConfig::POLICIES.contains(&self.policy.default.as_str()) {
            let (given, words) = (&self.policy.default, WorkerConfig::POLICIES.join(", "));
            return Err(format!("policy.default is {given:?}: give one of {words}"));
        }
        let services = &self.policy.services;
        let odd = |pattern: &&String| {
            let bad = |c: char| c.is_control() || c.is_whitespace() || c == ',' || c == '!';
            pattern.is_empty() || pattern.len() > 128 || pattern.contains(bad)
        };
        if let Some(pattern) = services.iter().find(odd) {
            return Err(format!("policy.services: {pattern:?} is no pattern of nicks"));
        }
        if services.len() > 500 {
            return Err("policy.services: give 500 patterns at most".into());
        }
        EnvFilter::try_new(&self.log.level)
            .map_err(|why| format!("log.level: {why}: give error, warn, info, debug or trace"))?;
        Ok(())
    }

    /// The part of the settings that is passed to workers.
    pub fn worker_config(&self) -> WorkerConfig {
        WorkerConfig {
            linger: self.worker.linger.0.as_secs(),
            linger_private: self.worker.linger_private.0.as_secs(),
            policy: self.policy.default.clone(),
            services: self.policy.services.clone(),
        }
    }
}

/// Every key has to be one that has a default.
fn check_keys(given: &Table, known: &Table, within: &str) -> Result<(), String> {
    for (name, value) in given {
        let path = format!("{within}{name}");
        match (known.get(name), value) {
            (Some(Value::Table(known)), Value::Table(given)) => {
                check_keys(given, known, &format!("{path}."))?;
            }
            (Some(_), _) => {}
            (None, _) => {
                let names = known.keys().map(String::as_str);
                let nearest = names.min_by_key(|other| distance(name, other));
                let nearest = nearest.filter(|other| distance(name, other) <= other.len() / 2);
                return Err(match nearest {
                    Some(nearest) => {
                        format!("no such key: {path}: did you mean {within}{nearest}?")
                    }
                    None => {
                        let names: Vec<&str> = known.keys().map(String::as_str).collect();
                        format!("no such key: {path}: there are {}", names.join(", "))
                    }
                });
            }
        }
    }
    Ok(())
}

/// How many letters have to be changed, added or taken away (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, above), before) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(0);
            next.push((before + usize::from(a != *b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// A time as people write it: `90s`, `5m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// The longest time that makes sense: ten years.
const LONGEST: u64 = 10 * 365 * 86_400;
/// Units, the longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let seconds = text.chars().last().and_then(|last| {
            let (_, seconds) = UNITS.into_iter().find(|(unit, _)| *unit == last)?;
            let number = text.strip_suffix(last)?;
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(seconds)
        });
        let seconds = seconds.filter(|seconds| *seconds <= LONGEST);
        let wrong = || D::Error::custom("no time: give one such as \"90s\", \"5m\" or \"24h\"");
        Ok(Self(Duration::from_secs(seconds.ok_or_else(wrong)?)))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.as_secs();
        let fits = |(_, unit): &(char, u64)| seconds > 0 && seconds.is_multiple_of(*unit);
        let (unit, length) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
        out.serialize_str(&format!("{}{unit}", seconds / length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that comes with otrd.
    const SHIPPED: &str = include_str!("../../../systemd/otrd.toml");

    #[test]
    fn the_file_that_comes_along_has_every_key_with_its_default() {
        assert_eq!(Config::parse(SHIPPED).unwrap(), Config::default(), "all of it is comments");
        // A key in a comment stands right behind the sign, words behind a blank.
        let plain = |line: &str| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => key.to_owned(),
            _ => line.to_owned(),
        };
        let uncommented: Vec<String> = SHIPPED.lines().map(plain).collect();
        let given: Table = uncommented.join("\n").parse().unwrap();
        assert_eq!(given, Table::try_from(Config::default()).unwrap());
    }

    #[test]
    fn what_editors_put_in_front_changes_nothing() {
        let text = "[worker]\r\nlinger = \"5m\"\r\n";
        let meant = Config::parse(text).unwrap();
        assert_ne!(meant, Config::default());
        for marks in ["\u{feff}", "\u{feff}\u{feff}"] {
            assert_eq!(Config::parse(&format!("{marks}{text}")).unwrap(), meant);
        }
    }

    #[test]
    fn a_key_that_is_not_known_is_an_error_with_a_suggestion() {
        for (text, said) in [
            ("[worker]\nlingr = \"5m\"", "worker.lingr: did you mean worker.linger?"),
            ("[workers]\nlinger = \"5m\"", "workers: did you mean worker?"),
            ("[polcy]\ndefault = \"never\"", "polcy: did you mean policy?"),
            ("[limits]\nzebras = 3", "limits.zebras: there are"),
        ] {
            let why = Config::parse(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }

    #[test]
    fn values_that_make_no_sense_are_errors_that_say_where() {
        for (text, said) in [
            ("[limits]\naccounts = 0", "limits.accounts"),
            ("[limits]\naccounts = -1", "line 2"),
            ("[limits]\naccounts = \"many\"", "line 2"),
            ("[worker]\nlinger = \"5 minutes\"", "\"90s\""),
            ("[worker]\nlinger = 60", "line 2"),
            ("[worker]\nlinger = \"99999999999999999999d\"", "\"90s\""),
            ("[policy]\ndefault = \"sometimes\"", "never, manual, opportunistic, required"),
            ("[policy]\nservices = [\"a b\"]", "a b"),
            ("[log]\nlevel = \"otrd=loud\"", "log.level"),
            ("limits = 3", "line 1"),
            ("nonsense", "line 1"),
        ] {
            let why = Config::parse(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("5m", 300), ("24h", 86_400), ("7d", 604_800)]
        {
            let config = Config::parse(&format!("[worker]\nlinger = \"{text}\"")).unwrap();
            assert_eq!(config.worker_config().linger, seconds);
        }
    }
}
