//! A proxy that stands between ZNC's module and `otrd`, and breaks their connection at a chosen line.

use std::fs::{Permissions, set_permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::{Otrd, World, eventually};

/// Carries lines both ways.
pub struct LossyProxy {
    path: PathBuf,
    orders: Arc<Mutex<Orders>>,
    /// Whether who connects has to wait.
    gate: Arc<(Mutex<bool>, Condvar)>,
}

#[derive(Default)]
struct Orders {
    /// The first line with these words is swallowed, and the connection closed.
    request: Option<String>,
    reply: Option<String>,
    shut: bool,
}

impl LossyProxy {
    /// Between this daemon and whoever connects to [`LossyProxy::shim_socket`].
    pub fn start(world: &World, otrd: &Otrd) -> Self {
        let path = world.directory("lossy-proxy", None).join("shim.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        // ZNC runs as another user where we are root.
        set_permissions(&path, Permissions::from_mode(0o777)).expect("chmod");
        let orders: Arc<Mutex<Orders>> = Arc::default();
        let gate: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let (daemon, ours, ours_too) = (otrd.shim_socket(), Arc::clone(&orders), Arc::clone(&gate));
        thread::spawn(move || {
            for module in listener.incoming().flatten() {
                let (waits, opened) = &*ours_too;
                let waits = waits.lock().expect("gate");
                drop(opened.wait_while(waits, |waits| *waits).expect("gate"));
                if ours.lock().expect("orders").shut {
                    continue;
                }
                let Ok(daemon) = UnixStream::connect(&daemon) else { continue };
                carry(&module, &daemon, &ours, |orders| &mut orders.request);
                carry(&daemon, &module, &ours, |orders| &mut orders.reply);
            }
        });
        Self { path, orders, gate }
    }

    /// Its socket for ZNC's module.
    pub fn shim_socket(&self) -> &Path {
        &self.path
    }

    /// The next line of otrd's with these words is lost, and the connection with it.
    pub fn loses_reply(&self, words: &str) {
        self.orders.lock().expect("orders").reply = Some(words.into());
    }

    /// The same for a line of the module's.
    pub fn loses_request(&self, words: &str) {
        self.orders.lock().expect("orders").request = Some(words.into());
    }

    /// From now on nobody who connects gets through.
    pub fn shuts(&self) {
        self.orders.lock().expect("orders").shut = true;
    }

    /// Whoever connects gets through again.
    pub fn opens(&self) {
        self.orders.lock().expect("orders").shut = false;
    }

    /// From now on whoever connects waits for an answer, until [`LossyProxy::lets_through`].
    pub fn keeps_waiting(&self) {
        *self.gate.0.lock().expect("gate") = true;
    }

    /// Who waits gets through, one after the other.
    pub fn lets_through(&self) {
        *self.gate.0.lock().expect("gate") = false;
        self.gate.1.notify_all();
    }

    /// Waits until what was to be lost is lost.
    #[track_caller]
    pub fn has_lost_it(&self) {
        eventually("a line is lost", || {
            let orders = self.orders.lock().expect("orders");
            orders.request.is_none() && orders.reply.is_none()
        });
    }
}

fn carry(
    from: &UnixStream,
    to: &UnixStream,
    orders: &Arc<Mutex<Orders>>,
    words: fn(&mut Orders) -> &mut Option<String>,
) {
    let (from, mut to) = (from.try_clone().expect("dup"), to.try_clone().expect("dup"));
    let orders = Arc::clone(orders);
    thread::spawn(move || {
        let mut lines = BufReader::new(&from);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            if is_lost(&line, words(&mut orders.lock().expect("orders"))) {
                break;
            }
            if to.write_all(&line).is_err() {
                break;
            }
            line.clear();
        }
        // Both ends: each of them is held by the other direction, too.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn is_lost(line: &[u8], words: &mut Option<String>) -> bool {
    let line = String::from_utf8_lossy(line);
    let lost = words.as_ref().is_some_and(|words| line.contains(words));
    if lost {
        *words = None;
    }
    lost
}
