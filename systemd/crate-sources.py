#!/usr/bin/env python3
"""Of cargo's configuration, what says where crates come from and how the network is reached; as TOML.

    crate-sources.py SOURCE CARGO_HOME

Read is what cargo would read in SOURCE: .cargo/config.toml there and in the directories above, and then that of
CARGO_HOME; what is nearer goes first. Left out is all that could change programs (build, profile, target, patch, env
and the rest). Which crates these are, and what is in them, Cargo.lock says wherever they come from, by sums of their
archives. A directory of unpacked crates has no such archives: where crates.io's come from one, it is refused.
"""
import json
import pathlib
import sys
import tomllib

SECTIONS = {
    'source': None,
    'registries': None,
    'net': None,
    'http': None,
    # Not which one is the default: the tools of a release are crates.io's.
    'registry': {'global-credential-providers'},
}
# Relative to the directory that .cargo is in.
PATHS = {'directory', 'local-registry', 'cainfo', 'proxy-cainfo'}


def configuration(directory):
    """The file in this directory that cargo would read."""
    for name in ('config', 'config.toml'):  # the old name goes first
        if (directory / name).is_file():
            return read(directory / name)
    return {}


def read(path):
    """A file with those that it includes, which it goes before."""
    with open(path, 'rb') as file:
        own = tomllib.load(file)
    merged = {}
    included = own.get('include', [])
    for entry in [included] if isinstance(included, str) else included:
        entry = {'path': entry} if isinstance(entry, str) else entry
        other = path.parent / entry['path']
        if other.exists() or not entry.get('optional'):
            merge(merged, read(other))
    chosen = {
        section: {key: value for key, value in own[section].items() if keys is None or key in keys}
        for section, keys in SECTIONS.items()
        if section in own
    }
    merge(merged, absolute(chosen, path.parent.parent))
    return merged


def absolute(table, base):
    """The same, wherever it is written."""
    for key, value in table.items():
        if isinstance(value, dict):
            absolute(value, base)
        elif key in PATHS and isinstance(value, str):
            table[key] = str(base / value)
    return table


def merge(into, nearer):
    """As cargo does: lists are joined, of other values the nearer one goes first."""
    for key, value in nearer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list):
            into[key] = into[key] + value
        else:
            into[key] = value


def toml(value):
    if isinstance(value, dict):
        return '{' + ', '.join(f'{toml(key)} = {toml(entry)}' for key, entry in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(map(toml, value)) + ']'
    return json.dumps(value, ensure_ascii=False)


source, home = (pathlib.Path(word) for word in sys.argv[1:])
directories = [above / '.cargo' for above in reversed([source, *source.parents])]
if home not in directories:
    directories.insert(0, home)
result = {}
for directory in directories:
    merge(result, configuration(directory))

sources, name, seen = result.get('source', {}), 'crates-io', set()
while name in sources and name not in seen:
    seen.add(name)
    if 'directory' in sources[name]:
        sys.exit(f"crates come from the directory {sources[name]['directory']}, and Cargo.lock cannot tell what is in that")
    name = sources[name].get('replace-with')
for section, table in result.items():
    if table:
        print(f'{section} = {toml(table)}')
