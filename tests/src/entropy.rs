//! A machine without randomness, for the process that makes keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// libgcrypt asks for randomness through libc's `getentropy`.
const LATE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int getentropy(void *buffer, size_t length)
{
    static int waited;
    if (!waited) {
        waited = 1;
        struct timespec pause = { .tv_sec = atoi(getenv("OTRD_TESTS_LATE")) };
        while (nanosleep(&pause, &pause) != 0)
            ;
    }
    return getrandom(buffer, length, 0) == (ssize_t) length ? 0 : -1;
}
"#;

/// A program in the place of `bin/otrd-worker` that makes keys only after so many seconds.
pub(crate) fn withheld(bin: &Path, seconds: u32) -> PathBuf {
    let (source, library) = (bin.join("late.c"), bin.join("late.so"));
    fs::write(&source, LATE).expect("write a source");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.expect("cc").success(), "cc failed");
    let (worker, script) = (bin.join("otrd-worker"), bin.join("late-worker"));
    let (worker, library) = (worker.display(), library.display());
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = keygen ] || exec {worker}\n\
         OTRD_TESTS_LATE={seconds} LD_PRELOAD={library} exec {worker} keygen\n"
    );
    fs::write(&script, text).expect("write a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod");
    script
}
