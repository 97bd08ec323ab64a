//! seccomp: the system calls that are left, by their numbers and arguments.

use crate::processor;
use libc::Ioctl;
use seccompiler::{
    BackendError, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use std::collections::BTreeMap;

/// What a list allows of one system call: with these arguments only, each an alternative; with none
/// of them, whatever the arguments.
pub type Alternatives = Vec<Vec<Argument>>;

/// What an argument has to be.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    index: u8,
    length: Length,
    operator: Operator,
    value: u64,
}

/// How much of it counts.
#[derive(Clone, Copy, Debug)]
enum Length {
    /// Descriptors, flags and commands: the upper half is not looked at by the kernel either.
    Int,
    /// As long as a pointer, on this processor.
    Long,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Equal,
    /// Equal to the value in these bits.
    Masked(u64),
}

/// What becomes of a system call that is not on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It ends the process.
    Kills,
    /// It does not exist (ENOSYS), so that libraries take the older way where there is one.
    IsMissing,
}

/// Why the filter is not in force.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list makes no filter.
    #[error(transparent)]
    List(#[from] BackendError),
    /// There is none for this processor.
    #[error(transparent)]
    Processor(#[from] processor::Error),
    /// The kernel does not take it.
    #[error(transparent)]
    Kernel(#[from] seccompiler::Error),
}

impl Argument {
    /// The argument has to be exactly this number, compared as 32 bits.
    pub fn int(index: u8, value: i32) -> Self {
        Self { index, length: Length::Int, operator: Operator::Equal, value: bits(value) }
    }

    /// This number in these bits.
    pub fn masked(index: u8, mask: i32, value: i32) -> Self {
        Self { operator: Operator::Masked(bits(mask)), ..Self::int(index, value) }
    }

    /// This request of ioctl(2), whose type differs from one C library to the other. The kernel looks at 32
    /// bits of it.
    pub fn request(index: u8, request: Ioctl) -> Self {
        Self { value: u64::from(request as u32), ..Self::int(index, 0) }
    }

    /// The null pointer.
    pub fn null(index: u8) -> Self {
        Self { index, length: Length::Long, operator: Operator::Equal, value: 0 }
    }

    fn condition(self) -> Result<SeccompCondition, BackendError> {
        let length = match self.length {
            Length::Int => SeccompCmpArgLen::Dword,
            Length::Long => SeccompCmpArgLen::Qword,
        };
        let operator = match self.operator {
            Operator::Equal => SeccompCmpOp::Eq,
            Operator::Masked(bits) => SeccompCmpOp::MaskedEq(bits),
        };
        SeccompCondition::new(self.index, length, operator, self.value)
    }
}

/// Forbids this thread, and all that it will start, every system call that is not listed. One that is
/// listed more than once is allowed with the arguments of all its entries.
pub fn restrict(
    listed: impl IntoIterator<Item = (impl Into<i64>, Alternatives)>,
    unlisted: Unlisted,
) -> Result<(), Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (number, alternatives) in listed {
        let of_number = rules.entry(number.into()).or_default();
        for arguments in alternatives {
            let conditions = arguments.into_iter().map(Argument::condition);
            of_number.push(SeccompRule::new(conditions.collect::<Result<_, _>>()?)?);
        }
    }
    let other = match unlisted {
        Unlisted::Kills => SeccompAction::KillProcess,
        Unlisted::IsMissing => missing(),
    };
    install(rules, SeccompAction::Allow, other)
}

/// Makes these system calls missing (ENOSYS), even if [`restrict`] allows them: of the answers of several
/// filters the strictest counts, and to end the process is stricter.
pub fn refuse(calls: impl IntoIterator<Item = impl Into<i64>>) -> Result<(), Error> {
    let rules = calls.into_iter().map(|number| (number.into(), Vec::new())).collect();
    install(rules, missing(), SeccompAction::Allow)
}

fn missing() -> SeccompAction {
    SeccompAction::Errno(libc::ENOSYS.unsigned_abs())
}

fn install(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    listed: SeccompAction,
    other: SeccompAction,
) -> Result<(), Error> {
    let program =
        processor::program(|processor| SeccompFilter::new(rules, other, listed, processor))?;
    Ok(apply_filter(&program)?)
}

/// The 32 bits of a number, as seccomp compares them.
fn bits(value: i32) -> u64 {
    u64::from(u32::from_ne_bytes(value.to_ne_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::numbers;
    use libc::c_long;
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use std::fs::File;

    /// Above what any processor has.
    const NUMBERS: std::ops::Range<c_long> = 0..480;

    /// All but one, with what is said of it instead.
    fn all_but(number: c_long, alternatives: Option<Alternatives>) -> Vec<(c_long, Alternatives)> {
        let others = NUMBERS.filter(|it| *it != number).map(|it| (it, Vec::new()));
        others.chain(alternatives.map(|it| (number, it))).collect()
    }

    /// In a thread of its own, which alone is confined.
    fn within<T: Send + 'static>(
        listed: Vec<(c_long, Alternatives)>,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let confined = std::thread::spawn(move || {
            restrict(listed, Unlisted::IsMissing).unwrap();
            run()
        });
        confined.join().unwrap()
    }

    #[test]
    fn what_is_not_listed_is_missing() {
        let made = || nix::sys::prctl::get_dumpable().map(drop);
        assert_eq!(made(), Ok(()));
        assert_eq!(within(all_but(libc::SYS_prctl, None), made), Err(Errno::ENOSYS));
        assert_eq!(within(all_but(libc::SYS_prctl, Some(Vec::new())), made), Ok(()));
    }

    #[test]
    fn what_is_refused_is_missing_whatever_is_allowed() {
        let confined = std::thread::spawn(|| {
            refuse([libc::SYS_getcwd]).unwrap();
            restrict(NUMBERS.map(|it| (it, Vec::new())), Unlisted::Kills).unwrap();
            nix::unistd::getcwd().map(drop)
        });
        assert_eq!(confined.join().unwrap(), Err(Errno::ENOSYS));
    }

    #[test]
    fn arguments_are_alternatives() {
        let file = File::open("/dev/null").unwrap();
        let asks = move || {
            [FcntlArg::F_GETFD, FcntlArg::F_GETFL, FcntlArg::F_GETPIPE_SZ]
                .map(|what| fcntl(&file, what).err())
        };
        let commands = [libc::F_GETFD, libc::F_GETFL].map(|it| vec![Argument::int(1, it)]);
        let got = within(all_but(numbers::FCNTL, Some(commands.into())), asks);
        assert_eq!(got, [None, None, Some(Errno::ENOSYS)]);
    }

    #[test]
    fn bits_and_all_conditions_of_an_alternative_count() {
        let file = File::open("/dev/null").unwrap();
        let asks =
            move || [FcntlArg::F_GETFD, FcntlArg::F_GETFL].map(|what| fcntl(&file, what).is_ok());
        // F_GETFD is 1, F_GETFL 3: they differ in the second bit.
        let even = vec![vec![Argument::masked(1, 2, 0), Argument::masked(1, 1, 1)]];
        assert_eq!(within(all_but(numbers::FCNTL, Some(even)), asks), [true, false]);
    }

    #[test]
    fn negative_numbers_and_pointers_are_compared_whole() {
        assert_eq!(bits(-1), u64::from(u32::MAX));
        assert_eq!(bits(libc::AT_FDCWD), 0xffff_ff9c);
        assert_eq!(Argument::request(1, libc::TCGETS).value, 0x5401);
    }
}
