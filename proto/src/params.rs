//! The parameters of a request as a type, and which member of them is wrong: looked for only after
//! they were refused.

use crate::jsonrpc::{Code, Error, Request};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroizing;

/// No method has so many members; of a line with more of them none is named.
const MAX_MEMBERS: usize = 32;

impl Request<'_> {
    /// The parameters as a type. Only named parameters are spoken here.
    ///
    /// # Errors
    /// [`Code::InvalidParams`], which names the member where it can be told; never what was sent.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let raw = self.raw_params().unwrap_or("{}");
        if !raw.starts_with('{') {
            return Err(Code::InvalidParams.into());
        }
        serde_json::from_str(raw).map_err(|_| explain::<T>(raw))
    }
}

/// Says which member made `T` refuse the parameters. Repeats nothing of what was sent but a
/// member's name.
fn explain<T: DeserializeOwned>(raw: &str) -> Error {
    match guilty::<T>(raw) {
        Some(Fault::Missing(name)) => Error::new(
            Code::InvalidParams,
            format!("params lack the member {name}: see PROTOCOL.md"),
        ),
        Some(Fault::Wrong(name)) => Error::new(
            Code::InvalidParams,
            format!("params do not fit the method, in the member {name}: see PROTOCOL.md"),
        ),
        None => Code::InvalidParams.into(),
    }
}

enum Fault {
    Missing(String),
    Wrong(String),
}

/// Members are added one by one, until something else is wrong than that another one is missing.
fn guilty<T: DeserializeOwned>(raw: &str) -> Option<Fault> {
    let Members(members) = serde_json::from_str(raw).ok()?;
    if members.len() > MAX_MEMBERS {
        return None;
    }
    let fits = |members: &[Member<'_>]| serde_json::from_str::<T>(&object(members)).is_ok();
    let mut missing = missing_in::<T>("{}");
    for length in 1..=members.len() {
        let some = members.get(..length)?;
        missing = missing_in::<T>(&object(some));
        if missing.is_some() || fits(some) {
            continue;
        }
        // The last one, unless all is well without one before it: some types look at their
        // members in an order of their own.
        let without = |at: &usize| {
            let others = some.iter().enumerate().filter(|(other, _)| other != at);
            fits(&others.map(|(_, member)| member.clone()).collect::<Vec<_>>())
        };
        let at = (0..length).find(without).unwrap_or(length - 1);
        let (name, _) = some.get(at)?;
        let known = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        return known.then(|| Fault::Wrong(name.clone().into_owned()));
    }
    missing.map(Fault::Missing)
}

/// As JSON, which may hold a secret: it is written into memory that is large enough, and wiped.
fn object(members: &[Member<'_>]) -> Zeroizing<String> {
    let names = members.iter().map(|(name, value)| {
        // A name always is a string.
        (serde_json::to_string(name).unwrap_or_default(), value.get())
    });
    let names: Vec<(String, &str)> = names.collect();
    let length = names.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>() + 2;
    let mut json = Zeroizing::new(String::with_capacity(length));
    json.push('{');
    for (at, (name, value)) in names.iter().enumerate() {
        json.push_str(if at == 0 { "" } else { "," });
        json.push_str(name);
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    json
}

/// The member that serde misses. Such a name is one of ours.
fn missing_in<T: DeserializeOwned>(object: &str) -> Option<String> {
    let error = serde_json::from_str::<T>(object).err()?.to_string();
    let (name, _) = error.strip_prefix("missing field `")?.split_once('`')?;
    Some(name.to_owned())
}

/// A name and its value.
type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// An object's members in their order, also those that come twice.
struct Members<'a>(Vec<Member<'a>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    let value = map.next_value()?;
                    // One more than are looked at tells that there are too many.
                    if members.len() <= MAX_MEMBERS {
                        members.push((name, value));
                    }
                }
                Ok(Members(members))
            }
        }

        input.deserialize_map(MembersVisitor)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use crate::admin;
    use crate::jsonrpc::{self, Message};
    use crate::shim;

    fn message(method: &str, params: &str, admin: bool) -> String {
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let Ok(Message::Single(request)) = jsonrpc::parse(line.as_bytes()) else {
            panic!("{line}");
        };
        let refused = match admin {
            true => admin::Call::parse(&request).err(),
            false => shim::Call::parse(&request).err(),
        };
        refused.unwrap_or_else(|| panic!("{line}")).message.into_owned()
    }

    #[test]
    fn the_member_that_is_wrong_is_named() {
        let account = r#""account":{"user":"alice","network":"libera"}"#;
        for (method, params, name) in [
            ("out", r#"{"to":"bob\r\n","kind":"text","text":"hi"}"#, "to"),
            ("out", r#"{"to":"bob","kind":"shout","text":"hi"}"#, "kind"),
            ("out", r#"{"text":{"b64":"?"},"to":"bob","kind":"text"}"#, "text"),
            ("out", r#"{"to":"bob","kind":"text","text":"hi","client":-1}"#, "client"),
            ("out", r#"{"to":5,"kind":6,"text":7}"#, "to"),
            ("out", r#"{"to":"bob","to":"bob","kind":"text","text":"hi"}"#, "to"),
            ("in", r#"{"from":"no mask","kind":"text","text":"hi"}"#, "from"),
            ("nick", r#"{"old":"bob","new":""}"#, "new"),
            ("network", r#"{"connected":"yes"}"#, "connected"),
            ("network", r#"{"connected":true,"linelen":-1}"#, "linelen"),
            ("ack", r#"{"ack":1.5}"#, "ack"),
        ] {
            let wanted =
                format!("params do not fit the method, in the member {name}: see PROTOCOL.md");
            assert_eq!(message(method, params, false), wanted, "{params}");
        }
        for (method, params, name) in [
            ("out", r#"{"kind":"text","text":"hi"}"#, "to"),
            ("out", r#"{"to":"bob","kind":"text"}"#, "text"),
            ("nick", r#"{"new":"bob"}"#, "old"),
            ("command", "{}", "text"),
        ] {
            let wanted = format!("params lack the member {name}: see PROTOCOL.md");
            assert_eq!(message(method, params, false), wanted, "{params}");
        }
        for (method, params, name) in [
            ("command", format!("{{{account},\"text\":5}}"), "text"),
            ("command", r#"{"account":{"user":"a/b","network":"x"},"text":""}"#.into(), "account"),
            ("import", format!("{{{account},\"overwrite\":\"yes\"}}"), "overwrite"),
            ("import", format!("{{\"check\":1,{account}}}"), "check"),
            ("encryption", r#"{"at_rest":"rot13"}"#.into(), "at_rest"),
        ] {
            let wanted =
                format!("params do not fit the method, in the member {name}: see PROTOCOL.md");
            assert_eq!(message(method, &params, true), wanted, "{params}");
        }
        assert!(message("export", "{}", true).contains("lack the member account"));
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let whole = "params do not fit the method: see PROTOCOL.md";
        assert_eq!(message("out", r#"["bob","text","hi"]"#, false), whole);
        // Too many to be looked at one by one.
        let many: String = (0..40).map(|n| format!("\"m{n}\":0,")).collect();
        assert_eq!(message("out", &format!("{{{many}\"to\":5}}"), false), whole);
        let secret = r#"{"to":"bob","kind":"text","text":{"b64":"hunter2!"}}"#;
        assert!(!message("out", secret, false).contains("hunter2"));
    }
}
