//! Logs: to the journal where stderr leads there, otherwise to stderr. Never a nick, never a text.

use nix::sys::stat::fstat;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging. `RUST_LOG` says what is logged, `info` without it.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::registry().with(filter);
    let journal = stderr_is_the_journal().then(tracing_journald::layer).and_then(Result::ok);
    match journal {
        Some(journal) => logs.with(journal.with_field_prefix(Some("OTRD".into()))).init(),
        None => {
            let text = tracing_subscriber::fmt::layer().with_target(false);
            logs.with(text.with_writer(std::io::stderr)).init();
        }
    }
}

/// systemd.exec(5): JOURNAL_STREAM holds device and inode of the journal's end of our stderr.
fn stderr_is_the_journal() -> bool {
    let Ok(stderr) = fstat(std::io::stderr()) else { return false };
    std::env::var("JOURNAL_STREAM")
        .is_ok_and(|stream| stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}
