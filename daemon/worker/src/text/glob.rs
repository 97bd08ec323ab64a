//! Nick patterns with `*` and `?`, on folded nicks.

/// Whether a folded nick fits a folded pattern. Linear in time and space.
pub fn matches(pattern: &[u8], nick: &[u8]) -> bool {
    // Where to go on when what stands behind the last star does not fit after all.
    let mut star: Option<(usize, usize)> = None;
    let (mut p, mut n) = (0, 0);
    while let Some(&byte) = nick.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(&want) if want == b'?' || want == byte => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    p = behind;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&b| b == b'*')
}

/// How much a pattern says: the more bytes it fixes, the more specific it is; a `?` says less
/// than a letter and more than a `*`.
pub fn specificity(pattern: &[u8]) -> (usize, usize) {
    let letters = pattern.iter().filter(|b| !b"*?".contains(b)).count();
    let single = pattern.iter().filter(|&&b| b == b'?').count();
    (letters, single)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, nick, fits) in [
            ("guest*", "guest42", true),
            ("guest*", "guest", true),
            ("guest*", "aguest", false),
            ("*serv", "nickserv", true),
            ("*serv", "nickservx", false),
            ("b?b", "bob", true),
            ("b?b", "bb", false),
            ("*", "", true),
            ("a*b*c", "axxbxbc", true),
            ("a*b*c", "axxbxb", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), nick.as_bytes()), fits, "{pattern} on {nick}");
        }
    }

    #[test]
    fn the_more_letters_the_more_specific() {
        assert!(specificity(b"bob") > specificity(b"bo*"));
        assert!(specificity(b"bo?") > specificity(b"bo*"));
        assert!(specificity(b"b*") > specificity(b"*"));
    }
}
