// Builds @syncline/client into libs/client/dist, so that it can be published by itself: `node scripts/build-client.mjs`.
// The types of the wire are written out from the contracts: users need neither those nor the schema library.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'libs/client/src');
const target = process.argv[2] ?? join(root, 'libs/client/dist');
const CONTRACTS = '@syncline/contracts';

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root);
const program = ts.createProgram([join(source, 'index.ts')], {
  ...options,
  types: ['node'],
  declaration: true,
  sourceMap: false,
  noEmit: false,
});
const checker = program.getTypeChecker();

/** A type with nothing left to look up: aliases of the schema library are resolved. */
function writtenOut(symbol) {
  const { NoTruncation, InTypeAlias, UseSingleQuotesForStringLiteralType } = ts.TypeFormatFlags;
  const flags = NoTruncation | InTypeAlias | UseSingleQuotesForStringLiteralType;
  return checker
    .typeToString(checker.getDeclaredTypeOfSymbol(symbol), undefined, flags)
    .replaceAll(/\b(?:z\.)?(?:core\.)?(?:util\.)?JSONType\b/g, 'Json');
}

const used = new Set();
let contracts;
for (const file of program.getSourceFiles()) {
  if (!file.fileName.startsWith(source)) continue;
  for (const statement of file.statements) {
    const module = statement.moduleSpecifier;
    if (module?.text !== CONTRACTS) continue;
    contracts ??= checker.getSymbolAtLocation(module);
    const named = statement.importClause?.namedBindings ?? statement.exportClause;
    for (const { propertyName, name } of named.elements) used.add((propertyName ?? name).text);
  }
}

rmSync(target, { recursive: true, force: true });
const write = (path, text) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

const exported = new Map(checker.getExportsOfModule(contracts).map((symbol) => [symbol.name, symbol]));
const types = [...used].sort().map((name) => {
  const symbol = exported.get(name);
  const doc = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replaceAll('\n', ' ');
  return `${doc && `/** ${doc} */\n`}export type ${name} = ${writtenOut(symbol)};`;
});
const json = 'type Json = string | number | boolean | null | Json[] | { [key: string]: Json };';
write(join(target, 'contracts.d.ts'), `${json}\n${types.join('\n')}\n`);
write(join(target, 'contracts.js'), 'export {};\n');

const { emitSkipped, diagnostics } = program.emit(undefined, (fileName, text) => {
  const path = relative(join(options.outDir, 'libs/client/src'), fileName);
  if (path.startsWith('..')) return;
  const up = posix.relative(posix.dirname(path), '.') || '.';
  write(join(target, path), text.replaceAll(`'${CONTRACTS}'`, `'${up}/contracts.js'`));
});
const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
if (emitSkipped || problems.length > 0) {
  process.stderr.write(ts.formatDiagnostics(problems, ts.createCompilerHost(options)));
  process.exitCode = 1;
}
