//! Whether a number of a peer's is prime. libgcrypt's `gcry_prime_check` says so, too; it takes
//! several times as long, and any stranger can make us ask.
//!
//! A peer chooses its numbers, and may have looked long for one that passes for a prime. So there
//! are two tests: Baillie-PSW in its form of 2021, for which nobody has such a number, and
//! Miller-Rabin with bases that nobody can foresee, for which a number that is none passes with a
//! chance of at most 4 to the power of -[`ROUNDS`].

use crypto_bigint::{Odd, U192};
use crypto_primes::hazmat::MillerRabin;
use crypto_primes::{Flavor, is_prime as passes_baillie_psw};

const ROUNDS: usize = 32;

/// Whether this is a prime of so many bits; most significant byte first.
pub(crate) fn is_prime(bytes: &[u8], bits: u32) -> bool {
    // A small number could divide one of the bases.
    debug_assert!(bits >= 64);
    let Some(number) = number(bytes).filter(|number| number.bit_width_vartime() == bits) else {
        return false;
    };
    let Some(odd) = Option::<Odd<U192>>::from(Odd::new(number)) else { return false };
    passes_baillie_psw(Flavor::Any, &number) && passes_unforeseen_bases(odd)
}

fn passes_unforeseen_bases(number: Odd<U192>) -> bool {
    let test = MillerRabin::new(number);
    unforeseen().iter().all(|base| {
        let base = U192::from_be_slice(base).rem_vartime(number.as_nz_ref());
        test.test(&base).is_probably_prime()
    })
}

fn number(bytes: &[u8]) -> Option<U192> {
    let bytes = bytes.get(bytes.iter().take_while(|byte| **byte == 0).count()..)?;
    let mut whole = [0; U192::BYTES];
    let start = whole.len().checked_sub(bytes.len())?;
    whole.get_mut(start..)?.copy_from_slice(bytes);
    Some(U192::from_be_slice(&whole))
}

/// Longer than q by 32 bits, so that the remainders are as good as even.
fn unforeseen() -> [[u8; U192::BYTES]; ROUNDS] {
    let mut bases = [[0; U192::BYTES]; ROUNDS];
    let length = size_of_val(&bases);
    // SAFETY: so many bytes can be written to.
    unsafe { otr_sys::gcry_create_nonce(bases.as_mut_ptr().cast(), length) };
    bases
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    unsafe extern "C" {
        fn gcry_prime_check(x: otr_sys::gcry_mpi_t, flags: u32) -> otr_sys::gcry_error_t;
        fn gcry_mpi_scan(
            number: *mut otr_sys::gcry_mpi_t,
            format: i32,
            buffer: *const std::ffi::c_void,
            length: usize,
            read: *mut usize,
        ) -> otr_sys::gcry_error_t;
    }

    /// What libgcrypt says.
    fn libgcrypt_says(bytes: &[u8]) -> bool {
        crate::init().unwrap();
        let mut number = std::ptr::null_mut();
        // SAFETY: the buffer is as long as said, the number is ours until it is released.
        unsafe {
            let (format, nowhere) = (otr_sys::GCRYMPI_FMT_USG, std::ptr::null_mut());
            let error =
                gcry_mpi_scan(&mut number, format, bytes.as_ptr().cast(), bytes.len(), nowhere);
            assert_eq!(error, 0);
            let error = gcry_prime_check(number, 0);
            otr_sys::gcry_mpi_release(number);
            error == 0
        }
    }

    fn bytes(number: &U192) -> Vec<u8> {
        number.to_be_bytes().as_ref().to_vec()
    }

    #[test]
    fn the_greatest_prime_below_a_power_of_two_is_one() {
        crate::init().unwrap();
        // 2^160 - 47 and 2^159 - 91.
        for (power, less) in [(160, 47_u8), (159, 91)] {
            let prime = U192::ONE.shl_vartime(power).wrapping_sub(&U192::from(less));
            assert!(is_prime(&bytes(&prime), power) && libgcrypt_says(&bytes(&prime)));
            let other = prime.wrapping_add(&U192::from(2_u8));
            assert!(!is_prime(&bytes(&other), power) && !libgcrypt_says(&bytes(&other)));
        }
    }

    #[test]
    fn zeros_before_a_number_change_nothing() {
        crate::init().unwrap();
        let mut prime = [0xff; 20];
        prime[19] = 0xd1;
        assert!(is_prime(&prime, 160));
        for zeros in [1, 4, 40] {
            assert!(is_prime(&[&vec![0; zeros], &prime[..]].concat(), 160));
        }
    }

    #[test]
    fn what_is_empty_even_or_of_another_length_is_not() {
        crate::init().unwrap();
        assert!(!is_prime(&[], 160) && !is_prime(&[0], 160) && !is_prime(&[0xff; 25], 160));
        let mut number = [0xff; 20];
        number[19] = 0xd1;
        assert!(!is_prime(&number, 159) && !is_prime(&number[1..], 160));
        number[19] = 0xd0;
        assert!(!is_prime(&number, 160));
    }

    /// Of all numbers that are none, (2k+1)(4k+1) of two primes passes for the most bases where k
    /// is odd: nearly every fourth.
    #[test]
    fn the_numbers_that_pass_most_often_pass_neither_test() {
        crate::init().unwrap();
        let mut found = 0;
        for k in ((1_u64 << 38) + 1..(1 << 38) + 40_000).step_by(2) {
            let factors = [2 * k + 1, 4 * k + 1].map(U192::from);
            if factors.iter().all(|factor| passes_baillie_psw(Flavor::Any, factor)) {
                let [one, other] = factors;
                let product = one.wrapping_mul(&other);
                assert!(!is_prime(&bytes(&product), product.bit_width_vartime()));
                assert!(
                    !passes_unforeseen_bases(Odd::new(product).unwrap()),
                    "{one} times {other}"
                );
                found += 1;
            }
        }
        assert!(found > 10, "only {found}");
    }

    #[test]
    fn no_base_comes_twice() {
        crate::init().unwrap();
        let bases: HashSet<_> = unforeseen().into_iter().chain(unforeseen()).collect();
        assert_eq!(bases.len(), 2 * ROUNDS);
    }

    proptest! {
        #[test]
        fn libgcrypt_says_the_same(mut random: [u8; 20], next_prime: bool) {
            crate::init().unwrap();
            random[0] |= 0x80;
            random[19] |= 1;
            // One of 55 is prime by chance.
            while next_prime && !libgcrypt_says(&random) {
                let Some(next) = random[19].checked_add(2) else { break };
                random[19] = next;
            }
            prop_assert_eq!(is_prime(&random, 160), libgcrypt_says(&random));
        }
    }
}
