// Bundles the engines, and all that they need, into the package @syncline/embedded. So they share nothing with the application: it
// may have its own versions of the same packages, and its own logger of Nest.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { addCommonJsTypes } from './package-commonjs.mjs';

/** What is loaded: by applications, and by the threads of the engines. */
const ENTRIES = { index: 'embedded/src/index.ts', 'stand-in': 'embedded/src/queues/redis-stand-in.ts' };
/** What the types of the package are made of. */
const TYPES = ['index', 'embed'];
/** Libraries with Lua scripts. */
const SCRIPTED = ['redis', 'cluster', 'locks', 'queues', 'caches'];
/** What Nest would load for a server. */
const HTTP = '@nestjs/platform-express';
/** What packages in CommonJS expect, in a module, by names that no package has. */
const COMMON_JS = `
import { createRequire as $createRequire } from 'node:module';
import { dirname as $dirname } from 'node:path';
import { fileURLToPath as $fileURLToPath } from 'node:url';
const require = $createRequire(import.meta.url);
const __filename = $fileURLToPath(import.meta.url);
const __dirname = $dirname(__filename);
`;

/** The same bundle in CommonJS is one folder deeper, beside the same files. */
const IN_COMMON_JS =
  "'use strict'; const $here = new URL('../index.js', require('node:url').pathToFileURL(__filename)).href;";

/** Our own libraries. esbuild alone would not keep the types of constructors, by which Nest injects. */
const engines = (libs, options) => ({
  name: 'engines',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@syncline\// }, ({ path }) =>
      /^@syncline\/client(\/|$)/.test(path)
        ? { path, external: true }
        : { path: join(dirname(libs), options.paths[path][0]) },
    );
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const compilerOptions = {
        ...options,
        module: ts.ModuleKind.ESNext,
        sourceMap: false,
        inlineSourceMap: true,
        inlineSources: true,
      };
      const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), {
        fileName: path,
        compilerOptions,
      });
      // Files beside a module are in a folder beside the bundle.
      const place = `./engines/${relative(libs, path).replace('/src/', '/')}`;
      return { contents: outputText.replaceAll('import.meta.url', `new URL('${place}', import.meta.url)`) };
    });
  },
});

/** Nest looks for packages that are not installed here, and does without them: also where the application has them. */
const absent = {
  name: 'absent',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, resolveDir, kind, importer, pluginData }) => {
      if (pluginData === absent) return undefined;
      if (path === HTTP) return { path, namespace: 'absent' };
      const { errors } = await resolve(path, { resolveDir, kind, importer, pluginData: absent });
      return errors.length > 0 ? { path, namespace: 'absent' } : undefined;
    });
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: `throw Object.assign(new Error('There is no ${path}'), { code: 'MODULE_NOT_FOUND' });`,
    }));
  },
};

/** Leaves what is not ours out of the source maps, of which it would be nine tenths. */
const UNMAPPED = Buffer.from(
  '{"version":3,"sources":["bundled"],"sourcesContent":[""],"mappings":"AAAA"}',
).toString('base64');
const unmapped = {
  name: 'unmapped',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${UNMAPPED}`,
    }));
  },
};

/** The licences of what is bundled, by the packages whose files are in it. */
function licencesOf(files) {
  const folders = new Set(
    files.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []),
  );
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
}

/**
 * @param root    of the repository
 * @param options of the compiler
 * @param target  folder of the package
 */
export async function bundleEmbedded(root, options, target) {
  const libs = join(root, 'libs');
  const dist = join(target, 'dist');
  const bundle = {
    absWorkingDir: root,
    bundle: true,
    // Parts of Nest expect it to be there, whichever of them is loaded first.
    inject: [join(root, 'node_modules/reflect-metadata/Reflect.js')],
    platform: 'node',
    target: 'node20',
    minifyWhitespace: true,
    // Node prints the line of an error that nobody caught.
    lineLimit: 160,
    legalComments: 'none',
    plugins: [engines(libs, options), absent, unmapped],
    sourcemap: true,
    logLevel: 'warning',
    metafile: true,
  };
  const entryPoints = Object.fromEntries(
    Object.entries(ENTRIES).map(([name, path]) => [name, join(libs, path)]),
  );
  const { metafile } = await build({
    ...bundle,
    entryPoints,
    outdir: dist,
    format: 'esm',
    banner: { js: COMMON_JS },
  });
  await build({
    ...bundle,
    entryPoints: { index: entryPoints.index },
    outdir: join(dist, 'cjs'),
    format: 'cjs',
    define: { 'import.meta.url': '$here' },
    banner: { js: IN_COMMON_JS },
    supported: { 'dynamic-import': false },
  });
  for (const library of SCRIPTED) {
    cpSync(join(libs, library, 'src'), join(dist, 'engines', library), {
      recursive: true,
      filter: (path) => path.endsWith('.lua') || !/\.\w+$/.test(path),
    });
  }
  for (const name of TYPES) {
    const fileName = join(libs, `embedded/src/${name}.ts`);
    const { outputText } = ts.transpileDeclaration(readFileSync(fileName, 'utf8'), {
      fileName,
      compilerOptions: options,
    });
    writeFileSync(join(dist, `${name}.d.ts`), outputText);
  }
  addCommonJsTypes(dist);
  // Where a thread starts, seen from its engine.
  const { 'stand-in': thread } = ENTRIES;
  const start = join(dist, 'engines', thread.replace('/src/', '/').replace(/ts$/, 'js'));
  mkdirSync(dirname(start), { recursive: true });
  writeFileSync(start, `import '${relative(dirname(start), join(dist, 'stand-in.js'))}';\n`);
  const bundled = Object.keys(metafile.inputs).map((path) => join(root, path));
  writeFileSync(join(target, 'THIRD-PARTY.txt'), licencesOf(bundled).join(`\n${'-'.repeat(80)}\n\n`));
}
