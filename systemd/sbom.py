#!/usr/bin/env python3
"""One CycloneDX document of those that cargo-cyclonedx wrote of each program, with the libraries of C.

    sbom.py VERSION SOURCE OS-RELEASE FILE...  <"NAME VERSION" of a Debian package, one per line

The packages are those of the distribution that OS-RELEASE, its /etc/os-release, names. Every program has the C
library in it; libotr and what that needs are in those that contain the crate otr-sys.

Nothing in it tells where it was made: SOURCE becomes /usr/src/otrd, and the time is SOURCE_DATE_EPOCH.
"""
import datetime
import json
import os
import shlex
import sys
import urllib.parse

version, source, os_release, *paths = sys.argv[1:]
documents = []
for path in paths:
    with open(path, encoding='utf-8') as file:
        documents.append(json.loads(file.read().replace(source, '/usr/src/otrd')))
with open(os_release, encoding='utf-8') as file:
    distribution = dict(word.split('=', 1) for word in shlex.split(file.read(), comments=True))['ID']

components, dependencies = {}, {}
for document in documents:
    for component in [document['metadata']['component'], *document['components']]:
        components[component['bom-ref']] = component
    for dependency in document['dependencies']:
        on = dependencies.setdefault(dependency['ref'], set())
        on.update(dependency.get('dependsOn', []))

# What each of the libraries needs beside the C library.
NEEDS = {'libotr5-dev': ['libgcrypt20-dev', 'libgpg-error-dev'], 'libgcrypt20-dev': ['libgpg-error-dev'],
         'libgpg-error-dev': [], 'libc6-dev': []}
libraries = {}
for line in sys.stdin:
    name, of_package = line.split()
    purl = f'pkg:deb/{distribution}/{name}@{urllib.parse.quote(of_package, safe=":~")}'
    libraries[name] = purl
    components[purl] = {'type': 'library', 'bom-ref': purl, 'name': name, 'version': of_package, 'purl': purl,
                        'description': 'linked statically'}
if set(libraries) != set(NEEDS):
    sys.exit(f'sbom.py: the packages are {sorted(libraries)}, not {sorted(NEEDS)}')
for name, needed in NEEDS.items():
    on = set(needed) if name == 'libc6-dev' else {*needed, 'libc6-dev'}
    dependencies[libraries[name]] = {libraries[other] for other in on}

programs = []
with_libotr = 0
for document in documents:
    program = document['metadata']['component']['bom-ref']
    programs.append(program)
    crates = {component['name'] for component in document['components']}
    linked = NEEDS if 'otr-sys' in crates else ['libc6-dev']
    with_libotr += 'otr-sys' in crates
    dependencies.setdefault(program, set()).update(libraries[name] for name in linked)
if not with_libotr:
    sys.exit('sbom.py: no program contains otr-sys')
dependencies['otrd-release'] = set(programs)

when = datetime.datetime.fromtimestamp(int(os.environ['SOURCE_DATE_EPOCH']), datetime.timezone.utc)
json.dump({
    'bomFormat': 'CycloneDX',
    'specVersion': documents[0]['specVersion'],
    'version': 1,
    'metadata': {
        'timestamp': when.strftime('%Y-%m-%dT%H:%M:%SZ'),
        'tools': documents[0]['metadata']['tools'],
        'component': {'type': 'application', 'bom-ref': 'otrd-release', 'name': 'otrd', 'version': version,
                      'licenses': [{'license': {'id': 'Apache-2.0'}}]},
    },
    'components': [components[ref] for ref in sorted(components)],
    'dependencies': [{'ref': ref, 'dependsOn': sorted(dependencies[ref])} for ref in sorted(dependencies)],
}, sys.stdout, indent=1, sort_keys=True)
print()
