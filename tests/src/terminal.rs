//! A program on a terminal, and somebody who types there.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::eventually;

/// A pseudo terminal with one program on it.
pub struct Terminal {
    child: Child,
    keyboard: File,
    /// Held, so that what is on the screen is not lost with the program.
    line: Option<OwnedFd>,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts a program with the terminal as its input, output and errors.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
        let copy = || slave.try_clone().expect("a second handle");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let child = command.spawn().expect("the program runs");
        drop(command);
        let keyboard = File::from(master);
        let mut output = keyboard.try_clone().expect("a second handle");
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        let shown = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            // The last holder of the other end is gone: an error.
            while let Ok(length @ 1..) = output.read(&mut chunk) {
                shown.lock().expect("the screen").extend_from_slice(&chunk[..length]);
            }
        });
        Self { child, keyboard, line: Some(slave), screen, reader: Some(reader) }
    }

    /// Waits until this is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        eventually(&format!("{text:?} is on the screen"), || self.screen().contains(text));
    }

    /// Types this, and nothing more.
    pub fn types(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Whether what is typed is shown.
    pub fn echoes(&self) -> bool {
        let line = self.line.as_ref().expect("the terminal is there");
        tcgetattr(line.as_fd()).expect("its modes").local_flags.contains(LocalFlags::ECHO)
    }

    /// Everything on the screen so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("the screen")).into_owned()
    }

    /// Waits for the program's end: its exit status, and what is on the screen then.
    #[track_caller]
    pub fn ends(mut self) -> (i32, String) {
        eventually("the program has ended", || matches!(self.child.try_wait(), Ok(Some(_))));
        let code = self.child.wait().expect("our own child").code().expect("an exit status");
        self.line = None;
        self.reader.take().expect("a reader").join().expect("all is read");
        (code, self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
