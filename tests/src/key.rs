//! Key files, as libotr writes them. In one of some hundreds a number is a string and no
//! hexadecimal digits, so they are bytes here and no text.

/// A key file for an account of this name. All hold the same throwaway key: to make one takes a processor a
/// tenth of a second and more, and each test is a process.
pub fn key_file(account: &str) -> Vec<u8> {
    key_file_of("bob", account)
}

/// The same with the throwaway key of bob, carol or mallory.
#[track_caller]
pub fn key_file_of(owner: &str, account: &str) -> Vec<u8> {
    let key: &[u8] = match owner {
        "bob" => include_bytes!("../keys/bob.key"),
        "carol" => include_bytes!("../keys/carol.key"),
        "mallory" => include_bytes!("../keys/mallory.key"),
        _ => panic!("{owner} has no key"),
    };
    replaced(key, owner, account)
}

/// A key file with other words in it, such as another account's name.
#[track_caller]
pub fn replaced(key: &[u8], old: &str, new: &str) -> Vec<u8> {
    let place = key.windows(old.len()).position(|part| part == old.as_bytes());
    let (before, after) = key.split_at(place.expect("the old words"));
    [before, new.as_bytes(), &after[old.len()..]].concat()
}

/// The private number in a key file, without what stands around it.
#[track_caller]
pub fn private_number(key: &[u8]) -> Vec<u8> {
    let mut lines = key.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let number = lines.find_map(|line| line.strip_prefix(b"(x ")).expect("the private number");
    let end = number.iter().rposition(|byte| *byte == b')').expect("its end");
    let number = match &number[..end] {
        [b'#', digits @ .., b'#'] => digits.strip_prefix(b"00").unwrap_or(digits),
        [b'"', text @ .., b'"'] => text,
        token => token,
    };
    assert!(number.len() >= 16, "{} bytes are no private number", number.len());
    number.to_vec()
}

/// Whether a content has these bytes in it, be their letters large or small.
pub fn holds(content: &[u8], wanted: &[u8]) -> bool {
    assert!(!wanted.is_empty(), "everything holds nothing");
    content.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_number_is_found_in_each_of_its_forms() {
        let digits = b"00F1E2D3C4B5A6978877665544332211009A8B7C6D";
        for (written, number) in [
            ([b"#".as_slice(), digits, b"#"].concat(), &digits[2..]),
            (b"\"looks \\r\xe9 like # text\"".to_vec(), b"looks \\r\xe9 like # text"),
            (b"just-letters-of-a-number".to_vec(), b"just-letters-of-a-number"),
        ] {
            let key = [b"  (y #00AA#)\n     (x ".as_slice(), &written, b")\n     )\n"].concat();
            assert_eq!(private_number(&key), number);
            assert!(holds(&key.to_ascii_lowercase(), number));
        }
    }
}
