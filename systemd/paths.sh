# shellcheck shell=bash disable=SC2034
# Sourced by install and uninstall: where everything goes, and which service manager is here. Like these two
# it needs bash, util-linux's setpriv, and busybox's programs or better ones. otrd and otrctl find their
# places by proto/src/paths.rs.

user=''
DESTDIR=${DESTDIR:-}

find_places() {
    if [[ -n $user ]]; then
        prefix=${PREFIX:-$HOME/.local}
        bin=$prefix/bin
        sbin=$bin
        libexec=$prefix/lib/otrd
        units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
        modules=$HOME/.znc/modules
        web=$modules/otr
        settings=${XDG_CONFIG_HOME:-$HOME/.config}/otrd
        state=${XDG_STATE_HOME:-$HOME/.local/state}/otrd
        systemctl=(systemctl --user)
    else
        prefix=${PREFIX:-/usr/local}
        bin=$prefix/bin
        sbin=${SBINDIR:-$prefix/sbin}
        libexec=$prefix/lib/otrd
        units=$prefix/lib/systemd/system
        sysusers=$prefix/lib/sysusers.d
        modules=$(znc_modules)
        web=$(znc_data)/modules/otr
        settings=/etc/otrd
        state=/var/lib/otrd
        systemctl=(systemctl)
        # Of distributions alone: users have theirs installed by --user.
        user_units=$prefix/lib/systemd/user
        openrc=/etc/init.d/otrd
        openrc_settings=/etc/conf.d/otrd
    fi
    module=$prefix/share/otrd/module
    # The module's page in the browser, as it lies in shim/web.
    page_files=(tmpl/index.tmpl tmpl/ExtraHeader.tmpl files/otr.css files/otr.js)
    clients=$prefix/share/otrd/clients
    man=$prefix/share/man
    catalog=$prefix/lib/systemd/catalog
    # What otrctl says for each shell, and where the shell looks.
    completions=(
        "bash $prefix/share/bash-completion/completions/otrctl"
        "zsh $prefix/share/zsh/site-functions/_otrctl"
        "fish $prefix/share/fish/vendor_completions.d/otrctl.fish"
    )
}

# Where ZNC looks for modules, besides its user's own directory.
znc_modules() {
    local found
    found=$(pkg-config --variable=moddir znc 2>/dev/null || true)
    if [[ -z $found ]]; then
        found=$(find /usr/lib /usr/local/lib /usr/lib64 -name perform.so -path '*znc*' 2>/dev/null |
            sed -n '1s,/[^/]*$,,p' || true)
    fi
    echo "${found:-/usr/lib/znc}"
}

# Where it looks for what belongs to them.
znc_data() {
    local found
    found=$(pkg-config --variable=moddatadir znc 2>/dev/null || true)
    [[ -n $found ]] || found=${modules%%/lib*}/share/znc
    echo "$found"
}

# The user of the ZNC that runs, or the one that the distribution's package made.
find_znc_user() {
    local found name process
    found=$(for process in /proc/[0-9]*; do
        # Not one in a container, whose users are others.
        if { read -r name <"$process/comm"; } 2>/dev/null && [[ $name == znc ]] &&
            [[ ! -e $process/ns/pid || $process/ns/pid -ef /proc/self/ns/pid ]]; then
            stat -c %U "$process" 2>/dev/null || true
        fi
    done | sort -u | grep -vx -e root -e UNKNOWN || true)
    if [[ -n $found && $found != *$'\n'* ]]; then
        echo "$found"
        return
    fi
    for name in _znc znc znc-admin; do
        if id "$name" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
}

# What starts services here: systemd, openrc, or nothing that is known.
service_manager() {
    if [[ -d /run/systemd/system ]]; then
        echo systemd
    elif [[ -x /sbin/openrc-run || -x /usr/sbin/openrc-run || -x /usr/bin/openrc-run ]]; then
        echo openrc
    fi
}

# A group's entry, if there is such a group. Not every system has getent.
group_line() {
    if command -v getent >/dev/null; then getent group "$1"; else grep "^$1:" /etc/group; fi
}
