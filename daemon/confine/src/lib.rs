//! What both otrd and its workers give up, and how descriptors and secrets come to them. What only
//! one of them does is in its own `sandbox`: which files, which system calls, which limits.
//!
//! * [`hardening`]: no core, no debugger, no new privileges, no swap.
//! * [`landlock`]: no file but those of a list, no port.
//! * [`seccomp`]: no system call but those of a list.
//! * [`processor`]: filters for the processor that this runs on.
//! * [`numbers`]: system calls whose names differ between processors.
//! * [`fd_passing`]: descriptors beside bytes on a Unix socket (SCM_RIGHTS).
//! * [`secret_io`]: reading into memory that is wiped.
#![forbid(unsafe_code)]

pub mod fd_passing;
pub mod hardening;
pub mod landlock;
pub mod numbers;
pub mod processor;
pub mod seccomp;
pub mod secret_io;
