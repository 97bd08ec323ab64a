//! Filters for this processor. A BPF program first compares the processor that a call is for
//! (AUDIT_ARCH): a 64-bit kernel takes calls of 32-bit programs, which have other numbers, from any program.
//!
//! seccompiler knows no 32-bit processor. Nothing but that comparison depends on it, for the kernel hands
//! over arguments in 64 bits on all processors (`struct seccomp_data` of `linux/seccomp.h`): so a program is
//! made for a 64-bit processor, and the comparison changed to the right one.

use seccompiler::{BackendError, BpfProgram, SeccompFilter, TargetArch, sock_filter};

/// This processor, where seccompiler does not know it.
#[cfg(target_arch = "x86")]
const UNKNOWN: Option<u32> = Some(linux_raw_sys::ptrace::AUDIT_ARCH_I386);
/// This processor, where seccompiler does not know it.
#[cfg(all(target_arch = "arm", target_endian = "little"))]
const UNKNOWN: Option<u32> = Some(linux_raw_sys::ptrace::AUDIT_ARCH_ARM);
/// This processor, where seccompiler does not know it.
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const UNKNOWN: Option<u32> = None;

/// In place of an unknown one. It has the lower half of a number first, too.
const STAND_IN: TargetArch = TargetArch::x86_64;

/// How a program for that one begins: the processor, four bytes in, is loaded and compared.
const LOADED: sock_filter = sock_filter { code: 0x20, jt: 0, jf: 0, k: 4 };
const COMPARED: sock_filter = sock_filter { code: 0x15, jt: 1, jf: 0, k: 0xc000_003e };

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter makes none.
    #[error(transparent)]
    Filter(#[from] BackendError),
    /// It does not begin as programs do.
    #[error("no filter for this processor")]
    Beginning,
}

/// The program of a filter.
///
/// # Errors
/// Where the filter makes none, or there is none for this processor.
pub fn program(
    filter: impl FnOnce(TargetArch) -> Result<SeccompFilter, BackendError>,
) -> Result<BpfProgram, Error> {
    let Some(processor) = UNKNOWN else {
        return Ok(filter(std::env::consts::ARCH.try_into()?)?.try_into()?);
    };
    for_processor(processor, filter(STAND_IN)?.try_into()?)
}

fn for_processor(processor: u32, mut program: BpfProgram) -> Result<BpfProgram, Error> {
    match program.as_mut_slice() {
        [first, second, ..] if *first == LOADED && *second == COMPARED => second.k = processor,
        _ => return Err(Error::Beginning),
    }
    Ok(program)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use seccompiler::SeccompAction;

    fn made_for(processor: TargetArch) -> BpfProgram {
        let rules = [(1, Vec::new()), (2, Vec::new())].into();
        let (other, listed) = (SeccompAction::KillProcess, SeccompAction::Allow);
        SeccompFilter::new(rules, other, listed, processor).unwrap().try_into().unwrap()
    }

    #[test]
    fn only_the_processor_differs() {
        let before = made_for(STAND_IN);
        let after = for_processor(0x4000_0003, before.clone()).unwrap();
        let differ = |at: &usize| before.get(*at) != after.get(*at);
        let differences: Vec<usize> = (0..before.len().max(after.len())).filter(differ).collect();
        assert_eq!(differences, [1]);
        assert_eq!(after.get(1).unwrap().k, 0x4000_0003);
    }

    #[test]
    fn a_program_that_begins_otherwise_is_refused() {
        for program in [Vec::new(), made_for(TargetArch::aarch64), made_for(STAND_IN).split_off(1)]
        {
            assert!(matches!(for_processor(1, program), Err(Error::Beginning)));
        }
    }
}
