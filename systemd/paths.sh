# shellcheck shell=bash disable=SC2034
# Sourced by install and uninstall: where everything goes. otrd and otrctl find their places by
# proto/src/paths.rs.

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
        sbin=$prefix/sbin
        libexec=$prefix/lib/otrd
        units=$prefix/lib/systemd/system
        sysusers=$prefix/lib/sysusers.d
        modules=$(znc_modules)
        web=$(znc_data)/modules/otr
        settings=/etc/otrd
        state=/var/lib/otrd
        systemctl=(systemctl)
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
        found=$(find /usr/lib /usr/local/lib /usr/lib64 -name perform.so -path '*znc*' \
            -printf '%h\n' -quit 2>/dev/null || true)
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
    local found name
    found=$(ps -C znc -o user:64= 2>/dev/null | sort -u | grep -vx root || true)
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
