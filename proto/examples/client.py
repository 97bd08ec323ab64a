#!/usr/bin/env python3
"""An IRC client with OTR by otrd: client.py SOCKET NICK NETWORK HOST PORT
Type `bob hello` to say hello to bob, and `*otr info` for a command."""
import base64, collections, json, os, select, socket, sys

path, nick, network, host, port = sys.argv[1:]
EFFECTS = {"pass": "", "send": "to kind text", "deliver": "from kind text", "echo": "to kind text", "print": "text",
           "table": "columns rows", "protect": "peer on", "refuse": "to why text"}
held, protected = collections.deque(), set()  # requests without a reply yet; peers that get no clear line

def plain(text):  # a text as one line
    text = text if isinstance(text, str) else base64.b64decode(text["b64"]).decode(errors="replace")
    return text.translate({13: None, 10: None, 0: None})

def ask(message, method, **params):  # replies come in the order of the requests
    held.append(message)
    otrd.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")

def typed(line):
    to, _, text = line.partition(" ")
    if to == "*otr":
        ask({}, "command", text=text)
    else:
        ask({"to": to, "text": text}, "out", to=to, kind="text", text=text)

def said_on_irc(line):
    head, _, text = line.removeprefix(":").partition(" :")
    mask, command, target = (head.split(" ") + ["", ""])[:3]
    if mask == "PING":
        irc.sendall(f"PONG :{text}\r\n".encode())
    elif command in ("376", "422"):  # we are on IRC
        ask({}, "network", connected=True)
        print(f"*** {nick} is on IRC", flush=True)
    elif command == "PRIVMSG" and target == nick:
        ask({"from": mask, "text": text}, "in", **{"from": mask}, kind="text", text=text)

def said_by_otrd(line):
    reply = json.loads(line)
    message = {} if "method" in reply else held.popleft()
    if reply.get("method") == "bye":
        sys.exit("otrd says bye")
    body = reply.get("params") or reply.get("result") or {}
    protected.update(peer.lower() for peer in body.get("protect", []))
    effects = body.get("effects", [])
    if "error" in reply or not all(e.keys() >= set(EFFECTS.get(e["do"], "?").split()) for e in effects):
        print("*** not sent, or not checked:", message, reply.get("error"), flush=True)  # all of it, or nothing
        effects = []
    for e in effects:
        kind, to = e["do"], e.get("to") or message.get("to")
        if kind == "send" or kind == "pass" and to and to.lower() not in protected:
            irc.sendall(f"PRIVMSG {to} :{plain(e.get('text') or message['text'])}\r\n".encode())
        elif kind == "deliver" or kind == "pass" and "from" in message:
            mask = e.get("from") or message["from"]
            print(f"<{mask.split('!')[0]}> {plain(e.get('text') or message['text'])}", flush=True)
        elif kind == "protect":
            (protected.add if e["on"] else protected.discard)(e["peer"].lower())
        elif kind == "refuse" or kind == "pass":
            print(f"*** not sent to {to}:", plain(e.get("text") or message["text"]), flush=True)
        elif kind in ("print", "table"):
            for row in [e["text"]] if kind == "print" else map(" | ".join, [e["columns"]] + e["rows"]):
                print(f"<*otr> {plain(row)}", flush=True)

otrd = socket.socket(socket.AF_UNIX)
otrd.connect(path)
ask({}, "hello", version=1, user=nick, network=network)
irc = socket.create_connection((host, int(port)))
irc.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode())
sources, rest = {0: typed, irc.fileno(): said_on_irc, otrd.fileno(): said_by_otrd}, collections.defaultdict(bytes)
while True:
    for source in select.select(list(sources), [], [])[0]:
        chunk = os.read(source, 65536) or sys.exit(f"end of {sources[source].__name__}")
        *lines, rest[source] = (rest[source] + chunk).split(b"\n")
        for line in lines:
            sources[source](line.decode(errors="replace").rstrip("\r"))
