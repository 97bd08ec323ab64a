//! `otrctl`, as a person or a script runs it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::{Otrd, Terminal};

/// One run of it.
pub struct Otrctl {
    command: Command,
}

/// What it said.
#[derive(Debug)]
pub struct Said {
    /// Its exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Otrctl {
    /// Talks to this daemon.
    pub fn new(otrd: &Otrd) -> Self {
        let mut command = Command::new(otrd.program("otrctl"));
        command.arg("--socket").arg(otrd.admin_socket()).stdin(Stdio::null());
        command.env_remove("NO_COLOR");
        Self { command }
    }

    /// Adds words.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds one word.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Runs as another Unix user; needs root.
    pub fn uid(mut self, uid: u32) -> Self {
        self.command.uid(uid).gid(uid);
        self
    }

    /// With this home directory.
    pub fn home(mut self, home: impl AsRef<OsStr>) -> Self {
        self.command.env("HOME", home);
        self
    }

    /// Runs to its end.
    #[track_caller]
    pub fn run(mut self) -> Said {
        let output = self.command.output().expect("otrctl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("an exit status");
        Said { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs to a good end; what it printed.
    #[track_caller]
    pub fn does(self) -> String {
        let said = self.run();
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    }

    /// Runs to a good end with `--json`; what it printed.
    #[track_caller]
    pub fn json(self) -> Value {
        // In front: behind them it would be a word for `*otr`.
        let words: Vec<_> = self.command.get_args().map(OsStr::to_owned).collect();
        let mut command = Command::new(self.command.get_program());
        command.arg("--json").args(words).stdin(Stdio::null());
        let out = Self { command }.does();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs on a terminal, with somebody in front of it.
    #[track_caller]
    pub fn on_a_terminal(self) -> Terminal {
        Terminal::start(self.command)
    }

    /// Runs on; the lines it prints come one by one.
    #[track_caller]
    pub fn lines(mut self) -> Lines {
        let mut child = self.command.stdout(Stdio::piped()).spawn().expect("otrctl runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Lines { child, out }
    }
}

/// A run that goes on until this is dropped.
pub struct Lines {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Lines {
    /// The next line that fits.
    #[track_caller]
    pub fn until(&mut self, fits: impl Fn(&str) -> bool) -> String {
        loop {
            let mut line = String::new();
            let length = self.out.read_line(&mut line).expect("a line");
            assert!(length > 0, "otrctl ended");
            if fits(&line) {
                return line;
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
