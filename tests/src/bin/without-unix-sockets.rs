//! Becomes a program that cannot make Unix sockets, as a unit with RestrictAddressFamilies= (97,
//! EAFNOSUPPORT) or a filter of system calls (1, EPERM) has it.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let errno = arguments.next().and_then(|number| number.to_str()?.parse().ok());
    let errno: u32 = errno.expect("an errno");
    let program = arguments.next().expect("a program");
    let family = u64::from(nix::sys::socket::AddressFamily::Unix as u16);
    let is_unix = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family);
    let rule = SeccompRule::new(vec![is_unix.expect("a condition")]).expect("a rule");
    let filter = SeccompFilter::new(
        BTreeMap::from([(number_of_socket(), vec![rule])]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        std::env::consts::ARCH.try_into().expect("an architecture"),
    );
    let filter: BpfProgram = filter.and_then(TryInto::try_into).expect("a filter");
    seccompiler::apply_filter(&filter).expect("seccomp");
    let error = Command::new(program).args(arguments).exec();
    panic!("{error}");
}

/// socket(2)
fn number_of_socket() -> i64 {
    if cfg!(target_arch = "x86_64") { 41 } else { 198 }
}
