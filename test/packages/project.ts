import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const PROGRAMS = { plain: [true, 'hello', 'Ada'], nest: [true, 19.9, 'hello'] } as const;

/** A project of a user: what its manifest and its compiler say, and one of our programs in it. */
export interface Project {
  readonly name: string;
  readonly type: 'module' | 'commonjs';
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly program: keyof typeof PROGRAMS;
  /** Whether jest runs it, not Node alone. */
  readonly jest?: boolean;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Options of all projects: those of Nest's starter. */
const COMMON = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

/** What every project in TypeScript has. */
const TYPES = { '@types/node': '20.19.43' };

/** The environment without the variables of the npm that runs this: they would make npm install into this repository. */
const envIn = (folder: string) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME ?? folder,
  npm_config_update_notifier: 'false',
});

/** Packs the built packages. @returns the paths of the tarballs */
export async function pack(built: string, names: readonly string[], folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths = names.map((name) => join(built, name));
  await run('npm', ['pack', '--silent', ...paths], { cwd: folder, env: envIn(folder) });
  const tarballs = await readdir(folder);
  return tarballs.filter((name) => name.endsWith('.tgz')).map((name) => join(folder, name));
}

/** Installs the packages and what else the project names from the registry. */
export async function install(folder: string, project: Project, tarballs: readonly string[]): Promise<void> {
  const { name, type, dependencies } = project;
  await mkdir(folder, { recursive: true });
  const manifest = {
    name: name.toLowerCase().replaceAll(/\W+/g, '-'),
    private: true,
    type,
    dependencies: { ...dependencies, ...TYPES },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs];
  await run('npm', args, { cwd: folder, env: envIn(folder) });
}

/**
 * Compiles the program in the project and runs it.
 *
 * @param tools folder with the compiler and jest
 * @param redis that the program is on
 * @returns what is wrong with it
 */
export async function problemsOf(
  folder: string,
  project: Project,
  tools: string,
  redis: string,
): Promise<string[]> {
  const { program, compilerOptions } = project;
  await cp(join(import.meta.dirname, 'programs', `${program}.ts`), join(folder, `${program}.ts`));
  const tsconfig = { compilerOptions: { ...COMMON, ...compilerOptions }, files: [`${program}.ts`] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  const compiled = await node(folder, join(tools, 'typescript/bin/tsc'), '-p', folder);
  // Types of others may need what only their authors have.
  const errors = compiled.filter(
    (line) => /error TS/.test(line) && !/node_modules\/(?!@syncline)/.test(line),
  );
  if (errors.length > 0) return errors;
  const outcome = project.jest
    ? await runInJest(folder, project, tools, redis)
    : await node(
        folder,
        '--unhandled-rejections=strict',
        '--eval',
        `import('./${program}.js').then(({ run }) => run('${redis}')).then((all) => console.log(JSON.stringify(all)))`,
      );
  return outcome.includes(JSON.stringify(PROGRAMS[program])) ? [] : outcome;
}

/** In jest as it comes, which loads CommonJS only. */
async function runInJest(folder: string, { program }: Project, tools: string, redis: string) {
  await writeFile(
    join(folder, `${program}.test.js`),
    `const { run } = require('./${program}.js');
     test('${program}', async () => process.stdout.write('\\n' + JSON.stringify(await run('${redis}')) + '\\n'), 60_000);`,
  );
  await writeFile(join(folder, 'jest.config.json'), '{ "testEnvironment": "node", "transform": {} }');
  const config = join(folder, 'jest.config.json');
  return node(folder, join(tools, 'jest/bin/jest.js'), '--config', config);
}

/** Lines that Node printed. */
async function node(folder: string, ...args: string[]): Promise<string[]> {
  const ended = await run(process.execPath, args, { cwd: folder, env: envIn(folder) }).catch(
    (error) => error,
  );
  return `${ended.stdout}${ended.stderr}`.split('\n').filter((line) => line !== '');
}
