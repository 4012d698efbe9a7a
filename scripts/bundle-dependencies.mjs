// Bundles the packages that the built nodes import into one file of dist/apps/node_modules, where the nodes find them first: a node
// starts in a third of the time that it needs to find and read two thousand files. What only nodes with a collector of traces load is
// a file of its own. Those that cannot be bundled are copied, so a built node needs nothing else: an image has a seventh of what npm
// installs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { copyPackages } from './copy-packages.mjs';

const APPS = 'dist/apps';
const BUNDLE = `${APPS}/node_modules`;
/** Packages that look for files of their own beside their code. */
const AS_THEY_ARE = ['pino', 'swagger-ui-dist'];
/** What Node says of a package in CommonJS, beside what it gives. */
const OF_COMMON_JS = ['module.exports', '__esModule'];
const NAMES = 'var __name=';
const OF_CLASS = 'static{__name(';
/** Packages of which most nodes load nothing. */
const LATER = /^@opentelemetry\//;
/** What packages in CommonJS expect, in a module, by names that no package has. */
const COMMON_JS = `
import { createRequire as $createRequire } from 'node:module';
import { dirname as $dirname } from 'node:path';
import { fileURLToPath as $fileURLToPath } from 'node:url';
const require = $createRequire(import.meta.url);
const __filename = $fileURLToPath(import.meta.url);
const __dirname = $dirname(__filename);
`;

/** The packages, and the parts of packages, that the built nodes import. */
function importsOfNodes() {
  const files = readdirSync(APPS, { recursive: true }).filter((file) => file.endsWith('.js'));
  const imported = files.flatMap((file) => {
    const text = readFileSync(join(APPS, file), 'utf8');
    return [...text.matchAll(/^(?:import|export) (?:.* from )?'([^.'][^']*)';$/gm)].map(([, name]) => name);
  });
  return [...new Set(imported)].filter((name) => !isBuiltin(name) && !AS_THEY_ARE.includes(name));
}

/** Nest imports packages that are not installed, and does without them. */
const optional = {
  name: 'optional',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, resolveDir, kind, importer, pluginData }) => {
      if (pluginData === optional) return undefined;
      const { errors } = await resolve(path, { resolveDir, kind, importer, pluginData: optional });
      return errors.length > 0 ? { path, external: true } : undefined;
    });
  },
};

/** The licences of the packages that the files are of: who gets a copy of them gets these, too. */
function licencesOf(files) {
  const folders = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...folders]
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => /^(licen[cs]e|notice)/i.test(file))
        .map((file) => `${folder}\n\n${readFileSync(join(folder, file), 'utf8')}`),
    )
    .join('\n\n');
}

/** Writes a file with the imports that belong there. Returns the files that are in it. */
async function bundle(file, first) {
  const own = imports.filter((each) => each.file === file);
  const exported = ({ name, given }) =>
    `export { ${given.map((pair) => pair.join(' as ')).join()} } from '${name}';`;
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: [...first, ...own.map(exported)].join('\n'),
      resolveDir: process.cwd(),
      sourcefile: file,
    },
    outfile: `${BUNDLE}/${file}`,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Nest and its errors speak of classes by their names.
    keepNames: true,
    minifyWhitespace: true,
    external: AS_THEY_ARE,
    plugins: [optional],
    banner: { js: COMMON_JS },
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  const [{ text }] = outputFiles;
  // esbuild gives every function its name again, each time that it is made: those in a request, too. That took a sixth of a node's
  // time for a message, and classes are what is spoken of.
  if (!text.includes(NAMES) || !text.includes(OF_CLASS))
    throw new Error('esbuild keeps names in another way now.');
  writeFileSync(
    `${BUNDLE}/${file}`,
    text.replaceAll(OF_CLASS, 'static{__nameClass(').replace(NAMES, 'var __name=target=>target,__nameClass='),
  );
  return Object.keys(metafile.inputs);
}

rmSync(BUNDLE, { recursive: true, force: true });
// Parts of Nest expect it to be there, whichever of them is loaded first.
const FIRST = 'reflect-metadata';
await import(FIRST);
mkdirSync(BUNDLE, { recursive: true });
/** Each import, with its file and what it gives: of a package in CommonJS only Node knows that. Renamed, since two packages may use a name. */
const imports = [];
// One after the other: packages that import each other in a circle do not load in any order.
for (const name of importsOfNodes()) {
  const given = Object.keys(await import(name)).filter((each) => !OF_COMMON_JS.includes(each));
  const file = LATER.test(name) ? 'traces.mjs' : 'dependencies.mjs';
  imports.push({ name, file, given: given.map((each) => [each, `$${imports.length}_${each}`]) });
}
const bundled = [
  ...(await bundle('dependencies.mjs', [`import '${FIRST}';`])),
  ...(await bundle('traces.mjs', [])),
];
writeFileSync(`${BUNDLE}/LICENCES.txt`, licencesOf(bundled));

for (const { name, file, given } of imports) {
  const folder = join(BUNDLE, name);
  const up = '../'.repeat(name.split('/').length);
  const list = given.map(([each, renamed]) => `${renamed} as ${each}`).join();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.js'), `export { ${list} } from '${up}${file}';\n`);
}
const ownerOf = (name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)[0];
for (const owner of new Set(imports.map(({ name }) => ownerOf(name)))) {
  const parts = imports
    .filter(({ name }) => ownerOf(name) === owner)
    .map(({ name }) => name.slice(owner.length));
  const exports = Object.fromEntries(parts.map((part) => [`.${part}`, `.${part}/index.js`]));
  writeFileSync(
    join(BUNDLE, owner, 'package.json'),
    JSON.stringify({ name: owner, type: 'module', exports }),
  );
}
copyPackages(AS_THEY_ARE, BUNDLE);
