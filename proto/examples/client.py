"""An IRC client with OTR by otrd. Type `bob hello` to say hello to bob, and `*otr info` for a command."""
import base64, collections, json, re, select, socket, sys

path, nick, network, host, port = sys.argv[1:]
DOUBTS = {"security": ["changed"], "unexpected": [True], "repeat": [True]}
held, closed, pending = collections.deque(), set(), set()  # requests without a reply; who gets no clear line

def show(head, *texts):
    print(*(head + " " + "".join(filter(str.isprintable, text)) for text in texts), sep="\n", flush=True)

def doubt(effect):  # before the nick, where nobody but we can write
    return "".join(f"({key}: {is_so}) " for key, is_so in effect.items() if key in DOUBTS and is_so in DOUBTS[key])

def who(mask):
    return mask.split("!")[0]

def fold(name):
    return name.lower().translate(str.maketrans("[]\\~", "{}|^"))

def send(to, text):
    irc.sendall(f"PRIVMSG {to} :{text}".translate({0: None, 10: None, 13: None}).encode() + b"\r\n")

def passes(message):
    guarded = {fold(message["to"]), "*"} & (closed | pending)
    undone("nothing goes there in clear", message) if guarded else send(message["to"], message["text"])

def undone(why, message):  # it comes back, or is shown unchecked; what is encrypted are no words
    match message:
        case {"to": to, "text": text}: show(f"*** not sent to {to} ({why}):", text)
        case {"from": mask, "text": text} if text[:4] != "?OTR": show(f"*** not checked ({why}): <{who(mask)}>", text)
        case _: show("***", f"not done ({why})")

def protect(effect):
    peer = {fold(effect["peer"])}
    if effect["on"]:
        (pending if effect.get("pending") else closed).update(peer)
    else:
        pending.difference_update(peer)
        closed.difference_update(peer if effect.get("by_user") else ())

def ask(method, **params):  # replies come in the order of the requests
    if len(held) > 500:
        return undone("otrd does not answer", params)
    held.append(params)
    otrd.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")

def meaning(effect, message):  # what is to be done, and with what; not done yet
    match effect:
        case {"do": "pass"} if "from" in message: return show, f"<{who(message['from'])}>", message["text"]
        case {"do": "pass"} if "to" in message: return passes, message
        case {"do": "send", "to": to, "text": text}: return send, to, text
        case {"do": "deliver", "from": mask, "text": text}: return show, f"{doubt(effect)}<{who(mask)}>", text
        case {"do": "echo", "to": to, "text": text}: return show, f"<{nick} to {to}>", text
        case {"do": "print", "text": text}: return show, "<*otr>", text
        case {"do": "table", "columns": head, "rows": rows}: return show, "<*otr>", *map(" | ".join, [head, *rows])
        case {"do": "protect", "peer": _, "on": _}: return protect, effect
        case {"do": "refuse", "to": to, "why": why, "text": text}: return show, f"*** not sent to {to} ({why}):", text

def said_by_otrd(line):  # by itself, or as the reply to a request
    got = json.loads(line, object_hook=lambda o: str(base64.b64decode(o["b64"]), errors="replace") if "b64" in o else o)
    body, message = (got["params"], {}) if "method" in got else (got.get("result", {}), held.popleft())
    closed.update(map(fold, body.get("protect", [])), ["*"] if body.get("everybody") else [])
    pending.update(map(fold, body.get("pending", [])))
    steps = [meaning(effect, message) for effect in body.get("effects", [])]
    if "error" in got or None in steps:  # all of it, or nothing but what closes
        steps = [step for step in steps if step and step[0] == protect and step[1]["on"]]
        steps.append((undone, got.get("error", {}).get("message", "not understood"), message))
    for do, *what in steps:
        do(*what)

def said_on_irc(line):
    match line.removeprefix(":").split(" ", 3):
        case ["PING", token]: irc.sendall(f"PONG {token}\r\n".encode())
        case [_, "001", *_]:
            ask("network", connected=True)
            show("***", "on IRC")
        case [mask, "PRIVMSG", to, text] if to == nick and not text.startswith(":\1"):
            ask("in", **{"from": mask, "kind": "text", "text": text.removeprefix(":")})
        case [mask, "NICK", new]:  # who is guarded stays so under the new name, from this line on
            for peers in closed, pending:
                peers.update([fold(new.removeprefix(":"))] if fold(who(mask)) in peers else [])
            ask("nick", old=who(mask), new=new.removeprefix(":"))
        case [mask, "QUIT" | "JOIN" as verb, *_] if who(mask) != nick: ask(verb.lower(), nick=who(mask))

def typed(line):
    to, _, text = line.partition(" ")
    if to == "*otr":
        ask("command", text=text)
    elif re.fullmatch(r"[\w\[\]\\`^{|}-]+", to):  # a server may take bob@server for bob
        ask("out", to=to, kind="text", text=text)
    else:
        undone("that is no nick", {"to": to, "text": text})

otrd, irc = socket.socket(socket.AF_UNIX), socket.create_connection((host, int(port)))
otrd.connect(path)
ask("hello", version=1, user=nick, network=network)
irc.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode())
takers = {open(0, "rb", 0): typed, irc.makefile("rb", 0): said_on_irc, otrd.makefile("rb", 0): said_by_otrd}
try:
    while ready := select.select(takers, [], [])[0]:
        line = ready[0].readline() or sys.exit("a connection has ended")
        takers[ready[0]](line.decode(errors="replace").rstrip("\r\n"))
finally:
    for message in held:
        undone("a connection has ended", message)
