//! Nicks as the module keeps them: in its registry, nobody reads whose they are.

use sha2::{Digest, Sha256};

/// A nick as the module keeps it.
pub fn hash(salt: &str, folded: &[u8]) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(folded).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::shim::guard;

    #[test]
    fn a_hash_is_the_beginning_of_the_sum_of_salt_and_nick() {
        // printf saltbob | sha256sum
        assert_eq!(hash("salt", &guard::fold(b"BOB")), "07a2341cc0c47680c9c518fc4c5b003d");
    }
}
