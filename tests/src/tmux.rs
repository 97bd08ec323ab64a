//! A program in a tmux of its own, on a screen of 160 by 50.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::Launch;
use crate::{PATIENCE, Process, World, eventually};

/// A terminal and what runs in it.
pub struct Tmux {
    socket: PathBuf,
    _server: Process,
}

impl Tmux {
    /// A server in the foreground, so that it is our own child, and a shell's command in it.
    #[track_caller]
    pub fn start(world: &World, name: &str, home: &Path, command: &str) -> Self {
        let socket = world.path().join(format!("tmux-{name}.sock"));
        let server = Launch::new(&format!("tmux-{name}"), "tmux")
            .args(["-u", "-D", "-f", "/dev/null", "-S"])
            .args([&socket])
            .env("HOME", home)
            .env("SHELL", "/bin/sh")
            .start(world);
        let tmux = Self { socket, _server: server };
        eventually("tmux runs", || {
            let mut session = tmux.command();
            session.args(["-N", "new-session", "-d", "-x", "160", "-y", "50", "-s", "it"]);
            session.arg(command).stderr(Stdio::null());
            session.status().is_ok_and(|status| status.success())
        });
        tmux
    }

    /// Pastes a line and its end: any text can be typed so.
    pub fn types(&self, line: &str) {
        let mut command = self.command();
        command.args(["load-buffer", "-b", "typed", "-", ";"]);
        command.args(["paste-buffer", "-d", "-b", "typed", "-t", "it"]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("tmux");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("tmux reads");
        drop(stdin);
        assert!(child.wait().expect("tmux").success(), "tmux did not take the line");
    }

    /// Presses keys, by tmux's names for them.
    pub fn presses(&self, keys: &[&str]) {
        let status = self.command().args(["send-keys", "-t", "it"]).args(keys).status();
        assert!(status.expect("tmux").success(), "tmux did not take the keys");
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.captured(&[])
    }

    /// The same with its colours, as a terminal is told them.
    pub fn coloured(&self) -> String {
        self.captured(&["-e"])
    }

    fn captured(&self, how: &[&str]) -> String {
        let output = self.command().args(["capture-pane", "-p", "-t", "it"]).args(how).output();
        String::from_utf8_lossy(&output.expect("tmux").stdout).into_owned()
    }

    /// Waits until the screen has this.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.becomes(&format!("the screen has {text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub fn becomes(&self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        let mut screen = String::new();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            screen = self.screen();
            if is_so(&screen) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("not so after {PATIENCE:?}: {what}\n{screen}");
    }

    /// A shell command that shows its screen.
    pub fn attach_command(&self) -> String {
        format!("tmux -S {} attach", self.socket.display())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8").args(["-u", "-S"]).arg(&self.socket);
        command
    }
}
