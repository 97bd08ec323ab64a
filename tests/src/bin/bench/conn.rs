//! IRC connections that cost little: no log, no thread, no line kept that is not asked for.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use otrd_tests::PATIENCE;
use rustix::net::sockopt::set_tcp_quickack;

/// Lines that may be on their way at once: ZNC's module holds no more than 2048.
const WINDOW: usize = 1000;
const CHUNK: usize = 100;

/// A connection whose lines are read one by one, or counted by the thousand.
pub struct Conn {
    pub stream: TcpStream,
    pending: Vec<u8>,
    taken: usize,
}

impl Conn {
    /// Takes over a connected stream.
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("nodelay");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        Self { stream, pending: Vec::new(), taken: 0 }
    }

    /// A client of ZNC; `login` is `user/network` or `user`, and the password is the user's name.
    pub fn of_znc(port: u16, login: &str) -> Self {
        let user = login.split('/').next().unwrap_or(login);
        let mut conn = Self::to(port);
        conn.send(&format!("PASS {login}:{user}\r\nNICK {user}\r\nUSER {user} 0 * :{user}"));
        conn.until("the welcome", |line| word(line, 1) == b"001");
        conn.settled();
        conn
    }

    /// A plain client of an IRC server.
    pub fn of_server(port: u16, nick: &str) -> Self {
        let mut conn = Self::to(port);
        conn.send(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        conn.until("the welcome", |line| word(line, 1) == b"001");
        conn.settled();
        conn
    }

    fn to(port: u16) -> Self {
        Self::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect"))
    }

    /// Sends one line, or several with CR LF between them.
    pub fn send(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).expect("send");
    }

    /// The next line without its end. PINGs are answered on the way.
    pub fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(line) = self.whole_line() {
                return line;
            }
            self.fill();
        }
    }

    /// A line that has been read already.
    pub fn whole_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let fresh = &self.pending[self.taken..];
            let end = fresh.iter().position(|byte| *byte == b'\n')?;
            let line = fresh[..end].trim_ascii_end().to_vec();
            self.taken += end + 1;
            let Some(token) = line.strip_prefix(b"PING ") else { return Some(line) };
            let token = String::from_utf8_lossy(token).into_owned();
            self.send(&format!("PONG {token}"));
        }
    }

    /// Reads what is there, and waits where there is nothing.
    pub fn fill(&mut self) {
        self.pending.drain(..self.taken);
        self.taken = 0;
        let mut buffer = [0; 16 * 1024];
        let length = self.stream.read(&mut buffer).expect("a line before the time is over");
        assert!(length > 0, "the other side closed the connection");
        self.pending.extend_from_slice(&buffer[..length]);
    }

    /// Waits for a line that fits.
    pub fn until(&mut self, what: &str, mut fits: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
        let start = Instant::now();
        loop {
            let line = self.line();
            if fits(&line) {
                return line;
            }
            assert!(start.elapsed() < PATIENCE, "this did not come: {what}");
        }
    }

    /// Waits until this text is in a line.
    pub fn sees(&mut self, text: &str) {
        self.until(text, |line| line.windows(text.len()).any(|window| window == text.as_bytes()));
    }

    /// Waits until everything that was sent before has been looked at.
    pub fn settled(&mut self) {
        let token = format!("settled-{:?}", Instant::now()).replace([' ', '{', '}', ':'], "");
        self.send(&format!("PING :{token}"));
        self.until("a PONG", |line| word(line, 1) == b"PONG" && line.ends_with(token.as_bytes()));
    }
}

/// What came of a transfer.
pub struct Transfer {
    pub time: Duration,
    /// Everything that arrived.
    pub got: Vec<u8>,
}

impl Transfer {
    /// The messages that arrived, each whole.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        self.got
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end)
            .filter(|line| is_message(line))
    }
}

/// Sends messages into one connection until as many have come out of another. So many are on
/// their way at once as a bouncer may hold.
pub fn transfer(from: &Conn, to: &mut Conn, lines: &[String]) -> Transfer {
    let (credit, credits) = mpsc::channel::<()>();
    let mut writer = from.stream.try_clone().expect("dup");
    let mut got = to.pending.split_off(to.taken);
    to.pending.clear();
    to.taken = 0;
    got.reserve(lines.len() * 512);
    let chunks: Vec<Vec<u8>> =
        lines.chunks(CHUNK).map(|chunk| (chunk.join("\r\n") + "\r\n").into_bytes()).collect();
    for _ in 0..WINDOW / CHUNK {
        credit.send(()).expect("the receiver lives");
    }
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for chunk in chunks {
                if credits.recv().is_err() || writer.write_all(&chunk).is_err() {
                    return;
                }
            }
        });
        let mut buffer = vec![0; 64 * 1024];
        let (mut looked_at, mut messages) = (0, 0);
        while messages < lines.len() {
            // Else the other side waits 40 ms for an acknowledgement now and then (Nagle).
            set_tcp_quickack(&to.stream, true).expect("a TCP connection");
            let length = to.stream.read(&mut buffer).expect("all messages before the time is over");
            assert!(length > 0, "the other side closed the connection");
            got.extend_from_slice(&buffer[..length]);
            while let Some(end) = got[looked_at..].iter().position(|byte| *byte == b'\n') {
                if is_message(&got[looked_at..looked_at + end]) {
                    messages += 1;
                    if messages % CHUNK == 0 {
                        let _ = credit.send(());
                    }
                }
                looked_at += end + 1;
            }
        }
        drop(credit);
    });
    let time = start.elapsed();
    for line in got.split(|byte| *byte == b'\n') {
        if let Some(token) = line.strip_prefix(b"PING ") {
            let token = String::from_utf8_lossy(token).into_owned();
            to.send(&format!("PONG {}", token.trim_end()));
        }
    }
    Transfer { time, got }
}

/// A PRIVMSG that is not a word of ZNC's own.
fn is_message(line: &[u8]) -> bool {
    let (source, command) = match line.strip_prefix(b":") {
        Some(rest) => (word(rest, 0), word(rest, 1)),
        None => (&b""[..], word(line, 0)),
    };
    command == b"PRIVMSG" && !source.starts_with(b"*")
}

/// One of the words of a line.
pub fn word(line: &[u8], index: usize) -> &[u8] {
    line.split(|byte| *byte == b' ').nth(index).unwrap_or_default()
}

/// The text of a message.
pub fn text(line: &[u8]) -> &[u8] {
    let skip = usize::from(line.starts_with(b":"));
    let at = line[skip..].windows(2).position(|two| two == b" :");
    at.map_or(&b""[..], |at| &line[skip + at + 2..])
}
