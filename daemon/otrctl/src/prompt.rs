//! Questions to the person at the terminal. Without a terminal nobody is asked.

use crate::failure::Failure;
use crate::terminal;
use nix::errno::Errno;
use nix::sys::termios::SpecialCharacterIndices::{VEOL, VINTR};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Write};
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
    let quiet = NoEcho::begin().map_err(|error| failed(&error))?;
    let answer = line(prompt);
    let interrupt = quiet.interrupt();
    drop(quiet);
    let _ = writeln!(io::stderr());
    match answer? {
        broken if broken.ends_with(interrupt) => Err(Failure::Interrupted),
        empty if empty.is_empty() => Err(Failure::Usage("no secret was typed".into())),
        answer => Ok(answer),
    }
}

/// One line, as a terminal gives it: with one read, of 4096 bytes at most. Read past the buffer of
/// standard input, which would keep a secret.
fn line(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let mut out = io::stderr();
    write!(out, "{}", terminal::safe(prompt))
        .and_then(|()| out.flush())
        .map_err(|error| failed(&error))?;
    let mut typed = Zeroizing::new([0; 4096]);
    let length = loop {
        match nix::unistd::read(io::stdin(), &mut *typed) {
            Err(Errno::EINTR) => {}
            read => break read.map_err(|errno| failed(&errno.into()))?,
        }
    };
    let answer = std::str::from_utf8(typed.get(..length).unwrap_or_default());
    let answer = answer.map_err(|_| Failure::Usage("type it in UTF-8".into()))?;
    Ok(Zeroizing::new(answer.trim_end_matches(['\r', '\n']).to_owned()))
}

fn failed(error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot ask on this terminal: {error}"))
}

/// A terminal that does not echo, as long as this lives. Control-C ends the line there, and not
/// the program: ended so, it would leave a terminal behind that shows nothing.
struct NoEcho(Termios);

impl NoEcho {
    fn begin() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = Self(tcgetattr(stdin.as_fd())?);
        let mut quiet = before.0.clone();
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        if let Some(end) = quiet.control_chars.get_mut(VEOL as usize) {
            *end = before.interrupt() as u8;
        }
        tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(before)
    }

    /// What the terminal sends for Control-C. Always ASCII, or it could not be told from text.
    fn interrupt(&self) -> char {
        let set = self.0.control_chars.get(VINTR as usize).copied();
        set.filter(u8::is_ascii_control).map_or('\u{3}', char::from)
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSANOW, &self.0);
    }
}
