//! Logs: to the journal where stderr leads there, otherwise to stderr. Never a nick, never a text.
//! In the journal each message has its fields by name: `MESSAGE_ID` (see [`crate::message_id`]),
//! `ACCOUNT`, `UID` and so on.

use nix::sys::stat::fstat;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// What is logged, to be changed while we run.
pub struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Takes the level of the settings, unless `RUST_LOG` says what is logged.
    pub fn set(&self, level: &str) {
        let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new(level));
        if let Ok(filter) = filter {
            // Nothing is logged any more where this fails.
            let _ = self.0.reload(filter);
        }
    }
}

/// Starts logging, from `info` on until the settings say otherwise.
pub fn init() -> Level {
    let (filter, handle) = reload::Layer::new(EnvFilter::new("info"));
    let logs = tracing_subscriber::registry().with(filter);
    let journal = stderr_is_the_journal().then(tracing_journald::layer).and_then(Result::ok);
    match journal {
        // Fields of our own, not of some program's.
        Some(journal) => logs.with(journal.with_field_prefix(None)).init(),
        None => {
            // A number says nothing to who reads along; the account is in the text.
            let fields = debug_fn(|out, field, value| match field.name() {
                "message" => write!(out, "{value:?}"),
                "message_id" | "account" => Ok(()),
                name => write!(out, " {name}={value:?}"),
            });
            let text = tracing_subscriber::fmt::layer().with_target(false).fmt_fields(fields);
            logs.with(text.with_writer(std::io::stderr)).init();
        }
    }
    let level = Level(handle);
    level.set("info");
    level
}

/// systemd.exec(5): JOURNAL_STREAM holds device and inode of the journal's end of our stderr.
fn stderr_is_the_journal() -> bool {
    let Ok(stderr) = fstat(std::io::stderr()) else { return false };
    std::env::var("JOURNAL_STREAM")
        .is_ok_and(|stream| stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}
