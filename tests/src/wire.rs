//! The spy between ZNC and its IRC server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::{Inbox, PATIENCE, World};
use std::fmt::{self, Display};

/// A relay that records every line it carries.
pub struct Wire {
    port: u16,
    lines: Inbox<Carried>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    gates: Gates,
}

/// Holds a connection still, in one direction, from a certain line on: the stage at which a test
/// wants something to happen. Opens by itself when it is dropped.
pub struct Gate(Arc<Barrier>);

#[derive(Default)]
struct Barrier {
    state: Mutex<Passage>,
    changed: Condvar,
}

#[derive(Default, PartialEq)]
enum Passage {
    #[default]
    Free,
    Waits,
    Open,
}

type Gates = Arc<Mutex<Vec<Rule>>>;

type Fits = dyn Fn(&[u8]) -> bool + Send;

/// Which line a gate holds.
struct Rule {
    way: Way,
    fits: Box<Fits>,
    /// So many more that fit go through before.
    through: usize,
    barrier: Arc<Barrier>,
}

/// Which way a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From ZNC to the server.
    Out,
    /// From the server to ZNC.
    In,
}

/// A line and which way it went.
#[derive(Clone, Debug)]
struct Carried {
    way: Way,
    line: Vec<u8>,
}

impl Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.way == Way::Out { "->" } else { "<-" };
        write!(f, "{arrow} {}", String::from_utf8_lossy(&self.line))
    }
}

impl Wire {
    /// A wire to the server on `to`.
    pub fn new(world: &World, to: u16) -> Self {
        Self::carrying(world, to, None)
    }

    /// A wire that puts one text in the place of another in what the server says.
    pub fn rewriting(world: &World, to: u16, old: &str, new: &str) -> Self {
        Self::carrying(world, to, Some((old.to_owned(), new.to_owned())))
    }

    fn carrying(world: &World, to: u16, rewrite: Option<(String, String)>) -> Self {
        let port = world.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("our own port");
        let wire =
            Self { port, lines: Inbox::default(), streams: Arc::default(), gates: Arc::default() };
        let (lines, streams) = (wire.lines.clone(), Arc::clone(&wire.streams));
        let gates = Arc::clone(&wire.gates);
        let log = world.log(&format!("wire-{port}"));
        let accept = move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { continue };
                for (from, onto, way) in [(&near, &far, Way::Out), (&far, &near, Way::In)] {
                    let relay = Relay {
                        from: from.try_clone().expect("dup"),
                        onto: onto.try_clone().expect("dup"),
                        way,
                        lines: lines.clone(),
                        log: log.try_clone().expect("dup"),
                        gates: Arc::clone(&gates),
                        rewrite: rewrite.clone().filter(|_| way == Way::In),
                    };
                    thread::spawn(move || relay.run());
                }
                streams.lock().expect("streams").extend([near, far]);
            }
        };
        thread::spawn(accept);
        wire
    }

    /// The port to connect to instead of the server's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        for stream in self.streams.lock().expect("streams").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From the `nth` line on that goes this way and fits, its connection is held.
    pub fn gate(
        &self,
        way: Way,
        nth: usize,
        fits: impl Fn(&[u8]) -> bool + Send + 'static,
    ) -> Gate {
        let barrier = Arc::<Barrier>::default();
        let rule =
            Rule { way, fits: Box::new(fits), through: nth - 1, barrier: Arc::clone(&barrier) };
        self.gates.lock().expect("gates").push(rule);
        Gate(barrier)
    }

    /// Waits for a line with this text.
    #[track_caller]
    pub fn carries(&self, way: Way, text: &str) -> String {
        let fits = |carried: &Carried| carried.way == way && contains(&carried.line, text);
        self.lines.expect("the wire", text, fits).to_string()
    }

    /// Fails if any line so far, either way, had this text. A text of few letters is refused: base64
    /// has any four of them by chance in one run of a thousand.
    #[track_caller]
    pub fn never_carried(&self, text: &str) {
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        assert!(text.len() >= 6 || !text.bytes().all(base64), "{text:?} may come by chance");
        if let Some(carried) = self.lines.all().iter().find(|carried| contains(&carried.line, text))
        {
            panic!("the wire carried {text:?} in clear: {carried}");
        }
    }

    /// Every line so far that went this way.
    pub fn lines(&self, way: Way) -> Vec<String> {
        let all = self.lines.all();
        let lines = all.iter().filter(|carried| carried.way == way);
        lines.map(|carried| String::from_utf8_lossy(&carried.line).into_owned()).collect()
    }

    /// How many lines so far went this way and had this text.
    pub fn count(&self, way: Way, text: &str) -> usize {
        self.lines(way).iter().filter(|line| line.contains(text)).count()
    }
}

impl Gate {
    /// Waits until the line is there, and is held.
    #[track_caller]
    pub fn is_reached(&self, what: &str) {
        let state = self.0.state.lock().expect("gate");
        let wait = |state: &mut Passage| *state == Passage::Free;
        let (state, _) = self.0.changed.wait_timeout_while(state, PATIENCE, wait).expect("gate");
        assert!(*state != Passage::Free, "the wire did not carry: {what}");
    }

    /// Lets the line, and what came behind it, go on.
    pub fn opens(&self) {
        *self.0.state.lock().expect("gate") = Passage::Open;
        self.0.changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.opens();
    }
}

impl Barrier {
    /// Called by the relay that holds the line.
    fn hold(&self) {
        let mut state = self.state.lock().expect("gate");
        if *state == Passage::Free {
            *state = Passage::Waits;
            self.changed.notify_all();
        }
        let _open = self.changed.wait_while(state, |state| *state == Passage::Waits).expect("gate");
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.gates.lock().expect("gates").clear();
        self.cut();
    }
}

struct Relay {
    from: TcpStream,
    onto: TcpStream,
    way: Way,
    lines: Inbox<Carried>,
    log: std::fs::File,
    gates: Gates,
    rewrite: Option<(String, String)>,
}

impl Relay {
    fn run(mut self) {
        let mut buffer = [0; 8192];
        let mut pending = Vec::new();
        loop {
            let read = self.from.read(&mut buffer).unwrap_or(0);
            let mut bytes = buffer.get(..read).unwrap_or_default().to_vec();
            if let Some((old, new)) = &self.rewrite {
                bytes = replaced(&bytes, old.as_bytes(), new.as_bytes());
            }
            // Recorded before it goes on: who sees an effect also sees its cause here.
            pending.extend_from_slice(&bytes);
            let mut held = Vec::new();
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = pending.drain(..=end).collect();
                while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
                    line.pop();
                }
                let carried = Carried { way: self.way, line };
                let _ = writeln!(self.log, "{carried}");
                held.extend(self.gate(&carried.line));
                self.lines.push(carried);
            }
            held.iter().for_each(|barrier| barrier.hold());
            if read == 0 || self.onto.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = self.onto.shutdown(Shutdown::Both);
        let _ = self.from.shutdown(Shutdown::Both);
    }

    /// The gate that holds this line.
    fn gate(&self, line: &[u8]) -> Option<Arc<Barrier>> {
        let mut gates = self.gates.lock().expect("gates");
        let fits: Vec<usize> = (0..gates.len())
            .filter(|at| gates[*at].way == self.way && (gates[*at].fits)(line))
            .collect();
        let mut held = None;
        for at in fits.into_iter().rev() {
            match gates[at].through.checked_sub(1) {
                Some(left) => gates[at].through = left,
                None => held = Some(gates.remove(at).barrier),
            }
        }
        held
    }
}

/// One read of a local socket holds whole lines as a rule; where it does not, the test fails.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn contains(line: &[u8], text: &str) -> bool {
    line.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}
