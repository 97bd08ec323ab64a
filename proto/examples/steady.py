"""An IRC client with OTR by otrd that outlives broken connections. `bob hello` says hello to bob; `/start bob`,
`/finish bob`, `/trust bob` and `/smp bob secret` are methods of PROTOCOL.md."""
import base64, json, re, secrets, select, socket, sys, time

path, nick, network, host, port = sys.argv[1:]
FOLD, KINDS = str.maketrans("[]\\~", "{}|^"), {"PRIVMSG": ("text", "ctcp"), "NOTICE": ("notice", "ctcp_reply")}
DOUBTS = {"security": ["changed"], "unexpected": [True], "repeat": [True]}

class Lines:
    """A socket, read and written line by line; neither waits."""
    def __init__(self, to, address):
        self.socket, self.read, self.unsent = to, b"", b""
        to.connect(address)
        to.setblocking(False)

    def write(self, line):
        self.unsent += line + b"\n"

    def flush(self):
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except OSError:
            pass  # full, or closed: what was said before it closed is read first

    def lines(self):  # nothing more comes: None
        try:
            got = self.socket.recv(65536)
        except ConnectionError:
            return None
        *lines, self.read = (self.read + got).split(b"\n")
        return lines if got else None

def fold(name):
    return name.lower().translate(FOLD)

def show(head, text):
    print(head, "".join(filter(str.isprintable, text)), flush=True)

def decoded(value):
    return base64.b64decode(value["b64"]).decode(errors="surrogateescape") if "b64" in value else value

def encoded(text):
    is_text = "\0" not in text and not any("\udc80" <= char <= "\udcff" for char in text)
    return text if is_text else {"b64": base64.b64encode(text.encode(errors="surrogateescape")).decode()}

class Otrd:
    def __init__(self):
        self.instance, self.id, self.taken, self.acked = secrets.token_hex(16), 0, 0, 0
        self.asked, self.kept = {}, {}  # by id: requests without a reply, in their order; typed texts that wait
        self.closed, self.pending, self.everybody = set(), set(), False
        self.link, self.greeted, self.next_try, self.wait = None, False, 0, 1

    def say(self, method, params, **id):
        self.link.write(json.dumps({"jsonrpc": "2.0", **id, "method": method, "params": params}).encode())

    def connect(self):
        self.greeted, self.next_try, self.wait = False, time.monotonic() + self.wait, min(2 * self.wait, 60)
        try:
            self.link = Lines(socket.socket(socket.AF_UNIX), path)
        except OSError:
            return
        self.id += 1
        self.say("hello", dict(version=1, user=nick, network=network, instance=self.instance, ack=self.taken,
                               want=["state"]), id=self.id)

    def ask(self, method, params):  # waits for a connection where there is none; never asked twice of one worker
        if len(self.asked) >= 500:
            return undone(method, params, "otrd does not answer")
        self.id += 1
        self.asked[self.id] = method, params
        if self.greeted:
            self.say(method, {name: encoded(value) if name in ("text", "secret") else value
                              for name, value in params.items()}, id=self.id)

    def hear(self, line):
        got = json.loads(line, object_hook=decoded)
        if got.get("method") == "bye":
            return got["params"].get("reconnect", True) or sys.exit("another connection has this account now")
        if not self.greeted:
            return self.greet(got)
        self.taken += 1
        body, (method, params) = got.get("params"), ("effects", {})
        if body is None:
            body, (method, params) = got.get("result", {}), self.asked.pop(got["id"], ("effects", {}))
        steps = [self.meaning(effect, method, params, got.get("id")) for effect in body.get("effects", [])]
        if "error" in got or None in steps:  # all of a list, or nothing but what closes and what comes back
            why = got.get("error", {}).get("message", "not understood")
            for effect in body.get("effects", []):
                if effect.get("do") == "protect" and effect.get("on") and effect.get("peer"):
                    self.protect(**effect)
                if effect.get("of") in self.kept:
                    undone("out", self.kept.pop(effect["of"]), why)
            return undone(method, params, why)
        for do, *what in steps:
            do(*what)

    def greet(self, got):
        if "error" in got:
            return got["error"]["code"] in (-32006, -32008, -32603) or sys.exit(got["error"]["message"])
        reply, self.greeted, self.wait = got["result"], True, 1
        self.closed.update(map(fold, reply["protect"]))
        self.pending, self.everybody = set(map(fold, reply.get("pending", []))), reply.get("everybody", False)
        last, asked = reply.get("last_processed"), self.asked
        self.asked = {id: asked[id] for id in asked if last is not None and id <= last}  # their replies come again
        unread = [asked[id] for id in asked if id not in self.asked]
        if last is None:  # another worker: it knows nothing of what was typed
            self.taken = self.acked = 0
            for params in self.kept.values():
                undone("out", params, "the conversation was interrupted")
            self.kept.clear()
        unread = [("network", {"connected": on_irc})] + [one for one in unread if one[0] != "network"]
        for method, params in unread:
            if last is None and method not in ("network", "in", "nick", "quit", "join"):
                undone(method, params, "the connection to otrd broke")
            else:
                self.ask(method, params)

    def protect(self, peer, on, pending=False, by_user=False, **_):
        (self.pending if pending else self.closed).add(fold(peer)) if on else self.pending.discard(fold(peer))
        if by_user and not on:
            self.closed.discard(fold(peer))

    def passes(self, params):
        if self.everybody or fold(params["to"]) in self.closed | self.pending:
            return undone("out", params, "nothing goes there in clear")
        send(**params)

    def meaning(self, effect, method, params, id):  # what is to be done, and with what; not done yet
        match effect:
            case {"do": "pass"} if method == "in": return show, f"<{params['from'].split('!')[0]}>", params["text"]
            case {"do": "pass"} if method == "out": return self.passes, params
            case {"do": "hold"} if method == "out": return self.kept.__setitem__, id, params
            case {"do": "send", "to": to, "kind": kind, "text": text}: return send, to, kind, text
            case {"do": "deliver", "from": mask, "text": text}:
                doubts = "".join(f"({key}) " for key in DOUBTS if effect.get(key) in DOUBTS[key])
                return show, f"{doubts}<{mask.split('!')[0]}>", text
            case {"do": "echo", "to": to, "text": text}: return self.settle, effect, f"<{nick} to {to}>", text
            case {"do": "refuse", "to": to, "why": why, "text": text}:
                return self.settle, effect, f"*** not sent to {to} ({why}):", text
            case {"do": "print", "text": text}: return show, "<*otr>", text
            case {"do": "table", "columns": columns, "rows": rows}:
                return show, "<*otr>", " / ".join(map(" | ".join, [columns, *rows]))
            case {"do": "protect", "peer": _, "on": _}: return (lambda: self.protect(**effect),)
            case {"do": "state", "peer": peer, "state": state, "trust": trust}:
                return show, f"--- {peer}:", f"{state} {trust}"

    def settle(self, effect, head, text):  # a typed text went out, or came back
        self.kept.pop(effect.get("of"), None)
        show(head, text)

def undone(method, params, why):
    if method == "in" and not params["text"].startswith("?OTR"):
        show(f"*** not checked ({why}): <{params['from'].split('!')[0]}>", params["text"])
    elif method == "out":
        show(f"*** not sent to {params['to']} ({why}):", params["text"])
    elif method != "in":
        show("***", f"not done ({why}): {method} {params.get('peer', '')}")

def send(to, kind, text):
    text = text.translate({0: None, 10: None, 13: None})
    text = {"action": f"\1ACTION {text}\1", "ctcp": f"\1{text}\1", "ctcp_reply": f"\1{text}\1"}.get(kind, text)
    verb = "NOTICE" if kind in KINDS["NOTICE"] else "PRIVMSG"
    irc.write(f"{verb} {to} :{text}\r".encode(errors="surrogateescape"))

def said_on_irc(line):
    global on_irc
    mask, verb, to, text = (line.rstrip("\r").removeprefix(":").split(" ", 3) + [""] * 3)[:4]
    who, text = mask.split("!")[0], text.removeprefix(":")
    if mask == "PING":
        irc.write(f"PONG {verb}\r".encode())
    elif verb == "001":
        on_irc = True
        otrd.ask("network", {"connected": True})
        show("***", "on IRC")
    elif verb in KINDS and to == nick and "!" in mask:
        kind, text = KINDS[verb][text[:1] == "\1"], text.strip("\1")
        kind, text = ("action", text[7:]) if kind == "ctcp" and text.startswith("ACTION ") else (kind, text)
        otrd.ask("in", {"from": mask, "kind": kind, "text": text})
    elif verb == "NICK":  # who is guarded stays so under the new name, from this line on
        for guarded in (otrd.closed, otrd.pending):
            guarded.update({fold(to.removeprefix(":"))} if fold(who) in guarded else ())
        otrd.ask("nick", {"old": who, "new": to.removeprefix(":")})
    elif verb in ("QUIT", "JOIN") and who != nick:
        otrd.ask(verb.lower(), {"nick": who})

def typed(line):
    word, _, rest = line.partition(" ")
    peer, _, secret = rest.partition(" ")
    if word.startswith("/"):
        otrd.ask(word[1:], {"peer": peer, "secret": secret} if secret else {"peer": peer})
    elif not re.fullmatch(r"[\w\[\]\\`^{|}-]+", word):  # a server may take bob@server for bob
        undone("out", {"to": word, "text": rest}, "that is no nick")
    else:
        otrd.ask("out", {"to": word, "kind": "text", "text": rest})

on_irc, otrd, irc = False, Otrd(), Lines(socket.socket(), (host, int(port)))
irc.write(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r".encode())
while True:
    if not otrd.link and time.monotonic() >= otrd.next_try:
        otrd.connect()
    links = {link.socket: link for link in (irc, otrd.link) if link}
    unsent = [link for link in links if links[link].unsent]
    ready, room, _ = select.select([0, *links], unsent, [], 1)
    if 0 in ready:
        typed((sys.stdin.buffer.raw.readline() or sys.exit(0)).decode(errors="surrogateescape").rstrip("\n"))
    for one in set(ready) - {0}:
        lines, is_irc = links[one].lines(), links[one] is irc
        for line in lines or []:
            said_on_irc(line.decode(errors="surrogateescape")) if is_irc else otrd.hear(line)
        if lines is None:
            otrd.link, otrd.greeted = sys.exit("IRC has ended") if is_irc else None, False
    if otrd.greeted and otrd.taken != otrd.acked and (not ready or otrd.taken - otrd.acked >= 100):
        otrd.acked = otrd.taken
        otrd.say("ack", {"ack": otrd.taken})
    for one in room:
        links[one].flush()
