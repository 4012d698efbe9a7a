// npm run dashboards: writes the dashboards as Grafana reads them. The argument: another folder.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { caches } from './caches.js';
import { locks } from './locks.js';
import { nodes } from './nodes.js';
import { overview } from './overview.js';
import { queues } from './queues.js';

const [folder = 'deploy/grafana/dashboards'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const [name, dashboard] of Object.entries({ overview, locks, queues, caches, nodes }))
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(dashboard.build(), null, 2)}\n`);
