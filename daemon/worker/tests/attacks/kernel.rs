//! The kernel itself: privileges, and the parts of it that few programs need.

use crate::call::{call, int, path};
use crate::inside::{Attack, Wants};
use Wants::{Death, Success};
use libc::*;

#[rustfmt::skip]
pub fn attacks() -> Vec<Attack> {
    let attack = |name, wants, act| Attack { name, wants, act };
    vec![
        attack("randomness", Success, |_| {
            let mut buffer = [0_u8; 16];
            call(SYS_getrandom, &[buffer.as_mut_ptr() as c_long, 16, 0]).map(drop)
        }),
        attack("another user", Death, |_| call(SYS_setuid, &[0]).map(drop)),
        attack("other groups", Death, |_| call(SYS_setgroups, &[0, 0]).map(drop)),
        attack("capabilities", Death, |_| call(SYS_capset, &[0, 0]).map(drop)),
        attack("core files again", Death, |_| {
            call(SYS_prctl, &[int(PR_SET_DUMPABLE), 1]).map(drop)
        }),
        attack("its own limits", Death, |_| {
            call(SYS_prlimit64, &[0, int(RLIMIT_CORE as c_int), 0, 0]).map(drop)
        }),
        attack("another filter", Death, |_| {
            call(SYS_seccomp, &[int(SECCOMP_SET_MODE_FILTER as c_int), 0, 0]).map(drop)
        }),
        attack("memory unlocked", Death, |_| call(SYS_munlockall, &[]).map(drop)),
        attack("a ring of requests", Death, |_| call(SYS_io_uring_setup, &[1, 0]).map(drop)),
        attack("a program in the kernel", Death, |_| call(SYS_bpf, &[0, 0, 0]).map(drop)),
        attack("counters", Death, |_| call(SYS_perf_event_open, &[0, 0, 0, 0, 0]).map(drop)),
        attack("page faults", Death, |_| call(SYS_userfaultfd, &[0]).map(drop)),
        attack("keys of the kernel", Death, |_| call(SYS_keyctl, &[0, 0]).map(drop)),
        attack("a key of the kernel made", Death, |_| {
            call(SYS_add_key, &[path(c"user"), path(c"x"), 0, 0, 0]).map(drop)
        }),
        attack("shared memory", Death, |_| call(SYS_shmget, &[0, 4096, 0]).map(drop)),
        attack("message queues", Death, |_| call(SYS_msgget, &[0, 0]).map(drop)),
        attack("a module in the kernel", Death, |_| call(SYS_finit_module, &[0, 0, 0]).map(drop)),
        attack("the clock", Death, |_| call(SYS_clock_settime, &[0, 0]).map(drop)),
        attack("the machine's name", Death, |_| call(SYS_sethostname, &[0, 0]).map(drop)),
        attack("a restart", Death, |_| call(SYS_reboot, &[0, 0, 0, 0]).map(drop)),
        attack("the kernel's log", Death, |_| call(SYS_syslog, &[0, 0, 0]).map(drop)),
        attack("another personality", Death, |_| call(SYS_personality, &[0xffff_ffff]).map(drop)),
        attack("a call that does not exist", Death, |_| call(100_000, &[]).map(drop)),
        // The same table under other numbers.
        #[cfg(target_arch = "x86_64")]
        attack("the calls of x32", Death, |_| call(SYS_getpid | 0x4000_0000, &[]).map(drop)),
    ]
}
