//! An otrd that cannot confine itself opens no account. It tells whoever connects why, and ends.

use crate::listen::Listeners;
use crate::{line_io, notify};
use proto::jsonrpc::{Code, Error, Id};
use std::pin::pin;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::time::{Instant, timeout_at};

/// What modules show in `*otr`, and otrctl to its user.
const SAYS: &str = "otrd cannot confine itself on this kernel: see NO LANDLOCK in otrd(8)";
/// Longer than the pause between two attempts of a module: it is told by the same process.
const IDLE_TIME: Duration = Duration::from_secs(90);

/// Answers on sockets that systemd passed, until nobody has connected for a while or `ends`: without an answer
/// systemd would start otrd for the same connection again and again.
pub async fn answer(listeners: &Listeners, ends: impl Future<Output = ()>) -> anyhow::Result<()> {
    if !listeners.are_inherited() {
        listeners.remove();
        return Ok(());
    }
    let modules = UnixListener::from_std(listeners.shim.socket.try_clone()?)?;
    let admins = UnixListener::from_std(listeners.admin.socket.try_clone()?)?;
    notify::ready();
    notify::status(SAYS);
    let mut watchdog = tokio::time::interval(notify::watchdog_interval());
    let mut until = Instant::now() + IDLE_TIME;
    let mut ends = pin!(ends);
    loop {
        let next = async {
            tokio::select! {
                accepted = modules.accept() => accepted,
                accepted = admins.accept() => accepted,
            }
        };
        let stream = tokio::select! {
            () = &mut ends => return Ok(()),
            _ = watchdog.tick() => {
                notify::watchdog();
                continue;
            }
            accepted = timeout_at(until, next) => match accepted {
                Ok(Ok((stream, _))) => stream,
                Ok(Err(error)) => return Err(error.into()),
                Err(_nobody) => return Ok(()),
            },
        };
        until = Instant::now() + IDLE_TIME;
        line_io::refuse(stream, Id::Null, Error::new(Code::Internal, SAYS)).await;
    }
}
