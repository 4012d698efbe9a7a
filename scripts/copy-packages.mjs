import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const INSTALLED = 'node_modules';

/** Copies installed packages into a folder, with all that they depend on, but without their source maps. */
export function copyPackages(names, folder) {
  const needed = new Set(names);
  // The loop reaches what it adds.
  for (const name of needed) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(INSTALLED, name, 'package.json'), 'utf8'));
    for (const dependency of Object.keys(dependencies)) needed.add(dependency);
    const filter = (path) => !path.endsWith('.map');
    cpSync(join(INSTALLED, name), join(folder, name), { recursive: true, filter });
  }
}
