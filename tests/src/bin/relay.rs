//! Carries bytes between a Unix socket and the standard descriptors. A test runs it as another
//! Unix user: whoever connects is whom the daemon sees.

#![forbid(unsafe_code)]

use std::io::{copy, stdin, stdout};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::thread;

fn main() {
    let path = std::env::args_os().nth(1).expect("a path");
    let Ok(mut up) = UnixStream::connect(path) else { exit(1) };
    let mut down = up.try_clone().expect("dup");
    thread::spawn(move || {
        let _ = copy(&mut stdin(), &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut down, &mut stdout().lock());
}
