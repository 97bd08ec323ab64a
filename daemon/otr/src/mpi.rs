//! Numbers of libgcrypt's, which libotr's allocator wipes when they are released.

use otr_sys::gcry_mpi_t;

/// A number that we must release.
pub(crate) struct Mpi(gcry_mpi_t);

impl Mpi {
    /// Takes over what libgcrypt made; `None` where it made nothing.
    pub(crate) fn ours(number: gcry_mpi_t) -> Option<Mpi> {
        (!number.is_null()).then_some(Mpi(number))
    }

    /// `base` to the power of `exponent`, modulo `modulus`, which is odd.
    pub(crate) fn power(base: &Mpi, exponent: &Mpi, modulus: &Mpi) -> Mpi {
        // SAFETY: makes a number of ours; there is no such thing as failure.
        let power = Mpi(unsafe { otr_sys::gcry_mpi_new(0) });
        // SAFETY: four valid numbers.
        unsafe { otr_sys::gcry_mpi_powm(power.0, base.0, exponent.0, modulus.0) };
        power
    }

    pub(crate) fn is_one(&self) -> bool {
        // SAFETY: a valid number.
        unsafe { otr_sys::gcry_mpi_cmp_ui(self.0, 1) == 0 }
    }

    /// libgcrypt's own primality test: trial division, then 64 rounds of Miller-Rabin with random
    /// bases, so that nobody can prepare a composite number that passes.
    pub(crate) fn is_prime(&self) -> bool {
        // SAFETY: a valid number, which is only read.
        unsafe { otr_sys::gcry_prime_check(self.0, 0) == 0 }
    }

    pub(crate) fn bits(&self) -> u32 {
        // SAFETY: a valid number.
        unsafe { otr_sys::gcry_mpi_get_nbits(self.0) }
    }

    pub(crate) fn is_odd(&self) -> bool {
        // SAFETY: a valid number.
        unsafe { otr_sys::gcry_mpi_test_bit(self.0, 0) != 0 }
    }

    pub(crate) fn exceeds_one(&self) -> bool {
        // SAFETY: a valid number.
        unsafe { otr_sys::gcry_mpi_cmp_ui(self.0, 1) > 0 }
    }

    pub(crate) fn is_less_than(&self, other: &Mpi) -> bool {
        // SAFETY: two valid numbers.
        unsafe { otr_sys::gcry_mpi_cmp(self.0, other.0) < 0 }
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // SAFETY: ours, and released once.
        unsafe { otr_sys::gcry_mpi_release(self.0) };
    }
}
