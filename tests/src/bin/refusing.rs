//! Becomes a program to which the kernel refuses a system call: `refusing CALL ERRNO PROGRAM…`. So do
//! the filters of a unit (`unix`, the socket of that family: EAFNOSUPPORT or EPERM), those of containers
//! (EPERM), and kernels without the call (ENOSYS).

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let call = arguments.next().and_then(|name| name.into_string().ok()).expect("a call");
    let errno = arguments.next().and_then(|number| number.to_str()?.parse().ok());
    let errno: u32 = errno.expect("an errno");
    let program = arguments.next().expect("a program");
    let (rules, errno) = (BTreeMap::from([refused(&call)]), SeccompAction::Errno(errno));
    let filter = confine::processor::program(|processor| {
        SeccompFilter::new(rules, SeccompAction::Allow, errno, processor)
    });
    seccompiler::apply_filter(&filter.expect("a filter")).expect("seccomp");
    let error = Command::new(program).args(arguments).exec();
    panic!("{error}");
}

/// The number of a call, and what fits its arguments; nothing stands for all of them.
fn refused(call: &str) -> (i64, Vec<SeccompRule>) {
    match call {
        "unix" => {
            let family = u64::from(nix::sys::socket::AddressFamily::Unix as u16);
            let is = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family);
            let rule = is.and_then(|is| SeccompRule::new(vec![is])).expect("a rule");
            of(libc::SYS_socket, vec![rule])
        }
        "close_range" => of(libc::SYS_close_range, Vec::new()),
        "landlock" => of(libc::SYS_landlock_create_ruleset, Vec::new()),
        "memfd_create" => of(libc::SYS_memfd_create, Vec::new()),
        "mlockall" => of(libc::SYS_mlockall, Vec::new()),
        other => panic!("no such call: {other}"),
    }
}

fn of(number: impl Into<i64>, rules: Vec<SeccompRule>) -> (i64, Vec<SeccompRule>) {
    (number.into(), rules)
}
