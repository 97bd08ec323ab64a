//! Numbers of system calls whose names differ between processors: each is the one that the C library
//! makes. A 32-bit processor has many of them twice; the later one has room for long files, or for times
//! after 2038.

#[cfg(not(target_arch = "riscv64"))]
pub use libc::SYS_renameat as RENAMEAT;
#[cfg(target_arch = "riscv64")]
pub use libc::SYS_renameat2 as RENAMEAT;
#[cfg(target_pointer_width = "32")]
pub use libc::{
    SYS__llseek as LSEEK, SYS_fcntl64 as FCNTL, SYS_fstat64 as FSTAT, SYS_fstatat64 as FSTATAT,
    SYS_mmap2 as MMAP,
};
#[cfg(target_pointer_width = "64")]
pub use libc::{
    SYS_fcntl as FCNTL, SYS_fstat as FSTAT, SYS_lseek as LSEEK, SYS_mmap as MMAP,
    SYS_newfstatat as FSTATAT,
};
#[cfg(target_pointer_width = "32")]
pub use time64::*;

/// Libraries make these or the older ones.
#[cfg(target_pointer_width = "32")]
#[allow(missing_docs, reason = "the names are the kernel's")]
mod time64 {
    use libc::c_long;
    use linux_raw_sys::general as kernel;

    pub const CLOCK_GETRES_TIME64: c_long = kernel::__NR_clock_getres_time64 as c_long;
    pub const CLOCK_GETTIME64: c_long = kernel::__NR_clock_gettime64 as c_long;
    pub const CLOCK_NANOSLEEP_TIME64: c_long = kernel::__NR_clock_nanosleep_time64 as c_long;
    pub const FUTEX_TIME64: c_long = kernel::__NR_futex_time64 as c_long;
    pub const PPOLL_TIME64: c_long = kernel::__NR_ppoll_time64 as c_long;
}

/// Where a thread has its own variables: the beginning of every program. Of `asm/unistd.h`; no crate
/// has it.
#[cfg(target_arch = "arm")]
pub const ARM_SET_TLS: libc::c_long = 0x0f_0005;

/// What socketcall(2) is asked for. All but that is in memory, which a filter does not see.
#[cfg(target_arch = "x86")]
#[allow(missing_docs, reason = "the names are the kernel's")]
pub mod socketcall {
    use linux_raw_sys::net as kernel;

    pub const ACCEPT4: i32 = kernel::SYS_ACCEPT4 as i32;
    pub const CONNECT: i32 = kernel::SYS_CONNECT as i32;
    pub const GETPEERNAME: i32 = kernel::SYS_GETPEERNAME as i32;
    pub const GETSOCKNAME: i32 = kernel::SYS_GETSOCKNAME as i32;
    pub const GETSOCKOPT: i32 = kernel::SYS_GETSOCKOPT as i32;
    pub const RECV: i32 = kernel::SYS_RECV as i32;
    pub const RECVFROM: i32 = kernel::SYS_RECVFROM as i32;
    pub const RECVMSG: i32 = kernel::SYS_RECVMSG as i32;
    pub const SEND: i32 = kernel::SYS_SEND as i32;
    pub const SENDMSG: i32 = kernel::SYS_SENDMSG as i32;
    pub const SENDTO: i32 = kernel::SYS_SENDTO as i32;
    pub const SETSOCKOPT: i32 = kernel::SYS_SETSOCKOPT as i32;
    pub const SHUTDOWN: i32 = kernel::SYS_SHUTDOWN as i32;
    pub const SOCKET: i32 = kernel::SYS_SOCKET as i32;
    pub const SOCKETPAIR: i32 = kernel::SYS_SOCKETPAIR as i32;
}
