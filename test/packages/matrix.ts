// npm run test:packages: lints the packed packages and uses them in fresh projects of every kind that they are for. It needs
// the registry of npm and takes minutes; `npm test` has one of these projects.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { RedisServer } from '@syncline/testing';
import { install, type Project, pack, problemsOf } from './project.js';
import { PROJECTS } from './projects.js';

const run = promisify(execFile);
const PACKAGES = ['client', 'embedded', 'cli', 'nestjs', 'keyv', 'next', 'otel'];
const LINTERS = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5'];
const TOOLS = join(process.cwd(), 'node_modules');

const folder = await mkdtemp(join(tmpdir(), 'syncline-projects-'));
const tarballs = await pack(join(process.cwd(), 'dist/packages'), PACKAGES, join(folder, 'packed'));

/** What a linter says of a tarball, when it finds something. */
async function lint(linter: string, ...args: string[]): Promise<string[]> {
  const path = join(folder, 'linters/node_modules/.bin', linter);
  return run(path, args).then(
    () => [],
    ({ stdout, stderr }) => `${stdout}${stderr}`.split('\n'),
  );
}

/** Two projects never share a Redis: each begins with nothing. */
async function use(project: Project): Promise<string[]> {
  const home = join(folder, project.name.replaceAll(/\W+/g, '-'));
  const redis = await RedisServer.start();
  try {
    await install(home, project, tarballs);
    return await problemsOf(home, project, TOOLS, redis.url);
  } catch (error) {
    return [String(error)];
  } finally {
    await redis.stop();
  }
}

let failed = 0;
function tell(what: string, problems: readonly string[]): void {
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${what}`);
  for (const problem of problems) console.log(`       ${problem}`);
  if (problems.length > 0) failed += 1;
}

await run('npm', ['install', '--no-audit', '--no-fund', '--prefix', join(folder, 'linters'), ...LINTERS]);
for (const tarball of tarballs) {
  const { stderr } = await run('npm', ['publish', '--dry-run', tarball]);
  tell(`npm publish ${basename(tarball)}`, /^.*corrected.*$/m.exec(stderr) ?? []);
  tell(`publint ${basename(tarball)}`, await lint('publint', tarball, '--strict'));
  // A command has no types.
  if (tarball.includes('-cli-')) continue;
  tell(`are the types wrong ${basename(tarball)}`, await lint('attw', tarball));
}
for (const project of PROJECTS) tell(`${project.name} on Node ${process.version}`, await use(project));
await rm(folder, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;
