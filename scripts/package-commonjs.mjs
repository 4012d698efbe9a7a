// Programs in CommonJS that `require` a package get its modules, since every Node that we admit can: one copy, whoever asks. Tools
// that cannot load modules by `require`, such as jest and older compilers, get the same in CommonJS, in dist/cjs.
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** The URL of the module, for files in CommonJS. */
const HERE = { 'import.meta.url': '$here' };
const NEEDS_HERE = "'use strict'; const $here = require('node:url').pathToFileURL(__filename).href;";

/**
 * Adds dist/cjs with the same files as dist.
 *
 * @param target folder of a package whose dist is built
 */
export async function addCommonJs(target) {
  const dist = join(target, 'dist');
  const files = readdirSync(dist, { recursive: true });
  await build({
    entryPoints: files.filter((path) => path.endsWith('.js')).map((path) => join(dist, path)),
    outbase: dist,
    outdir: join(dist, 'cjs'),
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    define: HERE,
    banner: { js: NEEDS_HERE },
    // jest cannot run it.
    supported: { 'dynamic-import': false },
    logLevel: 'warning',
  });
  addCommonJsTypes(dist, files);
}

/** Types that say that they are those of files in CommonJS. */
export function addCommonJsTypes(dist, files = readdirSync(dist)) {
  for (const path of files.filter((each) => each.endsWith('.d.ts')))
    cpSync(join(dist, path), join(dist, 'cjs', path));
  writeFileSync(join(dist, 'cjs/package.json'), '{ "type": "commonjs" }\n');
}
