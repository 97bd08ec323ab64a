//! What is said by typed methods instead of in a line of text, to the real otrd; the real module
//! performs what comes of it.

use otrd_tests::{Alone, Rpc};
use serde_json::{Value, json};

/// On alice's account.
fn with(scene: &Alone, mut params: Value) -> Value {
    let uid = scene.znc.uid();
    params["account"] = json!({"uid": uid, "user": "alice", "network": "net"});
    params
}

/// What `*otr` says to it.
#[track_caller]
fn says(scene: &Alone, admin: &mut Rpc, method: &str, params: Value) -> String {
    let output = admin.call(method, with(scene, params))["output"].clone();
    output[0]["text"].as_str().unwrap_or_else(|| panic!("{method}: {output}")).to_owned()
}

#[test]
fn an_admins_typed_methods_do_what_a_users_words_do() {
    let (scene, bob) = Alone::private();
    let mut admin = scene.otrd.admin();
    scene.alice.otr("listen");
    let told = |start: &str| {
        scene.alice.expect(&format!("OTR {start}"), |line| {
            let words = line.params.iter().map(|param| String::from_utf8_lossy(param));
            line.command == "OTR" && words.collect::<Vec<_>>().join(" ").starts_with(start)
        });
    };
    told("bob private none");

    let state = admin.call("state", with(&scene, json!({})));
    let (peer, key) = (&state["peers"][0], &state["fingerprints"][0]);
    assert_eq!((&peer["peer"], &peer["state"]), (&json!("bob"), &json!("private")), "{state}");
    assert_eq!((&peer["rule"], &key["in_use"]), (&json!("the default"), &json!(true)), "{state}");
    let fingerprint = bob.fingerprint().replace(' ', "").to_uppercase();
    assert_eq!(
        (&peer["fingerprint"], &key["fingerprint"]),
        (&json!(fingerprint), &json!(fingerprint))
    );
    assert_eq!(state["key"]["state"], "ready");
    assert!(state["versions"]["znc"].is_string(), "{state}");

    let trust = json!({"peer": "bob", "fingerprint": fingerprint});
    assert!(says(&scene, &mut admin, "trust", trust).ends_with("trusted!"));
    told("bob private manual");
    assert!(says(&scene, &mut admin, "distrust", json!({"peer": "bob"})).ends_with("not trusted."));
    told("bob private none");

    let secret = with(&scene, json!({"peer": "bob", "secret": "rosebud"}));
    let output = admin.call("smp", secret)["output"].clone();
    let text = "[bob] Initiated authentication.";
    assert_eq!(
        output,
        json!([{"do": "print", "text": text, "peer": "bob", "code": "auth_initiated"}])
    );
    bob.told("asked alice");
    bob.auths("alice", "rosebud");
    told("bob private secret");

    let required = json!({"pattern": "b*", "policy": "required"});
    assert_eq!(says(&scene, &mut admin, "policy", required), "Policy for b*: required.");
    let state = admin.call("state", with(&scene, json!({})));
    assert_eq!(state["peers"][0]["rule"], "policy b*");
    assert_eq!(state["policies"], json!([{"pattern": "b*", "policy": "required"}]));
    let default = json!({"pattern": "b*", "policy": "default"});
    assert_eq!(says(&scene, &mut admin, "policy", default), "Policy for b*: back to the default.");

    says(&scene, &mut admin, "finish", json!({"peer": "bob"}));
    told("bob clear none");
    scene.alice.types_to("bob", "in clear again");
    bob.reads_clear("alice", "in clear again");

    for (method, params) in [
        ("smp", json!({"peer": "bob", "secret": ""})),
        ("trust", json!({})),
        ("finish", json!({"peer": "bob", "all": true})),
        ("policy", json!({"pattern": "b*", "policy": "sometimes"})),
    ] {
        assert_eq!(
            admin.error_code(method, with(&scene, params.clone())),
            -32602,
            "{method} {params}"
        );
        assert_eq!(admin.error_code(method, params), -32602, "{method} of no account");
    }
    let nobody = json!({"peer": "bob", "account": {"user": "nobody", "network": "net"}});
    assert_eq!(admin.error_code("start", nobody), -32005);
}
