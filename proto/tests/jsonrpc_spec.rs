//! Section 7 of <https://www.jsonrpc.org/specification>, example by example.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proto::jsonrpc::{Code, Error, Request, serve};
use serde_json::{Value, json};

/// The methods of the specification's examples.
fn call(request: &Request<'_>) -> Result<Value, Error> {
    let params: Value = match request.raw_params() {
        Some(raw) => serde_json::from_str(raw).map_err(|_| Code::InvalidParams)?,
        None => Value::Null,
    };
    match request.method.as_ref() {
        "subtract" => {
            let (a, b) = (&params["minuend"], &params["subtrahend"]);
            let (a, b) = if params.is_array() { (&params[0], &params[1]) } else { (a, b) };
            let difference = a.as_i64().zip(b.as_i64()).map(|(a, b)| a - b);
            difference.map(Value::from).ok_or_else(|| Code::InvalidParams.into())
        }
        "sum" => {
            let numbers = params.as_array().ok_or(Code::InvalidParams)?;
            Ok(numbers.iter().filter_map(Value::as_i64).sum::<i64>().into())
        }
        "get_data" => Ok(json!(["hello", 5])),
        "update" | "notify_hello" | "notify_sum" => Ok(Value::Null),
        _ => Err(Code::MethodNotFound.into()),
    }
}

/// Answers a line and compares, the wording of messages aside, which the specification leaves open.
#[track_caller]
fn example(line: &str, expected: Option<Value>) {
    let mut out = Vec::new();
    serve(line.as_bytes(), &mut out, call);
    let Some(expected) = expected else {
        assert!(out.is_empty());
        return;
    };
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
    let mut answer: Value = serde_json::from_slice(&out).unwrap();
    let strip = |reply: &mut Value| {
        if let Some(error) = reply.get_mut("error") {
            assert!(error["message"].is_string());
            error.as_object_mut().unwrap().remove("message");
        }
    };
    match &mut answer {
        Value::Array(replies) => replies.iter_mut().for_each(strip),
        single => strip(single),
    }
    assert_eq!(answer, expected);
}

fn result(result: impl Into<Value>, id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "result": result.into(), "id": id.into()})
}

fn error(code: i32, id: Value) -> Value {
    json!({"jsonrpc": "2.0", "error": {"code": code}, "id": id})
}

#[test]
fn positional_parameters() {
    example(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        Some(result(19, 1)),
    );
    example(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        Some(result(-19, 2)),
    );
}

#[test]
fn named_parameters() {
    example(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        Some(result(19, 3)),
    );
    example(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        Some(result(19, 4)),
    );
}

#[test]
fn notifications() {
    example(r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, None);
    example(r#"{"jsonrpc": "2.0", "method": "foobar"}"#, None);
}

#[test]
fn non_existent_method() {
    example(
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        Some(error(-32601, json!("1"))),
    );
}

#[test]
fn invalid_json() {
    example(
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        Some(error(-32700, Value::Null)),
    );
}

#[test]
fn invalid_request_object() {
    example(
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        Some(error(-32600, Value::Null)),
    );
}

#[test]
fn batch_of_invalid_json() {
    example(
        r#"[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]"#,
        Some(error(-32700, Value::Null)),
    );
}

#[test]
fn empty_batch() {
    example("[]", Some(error(-32600, Value::Null)));
}

#[test]
fn invalid_batch_that_is_not_empty() {
    example("[1]", Some(json!([error(-32600, Value::Null)])));
}

#[test]
fn invalid_batch() {
    let invalid = error(-32600, Value::Null);
    example("[1,2,3]", Some(json!([invalid, invalid, invalid])));
}

#[test]
fn batch() {
    let line = r#"[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]"#;
    let expected = json!([
        result(7, "1"),
        result(19, "2"),
        error(-32600, Value::Null),
        error(-32601, json!("5")),
        result(json!(["hello", 5]), "9"),
    ]);
    example(line, Some(expected));
}

#[test]
fn batch_of_notifications() {
    let line = r#"[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]"#;
    example(line, None);
}

#[test]
fn a_batch_is_bounded() {
    let of = |members: usize| format!("[{}]", vec!["1"; members].join(","));
    let invalid = error(-32600, Value::Null);
    example(&of(proto::jsonrpc::MAX_BATCH), Some(json!(vec![&invalid; 64])));
    example(&of(proto::jsonrpc::MAX_BATCH + 1), Some(invalid));
}
