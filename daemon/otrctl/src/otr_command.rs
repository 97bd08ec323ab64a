//! A line for `*otr`, made of the words of the command line. Secrets need not stand there, where
//! every user of the machine can read them: they come from standard input, a descriptor, or a
//! prompt.

use crate::args::Args;
use crate::args::EXAMPLES;
use crate::failure::Failure;
use crate::prompt;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use zeroize::Zeroizing;

/// The line that is meant.
pub fn line(args: &Args, words: &[OsString]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let mut line = match words.as_slice() {
        [b"-"] => first_line(io::stdin().lock(), "standard input")?,
        words => Zeroizing::new(words.join(&b' ')),
    };
    if let Some(fd) = args.secret_fd {
        let path = format!("/dev/fd/{fd}");
        let file = File::open(&path)
            .map_err(|error| Failure::Usage(format!("--secret-fd: descriptor {fd}: {error}")))?;
        line.push(b' ');
        line.extend_from_slice(&first_line(BufReader::new(file), "--secret-fd")?);
    } else if wants_secret(&words) && io::stdin().is_terminal() {
        line.push(b' ');
        line.extend_from_slice(prompt::secret("Secret: ")?.as_bytes());
    }
    if line.iter().any(|byte| byte.is_ascii_control()) {
        return Err(Failure::Usage("a command is one line without control characters".into()));
    }
    Ok(line)
}

/// Without an otrd that could say so: a command that this otrctl does not know is the likelier mistake.
pub fn unknown(words: &[OsString]) -> Option<Failure> {
    let word = words.first()?.to_str().filter(|word| *word != "-")?;
    let names = EXAMPLES.split('.').next()?.split_once(": ")?.1;
    let mut names = names.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty());
    let is_known = names.any(|name| name.eq_ignore_ascii_case(word));
    let says = || format!("unknown command {word:?}: see otrctl --help");
    (!is_known).then(|| Failure::Usage(says()))
}

/// `auth` with a nick alone, or `authq` with a question at its end.
fn wants_secret(words: &[&[u8]]) -> bool {
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match words {
        [command, _] => is(command, "auth") || is(command, "authq"),
        [command, _, .., last] => is(command, "authq") && last.ends_with(b"]"),
        _ => false,
    }
}

fn first_line(mut input: impl BufRead, whence: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Longer than any line that otrd takes; a buffer that grew would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(proto::MAX_LINE));
    let read = io::Read::take(&mut input, proto::MAX_LINE as u64).read_until(b'\n', &mut line);
    read.map_err(|error| Failure::Usage(format!("cannot read {whence}: {error}")))?;
    while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        line.pop();
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_asked_for_where_one_is_missing() {
        let wants =
            |line: &str| wants_secret(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        for line in ["auth bob", "AUTH bob", "authq bob", "authq bob [what is it?]"] {
            assert!(wants(line), "{line}");
        }
        for line in ["auth", "auth bob secret", "authq bob [what?] secret", "info bob", "trust bob"]
        {
            assert!(!wants(line), "{line}");
        }
    }

    #[test]
    fn a_command_that_is_none_is_told_from_those_of_otr() {
        let is_unknown = |word: &str| unknown(&[word.into()]).is_some();
        assert!(is_unknown("stats") && is_unknown("") && is_unknown("help, info"));
        for word in ["status", "AUTH", "forget", "fingerprint", "version", "-"] {
            assert!(!is_unknown(word), "{word}");
        }
    }

    #[test]
    fn only_the_first_line_is_read() {
        let line = first_line(&b"auth bob our secret\r\nmore\n"[..], "x").unwrap();
        assert_eq!(line.as_slice(), b"auth bob our secret");
        assert!(first_line(&b""[..], "x").unwrap().is_empty());
    }
}
