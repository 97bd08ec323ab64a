//! A module and an otrd that were not made together.

use super::messages::{Message, Phrase};

/// Says so where the module is older or newer than we are. It works all the same: what could
/// be unsafe has another version of the protocol, and is refused at hello.
pub(super) fn difference(module: &str) -> Option<Message> {
    between(env!("CARGO_PKG_VERSION"), module)
}

/// Only versions like ours are compared: what else calls itself something has its own reasons.
fn between(daemon: &str, module: &str) -> Option<Message> {
    let (own, other) = (numbers(daemon)?, numbers(module)?);
    let older = match own.cmp(&other) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => Phrase::OlderModule {},
        std::cmp::Ordering::Less => Phrase::OlderDaemon {},
    };
    let (daemon, module, older) = (daemon.to_owned(), module.to_owned(), older.into());
    Some(Message::VersionsDiffer { daemon, module, older })
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn the_older_one_is_named() {
        let said = between("0.10.0", "0.9.12").map(|said| said.text()).unwrap_or_default();
        assert!(said.starts_with("otrd 0.10.0, module 0.9.12: "), "{said}");
        assert!(said.contains("the module (package znc-otrd)"), "{said}");
        let said = between("0.9.12", "0.10.0").map(|said| said.text()).unwrap_or_default();
        assert!(said.contains("otrd (package otrd)"), "{said}");
    }

    #[test]
    fn the_same_and_the_strange_are_no_news() {
        for module in [
            "0.1.0",
            "",
            "0",
            "0.1",
            "0.1.0.0",
            "0.2.0-rc1",
            "+0.2.0",
            "demo.py",
            "99999999999.0.0",
        ] {
            assert_eq!(between("0.1.0", module), None, "{module}");
        }
    }
}
