//! JSON-RPC lines by hand, for tests that attack the boundary.

use std::fs::File;
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use serde_json::{Value, json};

use crate::PATIENCE;

/// A connection to one of the daemon's sockets.
pub struct Rpc {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    next_id: u64,
}

impl Rpc {
    /// Connects.
    #[track_caller]
    pub fn connect(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).expect("connect to the daemon"))
    }

    /// Connects as another Unix user, by the copy of `relay` that all users can run; needs root.
    #[track_caller]
    pub fn connect_as(uid: u32, gid: u32, relay: &Path, path: &Path) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let theirs = OwnedFd::from(theirs);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--clear-groups"]);
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
        command.arg(relay).arg(path);
        command.stdin(theirs.try_clone().expect("dup")).stdout(theirs);
        let mut child = command.spawn().expect("setpriv");
        std::thread::spawn(move || child.wait());
        Self::over(ours)
    }

    #[track_caller]
    fn over(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("timeout");
        let reader = BufReader::new(stream.try_clone().expect("dup"));
        Self { stream, reader, next_id: 1 }
    }

    /// Asks, and tells the whole answer.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let answer = self.answer().expect("an answer");
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// Asks, and tells the result.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Asks, and tells the error's code.
    #[track_caller]
    pub fn error_code(&mut self, method: &str, params: Value) -> i64 {
        let answer = self.ask(method, params);
        answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method}: no error: {answer}"))
    }

    /// Sends a value as a line.
    pub fn line(&mut self, value: &Value) {
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        self.bytes(&line);
    }

    /// Sends a value as a line, with a descriptor beside it.
    pub fn line_with(&mut self, value: &Value, file: &File) {
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        let beside = [file.as_raw_fd()];
        let beside = [ControlMessage::ScmRights(&beside)];
        let bytes = [IoSlice::new(&line)];
        // A closed connection shows in the answer.
        let _ =
            sendmsg::<()>(self.stream.as_raw_fd(), &bytes, &beside, MsgFlags::MSG_NOSIGNAL, None);
    }

    /// Sends bytes as they are. A closed connection shows in the answer.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// From now on [`Rpc::writes`] waits so long.
    pub fn gives_up_writing_after(&mut self, limit: std::time::Duration) {
        self.stream.set_write_timeout(Some(limit)).expect("timeout");
    }

    /// Sends bytes as they are; whether the other side takes them.
    pub fn writes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The next line; none where the daemon has closed the connection.
    #[track_caller]
    pub fn answer(&mut self) -> Option<Value> {
        self.answered_line().map(|line| serde_json::from_str(&line).expect("a line of JSON"))
    }

    /// The same as it was written, without its LF.
    #[track_caller]
    pub fn answered_line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Waits until the daemon closes the connection, whatever it says before.
    #[track_caller]
    pub fn is_closed(&mut self) {
        while self.answer().is_some() {}
    }
}
