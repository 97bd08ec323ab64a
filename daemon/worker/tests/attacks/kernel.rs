//! The kernel itself: privileges, and the parts of it that few programs need.

use crate::call::{call, int, path};
use crate::inside::{Attack, Wants};
use Wants::{Death, Success};
use libc::*;

#[cfg(not(target_arch = "x86"))]
const SHMGET: c_long = SYS_shmget;
#[cfg(not(target_arch = "x86"))]
const MSGGET: c_long = SYS_msgget;
/// Of `asm/unistd_32.h`; the crate libc does not have them.
#[cfg(target_arch = "x86")]
const SHMGET: c_long = 395;
#[cfg(target_arch = "x86")]
const MSGGET: c_long = 399;

#[rustfmt::skip]
pub fn attacks() -> Vec<Attack> {
    let attack = |name, wants, act| Attack { name, wants, act };
    let mut attacks = vec![
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
        attack("shared memory", Death, |_| call(SHMGET, &[0, 4096, 0]).map(drop)),
        attack("message queues", Death, |_| call(MSGGET, &[0, 0]).map(drop)),
        attack("a module in the kernel", Death, |_| call(SYS_finit_module, &[0, 0, 0]).map(drop)),
        attack("the clock", Death, |_| call(SYS_clock_settime, &[0, 0]).map(drop)),
        attack("the machine's name", Death, |_| call(SYS_sethostname, &[0, 0]).map(drop)),
        attack("a restart", Death, |_| call(SYS_reboot, &[0, 0, 0, 0]).map(drop)),
        attack("the kernel's log", Death, |_| call(SYS_syslog, &[0, 0, 0]).map(drop)),
        attack("another personality", Death, |_| call(SYS_personality, &[-1]).map(drop)),
        attack("a call that does not exist", Death, |_| call(100_000, &[]).map(drop)),
        // The same table under other numbers.
        #[cfg(target_arch = "x86_64")]
        attack("the calls of x32", Death, |_| call(SYS_getpid | 0x4000_0000, &[]).map(drop)),
    ];
    if both_processors() {
        attacks.push(attack("a call of the other processor", Death, |_| {
            other_processor();
            Ok(())
        }));
    }
    attacks
}

/// Whether this kernel takes system calls of 32-bit and of 64-bit programs from one process.
fn both_processors() -> bool {
    cfg!(any(target_arch = "x86", target_arch = "x86_64"))
        && nix::sys::utsname::uname().unwrap().machine() == "x86_64"
}

/// exit(2) of a 32-bit program; of a 64-bit one, write(2) has that number, which is allowed.
#[cfg(target_arch = "x86_64")]
fn other_processor() {
    // SAFETY: either the filter ends the process, or the call does.
    unsafe {
        std::arch::asm!("xor ebx, ebx", "int 0x80", in("eax") 1, options(noreturn));
    }
}

/// close(2) of a 64-bit program; of a 32-bit one, read(2) has that number, which is allowed.
#[cfg(target_arch = "x86")]
fn other_processor() {
    // SAFETY: two far returns, each to what follows a call, in the segment pushed before it: to 64-bit code
    // (0x33), for this system call alone, and back (0x23). Nobody has the descriptor. The registers that the
    // call changes are named.
    unsafe {
        std::arch::asm!(
            "push 0x23",
            "call 2f",
            "jmp 4f",
            "2: push 0x33",
            "call 3f",
            "syscall",
            "retf",
            "3: retf",
            "4:",
            inout("eax") 3 => _, in("edi") -1, out("ecx") _,
        )
    };
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn other_processor() {}
