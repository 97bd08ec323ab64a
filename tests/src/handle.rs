//! The numbers that clients in the test itself have for others.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Always the same one for a nick: these clients know people by nothing else.
pub fn handle(nick: &str) -> otr::Handle {
    let mut hasher = DefaultHasher::new();
    nick.hash(&mut hasher);
    otr::Handle::new(hasher.finish())
}
