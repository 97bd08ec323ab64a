"""Two users of a ZNC on this host talk: for tests/containers. `begin`, or `again` after otrd was replaced."""

import socket
import sys


class Client:
    """A user's client, attached to ZNC."""

    def __init__(self, user):
        self.user = user
        self.socket = socket.create_connection(("127.0.0.1", 16667), timeout=90)
        self.lines = self.socket.makefile("r", encoding="utf-8", errors="replace")
        self.says(f"PASS {user}/net:{user}", f"NICK {user}", f"USER {user} 0 * :{user}")

    def says(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def sees(self, *parts):
        seen = []
        try:
            for line in self.lines:
                seen.append(line)
                if all(part in line for part in parts):
                    return seen
        except TimeoutError:
            pass
        sys.exit(f"{self.user} did not see {parts}, but\n" + "".join(seen))


alice, bob = Client("alice"), Client("bob")
for one in (alice, bob):
    one.sees(" 376 ")  # on IRC: ZNC connects one of them every 30 s
if sys.argv[1] == "begin":
    alice.says("PRIVMSG bob :?OTR?")
    alice.sees("*otr", "[bob]", "private now")
    bob.sees("*otr", "[alice]", "private now")
    alice.says("PRIVMSG bob :from one container to another")
    bob.sees(":alice!", "PRIVMSG bob :from one container to another")
else:
    # otrd was stopped and is another one: what was private stays closed until it is private again.
    alice.says("PRIVMSG bob :in clear", "PRIVMSG *otr :start bob")
    alice.sees("*otr", "[bob]", "private now")
    alice.says("PRIVMSG bob :there again")
    seen = bob.sees(":alice!", "PRIVMSG bob :there again")
    if any("in clear" in line and "NOT ENCRYPTED" in line for line in seen):
        sys.exit("what was typed went out in clear")
