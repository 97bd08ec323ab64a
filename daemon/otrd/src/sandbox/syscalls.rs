//! seccomp: the system calls that are left to the front and to a worker that starts. Any other
//! does not exist for them, so that libraries take the older way where there is one.

use confine::numbers;
use confine::seccomp::{Alternatives, Argument, Error, Unlisted};
use libc::*;

/// Calls that are allowed whatever their arguments.
#[rustfmt::skip]
const PLAIN: &[c_long] = &[
    // Memory.
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mlockall, SYS_getrandom, SYS_memfd_create,
    // Files and directories. Which, Landlock decides.
    SYS_openat, SYS_close, SYS_close_range, SYS_read, SYS_readv, SYS_pread64, SYS_write,
    SYS_writev, numbers::LSEEK, numbers::FSTAT, numbers::FSTATAT, SYS_statx, SYS_faccessat,
    SYS_readlinkat, SYS_getdents64, SYS_mkdirat, SYS_unlinkat, numbers::RENAMEAT, SYS_linkat, SYS_fsync,
    SYS_flock, SYS_fchmod, SYS_getcwd, SYS_chdir, SYS_umask,
    // Descriptors and events.
    SYS_dup, SYS_dup3, SYS_pipe2, SYS_eventfd2, SYS_epoll_create1, SYS_epoll_ctl,
    SYS_epoll_pwait, SYS_ppoll,
    // Sockets that are there already, or come in.
    SYS_accept4, SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername, SYS_shutdown,
    SYS_connect, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
    // Processes: our own, and those that we start. Which programs, Landlock decides.
    SYS_execve, SYS_wait4, SYS_waitid, SYS_pidfd_open, SYS_setpgid, SYS_getpid, SYS_getppid,
    SYS_gettid, SYS_geteuid, SYS_getuid, SYS_getegid, SYS_getgid, SYS_getrusage, SYS_exit,
    SYS_exit_group, SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_futex,
    SYS_sched_getaffinity, SYS_sched_yield,
    // Signals and time.
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_clock_gettime, SYS_gettimeofday, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep,
    // A worker confines itself.
    SYS_seccomp, SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self,
];

/// Older calls, which other processors do not have.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLD: &[c_long] = &[
    SYS_access, SYS_arch_prctl, SYS_dup2, SYS_epoll_wait, SYS_mkdir, SYS_open, SYS_poll,
    SYS_readlink, SYS_rename, SYS_rmdir, SYS_stat, SYS_lstat, SYS_time, SYS_unlink,
];
#[cfg(target_pointer_width = "32")]
#[rustfmt::skip]
const OLD: &[c_long] = &[
    SYS_access, SYS_dup2, SYS_epoll_wait, SYS_lstat64, SYS_mkdir, SYS_open,
    SYS_poll, SYS_readlink, SYS_rename, SYS_rmdir, SYS_sigreturn, SYS_stat64, SYS_unlink,
    // Users and groups of 32 bits, and limits above 2 GB.
    SYS_getuid32, SYS_geteuid32, SYS_getgid32, SYS_getegid32, SYS_ugetrlimit,
];
#[cfg(not(any(target_arch = "x86_64", target_pointer_width = "32")))]
const OLD: &[c_long] = &[];

/// Of one processor alone: where each thread has its own variables, and times after 2038.
#[cfg(target_pointer_width = "64")]
const OWN: &[c_long] = &[];
#[cfg(target_arch = "arm")]
#[rustfmt::skip]
const OWN: &[c_long] = &[
    numbers::ARM_SET_TLS, SYS_send, SYS_recv, numbers::CLOCK_GETTIME64,
    numbers::CLOCK_GETRES_TIME64, numbers::CLOCK_NANOSLEEP_TIME64, numbers::FUTEX_TIME64,
    numbers::PPOLL_TIME64,
];
#[cfg(target_arch = "x86")]
#[rustfmt::skip]
const OWN: &[c_long] = &[
    SYS_set_thread_area, SYS_time, SYS_waitpid, numbers::CLOCK_GETTIME64,
    numbers::CLOCK_GETRES_TIME64, numbers::CLOCK_NANOSLEEP_TIME64, numbers::FUTEX_TIME64,
    numbers::PPOLL_TIME64,
];

#[cfg(target_arch = "x86")]
#[rustfmt::skip]
const BY_SOCKETCALL: &[i32] = {
    use numbers::socketcall::*;
    &[
        SOCKET, SOCKETPAIR, CONNECT, ACCEPT4, GETSOCKNAME, GETPEERNAME, GETSOCKOPT, SETSOCKOPT,
        SHUTDOWN, SEND, SENDTO, SENDMSG, RECV, RECVFROM, RECVMSG,
    ]
};

/// Every flag of clone(2) that makes a namespace.
const NAMESPACES: i32 = CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET;

/// Forbids every system call that is not on the list above.
pub fn restrict() -> Result<(), Error> {
    let plain = [PLAIN, OLD, OWN].into_iter().flatten().map(|&number| (number, Vec::new()));
    confine::seccomp::restrict(plain.chain(with_arguments()), Unlisted::IsMissing)
}

/// Calls that are allowed with some arguments, each list an alternative.
fn with_arguments() -> Vec<(c_long, Alternatives)> {
    let unix = || vec![vec![Argument::int(0, AF_UNIX)]];
    let one_of =
        |index, values: &[i32]| values.iter().map(|&v| vec![Argument::int(index, v)]).collect();
    vec![
        // No network.
        (SYS_socket, unix()),
        (SYS_socketpair, unix()),
        // The C library asks for sockets by this call, whose other arguments a filter does not see. No
        // name, no port, nobody let in; TCP Landlock forbids.
        #[cfg(target_arch = "x86")]
        (SYS_socketcall, one_of(0, BY_SOCKETCALL)),
        // No namespace. clone3, whose flags cannot be seen from here, does not exist.
        (SYS_clone, vec![vec![Argument::masked(0, NAMESPACES, 0)]]),
        // No memory that is written and then run; the code of libraries is mapped from files.
        (
            numbers::MMAP,
            vec![
                vec![Argument::masked(2, PROT_EXEC, 0)],
                vec![
                    Argument::masked(2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
                    Argument::masked(3, MAP_ANONYMOUS, 0),
                ],
            ],
        ),
        (SYS_mprotect, vec![vec![Argument::masked(2, PROT_EXEC, 0)]]),
        // A worker that does not end is killed; a bug aborts.
        (SYS_kill, vec![vec![Argument::int(1, SIGKILL)]]),
        (SYS_pidfd_send_signal, vec![vec![Argument::int(1, SIGKILL)]]),
        (SYS_tgkill, vec![vec![Argument::int(2, SIGABRT)]]),
        // Our own limits.
        (SYS_prlimit64, vec![vec![Argument::int(0, 0)]]),
        (
            SYS_prctl,
            one_of(0, &[PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_PDEATHSIG]),
        ),
        (
            numbers::FCNTL,
            one_of(
                1,
                &[F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS],
            ),
        ),
        // Not blocking, and whether a descriptor is a terminal.
        (
            SYS_ioctl,
            [FIONBIO, FIOCLEX, TCGETS].map(|request| vec![Argument::request(1, request)]).into(),
        ),
    ]
}
