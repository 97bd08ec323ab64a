//! `otrd.toml`: what an admin sets. Every key has a default, and a file with all of them comes
//! with otrd; a key that is not known is an error, so that no typing mistake passes for a setting.

use proto::worker::WorkerConfig;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// The longest time that makes sense: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 31_557_600);

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct Worker {
    /// How long a worker stays when its module is gone...
    #[serde(deserialize_with = "duration")]
    pub linger: Duration,
    /// ...and how long with private conversations.
    #[serde(deserialize_with = "duration")]
    pub linger_private: Duration,
}

/// `[policy]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// For nicks for which the user set nothing.
    pub default: String,
    /// Patterns of nicks that answer machines, not people: never with OTR.
    pub services: Vec<String>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
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
        let (linger, linger_private) =
            (Duration::from_secs(linger), Duration::from_secs(linger_private));
        Self { linger, linger_private }
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
            linger: self.worker.linger.as_secs(),
            linger_private: self.worker.linger_private.as_secs(),
            policy: self.policy.default.clone(),
            services: self.policy.services.clone(),
        }
    }
}

/// A time as people write it: `90s`, `5m`, `2h 30m`, `7d`.
fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    let duration = humantime::parse_duration(&text).map_err(|why| {
        D::Error::custom(format!("{why}: give a time such as \"90s\", \"5m\" or \"2h 30m\""))
    })?;
    if duration > LONGEST || duration.subsec_nanos() != 0 {
        return Err(D::Error::custom("give a time of whole seconds, at most \"10years\""));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Table;

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
        let uncommented = uncommented.join("\n");
        assert_eq!(Config::parse(&uncommented).unwrap(), Config::default());
        let given: Table = uncommented.parse().unwrap();
        assert_eq!(keys(&given), keys(&Table::try_from(Config::default()).unwrap()));
    }

    /// With its section, each.
    fn keys(sections: &Table) -> Vec<String> {
        let keys = |(section, keys): (&String, &toml::Value)| -> Vec<String> {
            keys.as_table().unwrap().keys().map(|key| format!("{section}.{key}")).collect()
        };
        sections.iter().flat_map(keys).collect()
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
    fn a_key_that_is_not_known_is_an_error_that_says_where_and_names_those_that_are() {
        for (text, line, key, known) in [
            ("[worker]\nlingr = \"5m\"", 2, "lingr", &["linger", "linger_private"][..]),
            ("[workers]\nlinger = \"5m\"", 1, "workers", &["limits", "worker", "policy", "log"]),
            ("\n[polcy]\ndefault = \"never\"", 2, "polcy", &["policy"]),
            ("[limits]\nzebras = 3", 2, "zebras", &["accounts", "pending", "admins", "memory"]),
            ("[policy]\ndefaults = \"never\"", 2, "defaults", &["default", "services"]),
            ("[log]\nlevels = \"info\"", 2, "levels", &["level"]),
        ] {
            let why = Config::parse(text).unwrap_err();
            assert!(why.contains(&format!("line {line}")), "{text}: {why}");
            let (_, known_ones) = why.split_once(&format!("unknown field `{key}`, ")).expect(&why);
            for known in known {
                assert!(known_ones.contains(&format!("`{known}`")), "{text}: {why}");
            }
        }
    }

    #[test]
    fn values_that_make_no_sense_are_errors_that_say_where() {
        for (text, said) in [
            ("[limits]\naccounts = 0", "limits.accounts"),
            ("[limits]\naccounts = -1", "line 2"),
            ("[limits]\naccounts = \"many\"", "line 2"),
            ("[worker]\nlinger = \"5 moments\"", "\"90s\""),
            ("[worker]\nlinger = \"5\"", "\"90s\""),
            ("[worker]\nlinger = \"\"", "\"90s\""),
            ("[worker]\nlinger = \"-5m\"", "\"90s\""),
            ("[worker]\nlinger = \"500ms\"", "whole seconds"),
            ("[worker]\nlinger = \"11years\"", "at most"),
            ("[worker]\nlinger = \"5 moments\"", "line 2"),
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
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("5m", 300),
            ("24h", 86_400),
            ("7d", 604_800),
            ("2h 30m", 9000),
            ("1day 12hours", 129_600),
            ("5 minutes", 300),
            ("3650d", 315_360_000),
        ] {
            let config = Config::parse(&format!("[worker]\nlinger = \"{text}\"")).unwrap();
            assert_eq!(config.worker_config().linger, seconds);
        }
    }
}
