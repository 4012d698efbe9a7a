// Builds the published packages, each in a folder that is ready for `npm publish`:
// `node scripts/build-packages.mjs [folder]`, by default dist/packages.
// Packages import each other by name. The types of the contracts that the client needs are written out, so that users need
// neither the contracts nor zod. The command line, which checks files by them, brings the contracts along.
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { bundleEmbedded } from './bundle-embedded.mjs';
import { addCommonJs } from './package-commonjs.mjs';

const FEATURES = ['locks', 'semaphores', 'sessions', 'queues', 'workers', 'schedules', 'caches'];
/** The entry point of each package that is compiled, and the pages that become its manual. */
const PACKAGES = {
  client: { entry: 'index.ts', manual: ['client.md', ...FEATURES.map((name) => `features/${name}.md`)] },
  embedded: { manual: ['embedded.md'] },
  cli: { entry: 'main.ts', manual: ['cli.md'] },
  nestjs: { entry: 'index.ts', manual: ['nestjs.md'] },
  keyv: { entry: 'index.ts', manual: ['nestjs.md'] },
  next: { entry: 'index.ts', manual: ['next.md'] },
  otel: { entry: 'index.ts', manual: ['tracing.md'] },
};
const CONTRACTS = '@syncline/contracts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = process.argv[2] ?? join(root, 'dist/packages');
const sourceOf = (name) => join(root, 'libs', name, 'src');

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root);
for (const [name, { manual }] of Object.entries(PACKAGES)) {
  rmSync(join(target, name), { recursive: true, force: true });
  mkdirSync(join(target, name), { recursive: true });
  copyFileSync(join(root, 'libs', name, 'package.json'), join(target, name, 'package.json'));
  copyFileSync(join(root, 'LICENSE'), join(target, name, 'LICENSE'));
  copyFileSync(join(root, 'libs', name, 'README.md'), join(target, name, 'README.md'));
  // Links to other pages of the repository become plain text.
  const pages = manual.map((page) => readFileSync(join(root, 'docs', page), 'utf8'));
  const text = pages.join('\n').replaceAll(/\[([^\]]+)\]\([^)#]+\.md(#[^)]+)?\)/g, '$1');
  writeFileSync(join(target, name, 'manual.md'), text);
}
// npm packs and publishes them together.
const all = { private: true, workspaces: Object.keys(PACKAGES) };
writeFileSync(join(target, 'package.json'), JSON.stringify(all));
await bundleEmbedded(root, options, join(target, 'embedded'));

const entries = Object.entries(PACKAGES).flatMap(([name, { entry }]) =>
  entry === undefined ? [] : join(sourceOf(name), entry),
);
entries.push(join(sourceOf('client'), 'ports.ts'), join(sourceOf('client'), 'testing.ts'));
const program = ts.createProgram(entries, {
  ...options,
  // Others need its types, not its sources.
  paths: { ...options.paths, '@syncline/embedded': [join(target, 'embedded/dist/index.d.ts')] },
  types: ['node'],
  declaration: true,
  sourceMap: true,
  inlineSources: true,
  noEmit: false,
});
const checker = program.getTypeChecker();

/** A type as text, with all aliases of zod resolved. */
function writtenOut(symbol) {
  const { NoTruncation, InTypeAlias, UseSingleQuotesForStringLiteralType } = ts.TypeFormatFlags;
  const flags = NoTruncation | InTypeAlias | UseSingleQuotesForStringLiteralType;
  return checker
    .typeToString(checker.getDeclaredTypeOfSymbol(symbol), undefined, flags)
    .replaceAll(/\b(?:z\.)?(?:core\.)?(?:util\.)?JSONType\b/g, 'Json');
}

/** The types of the contracts that the client imports, in a module without imports. */
function writtenOutContracts() {
  const used = new Set();
  let contracts;
  for (const file of program.getSourceFiles()) {
    if (!file.fileName.startsWith(sourceOf('client'))) continue;
    for (const statement of file.statements) {
      const module = statement.moduleSpecifier;
      if (module?.text !== CONTRACTS) continue;
      contracts ??= checker.getSymbolAtLocation(module);
      const named = statement.importClause?.namedBindings ?? statement.exportClause;
      for (const { propertyName, name } of named.elements) used.add((propertyName ?? name).text);
    }
  }
  const exported = new Map(checker.getExportsOfModule(contracts).map((symbol) => [symbol.name, symbol]));
  const types = [...used].sort().map((name) => {
    const symbol = exported.get(name);
    const doc = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replaceAll('\n', ' ');
    return `${doc && `/** ${doc} */\n`}export type ${name} = ${writtenOut(symbol)};`;
  });
  const json = 'type Json = string | number | boolean | null | Json[] | { [key: string]: Json };';
  return `${json}\n${types.join('\n')}\n`;
}

const write = (path, text) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

// Lets the packages find each other before they are installed.
const scope = join(target, 'node_modules/@syncline');
rmSync(scope, { recursive: true, force: true });
mkdirSync(scope, { recursive: true });
for (const name of ['client', 'embedded']) symlinkSync(`../../${name}`, join(scope, name));
write(join(target, 'client/dist/contracts.d.ts'), writtenOutContracts());
write(join(target, 'client/dist/contracts.js'), 'export {};\n');

const { emitSkipped, diagnostics } = program.emit(undefined, (fileName, text) => {
  const [, name, path] = /^libs\/([^/]+)\/src\/(.*)$/.exec(relative(options.outDir, fileName)) ?? [];
  if (name === 'contracts') write(join(target, 'cli/dist/contracts', path), text);
  if (PACKAGES[name]?.entry === undefined) return;
  const up = posix.relative(posix.dirname(path), '.') || '.';
  const contracts = name === 'cli' ? `${up}/contracts/index.js` : `${up}/contracts.js`;
  write(join(target, name, 'dist', path), text.replaceAll(`'${CONTRACTS}'`, `'${contracts}'`));
});
const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
for (const name of ['client', 'nestjs', 'keyv', 'next', 'otel']) await addCommonJs(join(target, name));
if (emitSkipped || problems.length > 0) {
  process.stderr.write(ts.formatDiagnostics(problems, ts.createCompilerHost(options)));
  process.exitCode = 1;
}
