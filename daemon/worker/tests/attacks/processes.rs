//! Other processes, programs, and ways to talk.

use crate::call::{call, int, path, pointer};
use crate::inside::{Attack, Wants};
use Wants::{Abort, Death, Success};
use confine::numbers;
use libc::*;
use nix::errno::Errno;
use std::os::unix::ffi::OsStrExt;

/// As the C library makes it.
fn send(arguments: &[c_long; 4]) -> Result<c_long, Errno> {
    #[cfg(target_pointer_width = "64")]
    return call(SYS_sendto, arguments);
    #[cfg(target_arch = "arm")]
    return call(SYS_send, arguments);
    #[cfg(target_arch = "x86")]
    return call(SYS_socketcall, &[int(numbers::socketcall::SEND), pointer(arguments)]);
}

/// socketcall(2), with a number of `linux/net.h`.
#[cfg(target_arch = "x86")]
fn old(what: c_int, arguments: &[c_long]) -> Result<(), Errno> {
    call(SYS_socketcall, &[int(what), arguments.as_ptr() as c_long]).map(drop)
}

/// musl asks of files whether they are terminals, and does without an answer.
const TERMINAL: Wants = match cfg!(target_env = "musl") {
    true => Wants::Refusal(Errno::ENOSYS),
    false => Death,
};

#[rustfmt::skip]
pub fn attacks() -> Vec<Attack> {
    let attack = |name, wants, act| Attack { name, wants, act };
    vec![
        // What must work: the descriptors that are there, without an address.
        attack("a message to the front", Success, |_| {
            // Standard input stands for the channel; that it is none shows that the call is made.
            match send(&[0, pointer(&[0u8; 1]), 1, 0]) {
                Err(Errno::ENOTSOCK) => Ok(()),
                other => other.map(drop),
            }
        }),
        // Looking into others, and ending them.
        attack("a debugger on a sibling", Death, |scene| {
            call(SYS_ptrace, &[PTRACE_ATTACH as c_long, int(scene.sibling)]).map(drop)
        }),
        attack("a debugger on the front", Death, |scene| {
            call(SYS_ptrace, &[PTRACE_SEIZE as c_long, int(scene.front)]).map(drop)
        }),
        attack("the front's memory read", Death, |scene| {
            call(SYS_process_vm_readv, &[int(scene.front), 0, 0, 0, 0, 0]).map(drop)
        }),
        attack("a sibling's memory written", Death, |scene| {
            call(SYS_process_vm_writev, &[int(scene.sibling), 0, 0, 0, 0, 0]).map(drop)
        }),
        attack("a sibling's descriptor", Death, |scene| {
            call(SYS_pidfd_open, &[int(scene.sibling), 0]).map(drop)
        }),
        attack("a descriptor out of a process", Death, |_| {
            call(SYS_pidfd_getfd, &[0, 0, 0]).map(drop)
        }),
        attack("whether two descriptors are one", Death, |scene| {
            call(SYS_kcmp, &[int(scene.front), int(scene.sibling), 0, 0, 0]).map(drop)
        }),
        attack("a sibling killed", Death, |scene| {
            call(SYS_kill, &[int(scene.sibling), int(SIGKILL)]).map(drop)
        }),
        attack("the front killed", Death, |scene| {
            call(SYS_kill, &[int(scene.front), 0]).map(drop)
        }),
        attack("a sibling aborted", Death, |scene| {
            call(SYS_tgkill, &[int(scene.sibling), int(scene.sibling), int(SIGABRT)]).map(drop)
        }),
        attack("a sibling's thread aborted", Death, |scene| {
            call(SYS_tkill, &[int(scene.sibling), int(SIGABRT)]).map(drop)
        }),
        attack("itself stopped", Death, |_| {
            let own = int(nix::unistd::getpid().as_raw());
            call(SYS_tgkill, &[own, own, int(SIGSTOP)]).map(drop)
        }),
        attack("its own thread stopped", Death, |_| {
            let own = nix::unistd::gettid().as_raw();
            call(SYS_tkill, &[int(own), int(SIGSTOP)]).map(drop)
        }),
        // What must work: a bug is told from an attack.
        attack("an abort", Abort, |_| std::process::abort()),
        attack("signals by a descriptor's owner", Death, |scene| {
            call(numbers::FCNTL, &[int(scene.fd()), int(F_SETOWN), int(scene.front)]).map(drop)
        }),
        attack("a sibling's limits", Death, |scene| {
            call(SYS_prlimit64, &[int(scene.sibling), int(RLIMIT_CPU as c_int), 0, 0]).map(drop)
        }),
        attack("a sibling's scheduling", Death, |scene| {
            call(SYS_sched_setaffinity, &[int(scene.sibling), 0, 0]).map(drop)
        }),
        // Programs.
        attack("a program", Death, |_| call(SYS_execve, &[path(c"/bin/sh"), 0, 0]).map(drop)),
        attack("a program in memory", Death, |_| {
            let file = call(SYS_memfd_create, &[path(c"x"), 0])?;
            call(SYS_execveat, &[file, path(c""), 0, 0, int(AT_EMPTY_PATH)]).map(drop)
        }),
        #[cfg(target_arch = "x86_64")]
        attack("a child", Death, |_| call(SYS_fork, &[]).map(drop)),
        attack("a child by clone", Death, |_| call(SYS_clone, &[int(SIGCHLD)]).map(drop)),
        attack("a child by clone3", Death, |_| call(SYS_clone3, &[0, 0]).map(drop)),
        // Code.
        attack("memory that runs", Death, |_| {
            let flags = int(MAP_PRIVATE | MAP_ANONYMOUS);
            let kind = int(PROT_READ | PROT_WRITE | PROT_EXEC);
            call(numbers::MMAP, &[0, 4096, kind, flags, -1, 0]).map(drop)
        }),
        attack("memory made to run", Death, |_| {
            let kind = int(PROT_READ | PROT_EXEC);
            call(SYS_mprotect, &[0, 4096, kind]).map(drop)
        }),
        attack("memory made to run by a key", Death, |_| {
            call(SYS_pkey_mprotect, &[0, 4096, int(PROT_EXEC), -1]).map(drop)
        }),
        // Talking.
        attack("a socket to the network", Death, |_| {
            call(SYS_socket, &[int(AF_INET), int(SOCK_STREAM), 0]).map(drop)
        }),
        attack("the admin socket", Death, |scene| {
            let unix = call(SYS_socket, &[int(AF_UNIX), int(SOCK_STREAM), 0])?;
            let name = scene.root.join("admin.sock");
            let mut address = sockaddr_un { sun_family: AF_UNIX as u16, sun_path: [0; 108] };
            for (to, from) in address.sun_path.iter_mut().zip(name.as_os_str().as_bytes()) {
                *to = *from as c_char;
            }
            call(SYS_connect, &[unix, pointer(&address), size_of::<sockaddr_un>() as c_long]).map(drop)
        }),
        attack("a connection on a socket that is there", Death, |_| {
            call(SYS_connect, &[0, 0, 0]).map(drop)
        }),
        attack("a message to an address", Death, |_| {
            let address = sockaddr_un { sun_family: AF_UNIX as u16, sun_path: [0; 108] };
            call(SYS_sendto, &[0, 0, 0, 0, pointer(&address), 110]).map(drop)
        }),
        attack("a descriptor given away", Death, |_| call(SYS_sendmsg, &[0, 0, 0]).map(drop)),
        attack("a pair of sockets", Death, |_| {
            call(SYS_socketpair, &[int(AF_UNIX), int(SOCK_STREAM), 0, 0]).map(drop)
        }),
        attack("a port of its own", Death, |_| call(SYS_bind, &[0, 0, 0]).map(drop)),
        attack("connections taken", Death, |_| call(SYS_accept4, &[0, 0, 0, 0]).map(drop)),
        #[cfg(target_arch = "x86")]
        attack("a socket by the old call", Death, |_| {
            old(1, &[int(AF_UNIX), int(SOCK_STREAM), 0])
        }),
        #[cfg(target_arch = "x86")]
        attack("a connection by the old call", Death, |_| old(3, &[0, 0, 0])),
        #[cfg(target_arch = "x86")]
        attack("a message to an address by the old call", Death, |_| old(11, &[0, 0, 0, 0, 0, 0])),
        #[cfg(target_arch = "x86")]
        attack("a descriptor given away by the old call", Death, |_| old(16, &[0, 0, 0])),
        attack("a terminal's input", TERMINAL, |_| {
            call(SYS_ioctl, &[0, TIOCSTI as c_long, 0]).map(drop)
        }),
    ]
}
