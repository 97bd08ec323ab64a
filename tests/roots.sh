# shellcheck shell=bash
# Throwaway roots of Debian, and of Ubuntu 24.04 (noble), for the longer tests. To be sourced, as root.
#
# A root is made once by debootstrap and kept in $OTRD_ROOTS, if that is set. What runs in it runs
# on a copy-on-write layer, with its own processes and a network of loopback only; all that is gone
# with `enter`, unless the layer is named.

roots_need() {
    local name missing=()
    for name in debootstrap unshare chroot mount "$@"; do
        command -v "$name" >/dev/null || missing+=("$name")
    done
    if [[ ${#missing[@]} -gt 0 ]]; then
        echo "${0##*/}: not installed: ${missing[*]}" >&2
        return 1
    fi
    if [[ $(id -u) -ne 0 ]]; then
        echo "${0##*/}: roots are made and entered as root only" >&2
        return 1
    fi
}

# The directory of roots and of what the run leaves behind, ended with the script.
roots_begin() {
    roots_work=$(mktemp --directory --tmpdir otrd-roots-XXXXXX)
    # Only this file system: whatever is mounted is in a namespace that has ended by then.
    trap 'rm --recursive --force --one-file-system "$roots_work"' EXIT
    roots_dir=${OTRD_ROOTS:-$roots_work/roots}
    mkdir --parents "$roots_dir"
}

# The mirror of Debian that this machine's apt is configured for.
roots_mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI)' \
        'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head --lines=1)
    if [[ -z $uri ]]; then
        apt-get update --quiet=2 >&2
        uri=$(apt-get indextargets --format '$(REPO_URI)' \
            'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head --lines=1)
    fi
    [[ -n $uri ]] || { echo "${0##*/}: apt knows no mirror of Debian" >&2; return 1; }
    echo "$uri"
}

# roots_programs BUILT DIRECTORY: copies otrd's programs into DIRECTORY: those of the release in $OTRD_RELEASE, if
# there is one of this source, else those in BUILT.
roots_programs() {
    local program archive
    if [[ -n ${OTRD_RELEASE-} && -e $OTRD_RELEASE/source-tree &&
        $(<"$OTRD_RELEASE/source-tree") == "$(releases_source)" ]]; then
        archive=$(releases_archive "$(releases_version)")
        tar --extract --file "$OTRD_RELEASE/$archive" --directory "$2" --strip-components=2 --wildcards '*/bin/otr*'
        echo "programs of $archive"
    else
        for program in otrd otrd-worker otrctl; do cp "$1/$program" "$2"; done
    fi
}

# roots_make NAME SUITE PACKAGE...: a root with these packages. Tells nothing unless it fails. Of another
# architecture where $roots_arch names one, whose programs have to run here.
roots_make() { roots_keep roots_fill "$@"; }

# roots_unpack NAME SUITE PACKAGE...: the files of these packages and of all that they need, for $roots_arch.
# Nothing of it is configured or run: it is there to build with, and knows their versions.
roots_unpack() { roots_keep roots_extract "$@"; }

roots_keep() {
    local fill=$1 suite=$3 root=$roots_dir/$2 log=$roots_dir/$2.log
    shift 3
    local wanted="$suite $*"
    (
        flock 9 # another run may be making the same one
        [[ -f $root.ready && $(<"$root.ready") == "$wanted" ]] && exit
        rm --recursive --force --one-file-system "$root" "$root.ready"
        if ! "$fill" "$root" "$suite" "$@" >"$log" 2>&1 </dev/null 9>&-; then
            tail --lines=30 "$log" >&2
            echo "${0##*/}: no root with $suite: see $log" >&2
            exit 1
        fi
        echo "$wanted" >"$root.ready"
    ) 9>"$root.lock"
}

# roots_source PACKAGE DIRECTORY: the source of this Debian's package, without Debian's changes; apt checks it.
roots_source() {
    local lists=$roots_work/sources
    local -a apt=(
        apt-get --quiet=2 --option Dir::Etc::SourceList="$lists/sources.list" --option Dir::Etc::SourceParts=/dev/null
        --option Dir::State::Lists="$lists/lists" --option Dir::Cache="$lists/cache" --option APT::Sandbox::User=
    )
    mkdir --parents "$lists"/{lists,cache,"$1"} "$2"
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) main' \
        'Origin: Debian' 'Label: Debian' 'Component: main' 'Created-By: Packages' | sort --unique >"$lists/sources.list"
    "${apt[@]}" update
    (cd "$lists/$1" && "${apt[@]}" source --download-only --tar-only "$1")
    tar --extract --file "$lists/$1/$1"_*.orig.tar.* --directory "$2" --strip-components=1
}

# This machine's own Debian with all of its updates; of another one, or of another architecture, only the
# archive: a mirror that serves this machine may be behind with the updates of others.
roots_sources() {
    echo "deb $2 $1 main${roots_ubuntu:+ universe}"
    [[ -z ${roots_arch-} ]] || return 0
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' \
        'Origin: Debian' 'Component: main' 'Created-By: Packages' | sed --quiet "/ $1-/p"
}

# roots_initrd ROOT: a kernel of this root will start in a virtual machine, and needs that machine's disk only.
# Else all modules are packed, which takes a quarter of an hour where another processor is emulated.
roots_initrd() {
    mkdir --parents "$1"/{etc/initramfs-tools/conf.d,usr/share/initramfs-tools/modules.d} &&
        echo MODULES=list >"$1/etc/initramfs-tools/conf.d/otrd" &&
        printf '%s\n' virtio_blk virtio_pci virtio_mmio ext4 crc32c_generic >"$1/usr/share/initramfs-tools/modules.d/otrd"
}

# The keys of Ubuntu's archive, which Debian has no package of: from Ubuntu's, known by its sum.
roots_ubuntu_keys() {
    local package=$1.deb
    /usr/lib/apt/apt-helper download-file "$roots_ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb" \
        "$package" SHA256:36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8 &&
        dpkg-deb --fsys-tarfile "$package" | tar --extract --to-stdout ./usr/share/keyrings/ubuntu-archive-keyring.gpg >"$1" &&
        rm "$package"
}

roots_fill() {
    local root=$1 suite=$2 mirror roots_ubuntu='' options=(--variant=minbase --include=ca-certificates) script=()
    shift 2
    if [[ $suite == noble ]]; then
        roots_ubuntu=http://archive.ubuntu.com/ubuntu mirror=$roots_ubuntu
        roots_ubuntu_keys "$roots_work/ubuntu.gpg" || return
        options+=('--components=main,universe' --keyring="$roots_work/ubuntu.gpg")
        script=(gutsy) # debootstrap's, of all newer ones
    else
        mirror=$(roots_mirror) || return
    fi
    debootstrap ${roots_arch:+--arch="$roots_arch"} "${options[@]}" "$suite" "$root" "$mirror" "${script[@]}" &&
        # No service starts by being installed.
        printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" &&
        chmod 755 "$root/usr/sbin/policy-rc.d" &&
        cp /etc/resolv.conf "$root/etc/" &&
        { [[ -z ${roots_arch-} ]] || roots_initrd "$root"; } &&
        roots_sources "$suite" "$mirror" >"$root/etc/apt/sources.list" &&
        unshare --mount --pid --fork --kill-child bash -euc '
            mount --types proc proc "$1/proc"
            mount --bind /dev "$1/dev"
            export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
            # A mirror may lag behind: nothing but tests runs here, and what is signed stays signed.
            apt() {
                chroot "$root" apt-get --quiet=2 --yes --no-install-recommends \
                    --option Acquire::Check-Valid-Until=false "$@"
            }
            root=$1
            shift
            apt update
            apt install "$@"
            chroot "$root" apt-get clean
        ' roots "$root" "$@"
}

roots_extract() {
    local root=$1 suite=$2 mirror package
    shift 2
    mirror=$(roots_mirror) &&
        debootstrap --download-only --arch="$roots_arch" --variant=minbase --include="$(IFS=,; echo "$*")" \
            "$suite" "$root" "$mirror" &&
        mkdir --parents "$root/var/lib/dpkg" &&
        for package in "$root"/var/cache/apt/archives/*.deb; do
            dpkg-deb --extract "$package" "$root" && dpkg-deb --field "$package" >>"$root/var/lib/dpkg/status" &&
                printf 'Status: install ok unpacked\n\n' >>"$root/var/lib/dpkg/status" && rm "$package" || return
        done
}

# roots_enter NAME LAYER SHARED COMMAND...: runs a command in a root, in a layer that begins empty
# and holds what it changed, with the directory SHARED as /srv/otrd. Without a network but its own
# loopback; all its processes end with it.
roots_enter() {
    local root=$roots_dir/$1 layer=$2 shared=$3
    shift 3
    mkdir --parents "$layer"/{changes,work,root} "$shared"
    unshare --mount --net --pid --ipc --fork --kill-child bash -euc '
        root=$2/root
        mount --types overlay overlay \
            --options "lowerdir=$1,upperdir=$2/changes,workdir=$2/work" "$root"
        mount --types proc proc "$root/proc"
        mount --types tmpfs --options mode=1777,size=4g tmpfs "$root/tmp"
        mount --types tmpfs --options mode=755 tmpfs "$root/run"
        mount --types devpts --options newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
        ln --symbolic --force pts/ptmx "$root/dev/ptmx"
        mkdir --parents "$root/srv/otrd"
        mount --bind "$3" "$root/srv/otrd"
        if [[ -n ${ROOTS_SOURCE-} ]]; then
            mkdir --parents "$root$ROOTS_SOURCE"
            mount --bind --options ro "$ROOTS_SOURCE" "$root$ROOTS_SOURCE"
        fi
        ip link set lo up
        # With 127.0.0.1 alone, getaddrinfo (AI_ADDRCONFIG) finds nothing that ZNC could bind to.
        ip address add 192.0.2.1/32 dev lo
        shift 3
        exec chroot "$root" env --ignore-environment --chdir=/ \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    ' roots "$root" "$layer" "$shared" "$@"
}
