//! Compares the declarations with the target's headers: where one differs, this does not compile. With
//! another layout than libotr's, we and libotr would write over each other's memory.

use core::mem::{offset_of, size_of};

macro_rules! declarations {
    (
        structures { $($c:literal $rust:ident { $($field:ident,)* })* }
        types { $($type:ident,)* }
        constants { $($constant:ident,)* }
    ) => {
        const DECLARED: &[(&str, u64)] = &[
            $(
                (concat!("the headers have another size of ", $c), size_of::<crate::$rust>() as u64),
                $((
                    concat!("the headers have another place of ", stringify!($field), " in ", $c),
                    offset_of!(crate::$rust, $field) as u64,
                ),)*
            )*
            $((concat!("the headers have another size of ", stringify!($type)), size_of::<crate::$type>() as u64),)*
            $((concat!("the headers have another value of ", stringify!($constant)), crate::$constant as u64),)*
        ];
    };
}

include!("declared.rs");
// HEADERS: what build.rs was told by the target's headers, in the same order.
include!(concat!(env!("OUT_DIR"), "/headers.rs"));

/// The first that is not as the headers have it.
#[allow(clippy::indexing_slicing, reason = "in bounds, and at compile time")]
const fn difference(declared: &[(&'static str, u64)], headers: &[u64]) -> Option<&'static str> {
    if declared.len() != headers.len() {
        return Some("the headers were asked for another number of declarations");
    }
    let mut at = 0;
    while at < declared.len() {
        if declared[at].1 != headers[at] {
            return Some(declared[at].0);
        }
        at += 1;
    }
    None
}

#[allow(clippy::panic, reason = "at compile time: it keeps the program from being built")]
const _: () = match difference(DECLARED, HEADERS) {
    None => (),
    Some(what) => panic!("{}", what),
};

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn each_declaration_that_differs_is_found() {
        assert!(DECLARED.len() > 150);
        assert_eq!(difference(DECLARED, HEADERS), None);
        for at in 0..HEADERS.len() {
            let mut headers: Vec<u64> = HEADERS.to_vec();
            headers[at] += 1;
            assert_eq!(difference(DECLARED, &headers), Some(DECLARED[at].0));
        }
        assert!(difference(DECLARED, &HEADERS[1..]).is_some());
    }
}
