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

# releases_archive VERSION: the file with the programs that run here.
releases_archive() { systemd/release --name "$1" | sed 's/$/.tar.gz/'; }

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
