# shellcheck shell=bash
# The release that one test leaves to others in the directory OTRD_RELEASE. To be sourced, in the source.

# What git calls the source as it is here, committed or not. Its index and its objects stay as they are.
releases_source() {
    local own objects
    own=$(mktemp --directory)
    mkdir "$own/objects"
    cp "$(git rev-parse --git-path index)" "$own/index"
    objects=$(realpath "$(git rev-parse --git-path objects)")
    (
        export GIT_INDEX_FILE=$own/index GIT_OBJECT_DIRECTORY=$own/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects
        git add --all
        git write-tree
    )
    rm --recursive --force "$own"
}

# No release is left any more: exactly its files are removed.
releases_forget() {
    local file
    [[ -n ${OTRD_RELEASE-} && -e $OTRD_RELEASE/SHA256SUMS ]] || return 0
    while IFS= read -r file; do
        [[ $file == */* ]] || rm --force "$OTRD_RELEASE/$file"
    done < <(sed 's/^[0-9a-f]*  //' "$OTRD_RELEASE/SHA256SUMS")
    rm --force "$OTRD_RELEASE"/{source-tree,SHA256SUMS.asc,SHA256SUMS}
}

# releases_keep DIRECTORY: the release that was made there of this source is left.
releases_keep() {
    [[ -n ${OTRD_RELEASE-} ]] || return 0
    releases_forget
    mkdir --parents "$OTRD_RELEASE"
    cp --recursive "$1/." "$OTRD_RELEASE"
    releases_source >"$OTRD_RELEASE/source-tree"
}

# releases_archive VERSION [TARGET]: the file with the programs that run here, or of another target.
releases_archive() { systemd/release --name ${2:+--target "$2"} "$1" | sed 's/$/.tar.gz/'; }

# releases_version: that of the source.
releases_version() { sed --quiet '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml; }

# releases_get VERSION DIRECTORY: the one that was left, if it is of this source, else one that is made.
releases_get() {
    if [[ -n ${OTRD_RELEASE-} && -e $OTRD_RELEASE/SHA256SUMS && -e $OTRD_RELEASE/source-tree &&
        $(<"$OTRD_RELEASE/source-tree") == "$(releases_source)" ]]; then
        mkdir --parents "$2"
        cp --recursive "$OTRD_RELEASE/." "$2"
    else
        tests/setup
        systemd/release --trial "$1" "$2"
        releases_keep "$2"
    fi
}

# releases_run DIRECTORY [EMULATOR]: starts the programs of an archive that was unpacked there, by qemu-user where they
# are for another processor.
releases_run() {
    local directory=$1 run=("${@:2}") program said
    for program in otrctl otrd otrd-worker; do
        said=$("${run[@]}" "$directory/bin/$program" --version)
        [[ $said == "$program $(releases_version)"* ]] || { echo "$program says: $said" >&2; return 1; }
        echo "ok: $said"
    done
    # The last one has asked the libraries themselves.
    [[ $said == *'libotr '*'libgcrypt '*'linked statically' ]] || { echo 'nothing of libotr is linked in' >&2; return 1; }
    "${run[@]}" "$directory/bin/otrd" --config "$directory/systemd/otrd.toml" --check-config
    [[ -n $("${run[@]}" "$directory/bin/otrctl" completions bash) ]]
    if [[ ${#run[@]} -eq 0 ]]; then
        "$directory/bin/otrd-worker" selftest --allow-no-landlock
    elif "${run[@]}" "$directory/bin/otrd-worker" selftest --allow-no-landlock >"$directory/said" 2>&1 ||
        ! grep --quiet 'not confined' "$directory/said"; then
        # qemu-user has no seccomp.
        cat "$directory/said" >&2
        echo 'a worker goes on where it cannot confine itself' >&2
        return 1
    else
        echo 'ok: where it cannot confine itself, a worker does nothing'
    fi
}
