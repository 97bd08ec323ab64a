//! What systemd is told, where it listens. Without it every call here does nothing.

use nix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;
use std::time::Duration;

/// Both sockets are listened on.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload has begun; [`ready`] ends it.
pub fn reloading() {
    // The function of sd_notify overflows where time_t has 32 bits, 36 minutes after the machine's start.
    match clock_gettime(ClockId::CLOCK_MONOTONIC) {
        Ok(now) => {
            let now = NotifyState::MonotonicUsec(Duration::from(now).as_micros() as i128);
            tell(&[NotifyState::Reloading, now]);
        }
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// Tells systemd that the daemon is stopping.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// The event loop runs, and every worker is supervised.
pub fn watchdog() {
    if sd_notify::watchdog_enabled().is_some() {
        tell(&[NotifyState::Watchdog]);
    }
}

/// How often [`watchdog`] is wanted: so often that one may be missing.
pub fn watchdog_interval() -> Duration {
    let asked = sd_notify::watchdog_enabled().unwrap_or(Duration::from_secs(3600));
    (asked / 4).max(Duration::from_millis(1))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
