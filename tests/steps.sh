# shellcheck shell=bash disable=SC2034,SC2154
# Steps of a test in a throwaway root: what is so, what is not, and otrd and ZNC as their users. To be
# sourced; $bin is where otrd was installed.

step() { printf '\n== %s\n' "$*"; }
ok() { echo "ok: $*"; }
die() { echo "failed: $*" >&2; exit 1; }
# is WHAT COMMAND...: the command succeeds.
is() { local what=$1; shift; if "$@" >/tmp/is 2>&1; then ok "$what"; else cat /tmp/is >&2; die "$what"; fi; }
isnt() { local what=$1; shift; if "$@" >/dev/null 2>&1; then die "$what"; else ok "$what"; fi; }
# eventually WHAT COMMAND...: the command succeeds within 30 s, or as many tenths of a second as $patience says.
eventually() {
    local what=$1 i
    shift
    for ((i = 0; i < ${patience:-300}; i++)); do
        if "$@" >/tmp/is 2>&1; then ok "$what"; return; fi
        sleep 0.1
    done
    cat /tmp/is >&2
    die "$what"
}
apt() { is "apt-get $*" apt-get --quiet=2 --yes --no-install-recommends "$@"; }
connected() { # a module, in the account of the test
    local status
    status=$(otrctl --json status) &&
        [[ $status == *'"network":"net"'* && $status == *'"connected":true'* ]]
}
gone() { ! connected; }
mode() { [[ $(stat --format='%U:%G %a' "$1") == "$2" ]]; }
ends() { # and waits until it has
    local pid=$1
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

# Where the kernel has no Landlock, otrd has to be told so.
landlock=()
grep --quiet landlock /sys/kernel/security/lsm 2>/dev/null || landlock=(--allow-no-landlock)
start_otrd() { # as its unit does
    install -d -o otrd -g otrd -m 700 /var/lib/otrd
    install -d -o otrd -g otrd -m 755 /run/otrd
    setpriv --reuid otrd --regid otrd --init-groups --no-new-privs --bounding-set=-all \
        "$bin/otrd" --system --socket-group otrd "${landlock[@]}" >>/tmp/otrd.log 2>&1 &
    otrd=$!
    eventually 'otrd answers' otrctl status
}
start_znc() {
    setpriv --reuid _znc --regid _znc --init-groups \
        /usr/bin/znc --foreground --datadir /var/lib/znc >>/tmp/znc.log 2>&1 &
    znc=$!
}
# ZNC with the module beside the otrd that answers here: a key is made, and two accounts talk.
talks() {
    local uid
    configure_znc
    start_znc
    eventually 'ZNC has loaded the module, and otrd knows the account' connected
    uid=$(id --user _znc)
    is 'otrctl asks for a key' otrctl --uid "$uid" --account alice/net genkey
    eventually 'the key is made' test -s "/var/lib/otrd/$uid/alice/net/otr.key"
    is 'otrctl doctor finds nothing that fails' otrctl doctor
    is 'and two accounts have talked' bash -c 'otrctl doctor | grep "^ok    key exchange: two throw-away accounts"'
}
stop_znc() {
    ends "$znc"
    eventually 'the module is gone' gone
}
conversation() {
    start_otrd
    talks
    stop_znc
    ends "$otrd"
}
# ZNC with the module, for alice on net, where there is no server.
configure_znc() {
    install -d -o _znc -g _znc -m 700 /var/lib/znc /var/lib/znc/configs
    cat >/var/lib/znc/configs/znc.conf <<'CONF'
Version = 1.8.2
<Listener only>
	Host = 127.0.0.1
	Port = 16667
	IPv4 = true
	IPv6 = false
	SSL = false
</Listener>
<User alice>
	Pass = plain#alice
	Admin = true
	Nick = alice
	<Network net>
		LoadModule = otr
	</Network>
</User>
CONF
    chown -R _znc:_znc /var/lib/znc
}
