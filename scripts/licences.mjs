// npm run licences [FOLDER]: lists the licences of the packages that a node is shipped with, by the lockfile, and fails when one is not permissive.
// With --all also those of the tools.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences that ask for no more than to be named (SPDX). */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);
/** Of tools, which are not shipped. */
const OF_TOOLS = new Set([...PERMISSIVE, 'CC-BY-4.0', 'MPL-2.0']);

/** Whether one may choose permissive licences by an SPDX expression, such as `(MIT OR GPL-2.0) AND ISC`. AND binds more than OR. */
function isPermitted(expression, permitted) {
  const [inner, within] = /\(([^()]*)\)/.exec(expression) ?? [];
  if (inner !== undefined) {
    const verdict = isPermitted(within, permitted) ? 'MIT' : 'refused';
    return isPermitted(expression.replace(inner, verdict), permitted);
  }
  return expression
    .split(/ OR /)
    .some((choice) => choice.split(/ AND /).every((name) => permitted.has(name.trim())));
}

/** Old packages have a list, which npm does not copy into the lockfile. */
function licenceInstalled(folder, path) {
  const file = join(folder, path, 'package.json');
  const { licenses = [] } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return licenses.map(({ type }) => type).join(' OR ') || undefined;
}

const args = process.argv.slice(2);
const folder = args.find((arg) => !arg.startsWith('--')) ?? '.';
const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
const counts = new Map();
const refused = [];
for (const [path, { version, license, dev, link }] of Object.entries(packages)) {
  if (path === '' || link || (dev && !args.includes('--all'))) continue;
  const licence = license ?? licenceInstalled(folder, path) ?? 'none';
  counts.set(licence, (counts.get(licence) ?? 0) + 1);
  if (!isPermitted(licence, dev ? OF_TOOLS : PERMISSIVE)) {
    refused.push(`${path.replace(/.*node_modules\//, '')}@${version}: ${licence}`);
  }
}
for (const [licence, count] of [...counts].sort(([, a], [, b]) => b - a)) console.log(`${count}\t${licence}`);
if (refused.length > 0) {
  console.error(`Not permissive:\n  ${refused.join('\n  ')}`);
  process.exitCode = 1;
}
