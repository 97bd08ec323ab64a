"""An IRC client with OTR by otrd. Type `bob hello` to say hello to bob, and `*otr info` for a command."""
import base64, collections, json, select, socket, sys

path, nick, network, host, port = sys.argv[1:]
DOUBTS = {"security": ["changed"], "unexpected": [True], "repeat": [True]}
held, protected = collections.deque(), set()  # requests without a reply yet; peers that get no clear line

def show(head, *texts):
    print(*(head + " " + "".join(filter(str.isprintable, text)) for text in texts), sep="\n", flush=True)

def doubt(effect):  # before the nick, where nobody but we can write
    return "".join(f"({key}: {is_so}) " for key, is_so in effect.items() if key in DOUBTS and is_so in DOUBTS[key])

def send(to, text):
    irc.sendall(f"PRIVMSG {to} :{text}".translate({0: None, 10: None, 13: None}).encode() + b"\r\n")

def ask(method, **params):  # replies come in the order of the requests
    held.append(params)
    otrd.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")

def meaning(effect, message):  # what is to be done, and with what; not done yet
    match effect:
        case {"do": "pass"} if "from" in message: return show, f"<{message['from'].split('!')[0]}>", message["text"]
        case {"do": "pass"} if message["to"].lower() not in protected: return send, message["to"], message["text"]
        case {"do": "send", "to": to, "text": text}: return send, to, text
        case {"do": "deliver", "from": mask, "text": text}: return show, doubt(effect) + f"<{mask.split('!')[0]}>", text
        case {"do": "echo", "to": to, "text": text}: return show, f"<{nick} to {to}>", text
        case {"do": "print", "text": text}: return show, "<*otr>", text
        case {"do": "table", "columns": head, "rows": rows}: return show, "<*otr>", *map(" | ".join, [head, *rows])
        case {"do": "protect", "peer": peer, "on": on}: return protected.add if on else protected.discard, peer.lower()
        case {"do": "refuse", "to": to, "why": why, "text": text}: return show, f"*** not sent to {to} ({why}):", text

def said_by_otrd(line):  # by itself, or as the reply to a request
    got = json.loads(line, object_hook=lambda o: str(base64.b64decode(o["b64"]), errors="replace") if "b64" in o else o)
    body, message = (got["params"], {}) if "method" in got else (got.get("result", {}), held.popleft())
    protected.update(map(str.lower, body.get("protect", [])))
    steps = [meaning(effect, message) for effect in body.get("effects", [])]
    if "error" in got or None in steps:  # all of it, or nothing but what closes
        steps = [step for step in steps if step and step[0] == protected.add]
        steps.append((show, "*** not sent, or not checked:", f"{message} {got.get('error', '')}"))
    for do, *what in steps:
        do(*what)

def said_on_irc(line):
    match line.removeprefix(":").split(" ", 3):
        case ["PING", token]: irc.sendall(f"PONG {token}\r\n".encode())
        case [_, "001", *_]:
            ask("network", connected=True)
            show("***", "on IRC")
        case [mask, "PRIVMSG", to, text] if to == nick:
            ask("in", **{"from": mask, "kind": "text", "text": text.removeprefix(":")})

def typed(line):
    to, _, text = line.partition(" ")
    ask("command", text=text) if to == "*otr" else ask("out", to=to, kind="text", text=text)

otrd, irc = socket.socket(socket.AF_UNIX), socket.create_connection((host, int(port)))
otrd.connect(path)
ask("hello", version=1, user=nick, network=network)
irc.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode())
takers = {open(0, "rb", 0): typed, irc.makefile("rb", 0): said_on_irc, otrd.makefile("rb", 0): said_by_otrd}
while ready := select.select(takers, [], [])[0]:
    line = ready[0].readline() or sys.exit("a connection has ended")
    takers[ready[0]](line.decode(errors="replace").rstrip("\r\n"))
