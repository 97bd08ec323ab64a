//! Questions to the person at the terminal. Without a terminal nobody is asked.

use crate::Failure;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use zeroize::Zeroizing;

/// Whether there is somebody to ask.
pub fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Yes or no; no where nothing is said.
pub fn yes(question: &str) -> Result<bool, Failure> {
    let answer = line(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Something that is not shown while it is typed.
pub fn secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let quiet = Quiet::begin().map_err(|error| failed(&error))?;
    let answer = line(prompt);
    drop(quiet);
    let _ = writeln!(io::stderr());
    match answer? {
        empty if empty.is_empty() => Err(Failure::Usage("no secret was typed".into())),
        answer => Ok(answer),
    }
}

fn line(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let mut out = io::stderr();
    let mut answer = Zeroizing::new(String::with_capacity(4096));
    let asked = write!(out, "{prompt}").and_then(|()| out.flush());
    asked.and_then(|()| io::stdin().lock().read_line(&mut answer)).map_err(|e| failed(&e))?;
    let end = answer.trim_end_matches(['\r', '\n']).len();
    answer.truncate(end);
    Ok(answer)
}

fn failed(error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot ask on this terminal: {error}"))
}

/// A terminal that does not echo, as long as this lives.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSANOW, &self.0);
    }
}
