#!/usr/bin/env python3
"""One CycloneDX document of those that cargo-cyclonedx wrote of each program, with the libraries of C.

    sbom.py VERSION SOURCE FILE...  <"NAME VERSION" of a Debian package, one per line

Nothing in it tells where it was made: SOURCE becomes /usr/src/otrd, and the time is SOURCE_DATE_EPOCH.
"""
import datetime
import json
import os
import sys

version, source, *paths = sys.argv[1:]
documents = []
for path in paths:
    with open(path, encoding='utf-8') as file:
        documents.append(json.loads(file.read().replace(source, '/usr/src/otrd')))

components, dependencies = {}, {}
for document in documents:
    for component in [document['metadata']['component'], *document['components']]:
        components[component['bom-ref']] = component
    for dependency in document['dependencies']:
        on = dependencies.setdefault(dependency['ref'], set())
        on.update(dependency.get('dependsOn', []))
for line in sys.stdin:
    name, of_package = line.split()
    purl = f'pkg:deb/debian/{name}@{of_package}'
    components[purl] = {'type': 'library', 'bom-ref': purl, 'name': name, 'version': of_package, 'purl': purl,
                        'description': 'linked statically'}

when = datetime.datetime.fromtimestamp(int(os.environ['SOURCE_DATE_EPOCH']), datetime.timezone.utc)
programs = [document['metadata']['component']['bom-ref'] for document in documents]
dependencies['otrd-release'] = set(programs)
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
