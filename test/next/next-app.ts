import { execFile, spawn } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child, eventually, freePort } from '@syncline/testing';

const run = promisify(execFile);
const NEXT = 'node_modules/next/dist/bin/next';

type Environment = Readonly<Record<string, string>>;

/** The environment without the variables of the npm that runs this: they would make npm install into this repository. */
const environment = (folder: string, more: Environment) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME ?? folder,
  NEXT_TELEMETRY_DISABLED: '1',
  npm_config_update_notifier: 'false',
  ...more,
});

/** The app of `app/`, built on a version of Next. */
export class NextApp {
  private constructor(
    private readonly folder: string,
    private readonly major: string,
  ) {}

  /** Installs and builds it, where neither a Redis nor the origin of its values can be reached. */
  static async build(folder: string, next: string, tarballs: readonly string[]): Promise<NextApp> {
    const app = new NextApp(folder, next.split('.')[0] ?? '');
    await cp(join(import.meta.dirname, 'app'), folder, { recursive: true });
    if (app.major === '15') await rm(join(folder, 'app/cached'), { recursive: true });
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    manifest.dependencies.next = next;
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    const env = environment(folder, { NEXT_MAJOR: app.major, REDIS_URL: 'redis://127.0.0.1:1' });
    const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', [...install, ...tarballs], { cwd: folder, env });
    await run(process.execPath, [NEXT, 'build'], { cwd: folder, env });
    return app;
  }

  /** Starts a replica. */
  async start(name: string, more: Environment): Promise<Replica> {
    const port = String(await freePort());
    const env = environment(this.folder, { NEXT_MAJOR: this.major, ...more });
    const args = [NEXT, 'start', '--hostname', '127.0.0.1', '--port', port];
    const child = new Child(name, spawn(process.execPath, args, { cwd: this.folder, env }));
    await child.printed(/Ready in/);
    return new Replica(child, `http://127.0.0.1:${port}`);
  }
}

export class Replica {
  constructor(
    private readonly child: Child,
    private readonly url: string,
  ) {}

  get output(): string {
    return this.child.output;
  }

  /** The number that a page shows. */
  async read(path: string): Promise<number> {
    const response = await fetch(this.url + path);
    const page = await response.text();
    const [, value] = /value:(\d+);/.exec(page) ?? [];
    if (response.status !== 200 || value === undefined)
      throw new Error(`${this.child.name}${path} answered ${response.status}: ${page}\n${this.output}`);
    return Number(value);
  }

  /** Status of a revalidation: by a route handler, or by `action`, the form of a Server Action. */
  async change(how: string): Promise<number> {
    if (how === 'action') return this.submit('/act');
    const response = await fetch(`${this.url}/change?how=${how}`, { method: 'POST' });
    await response.text();
    return response.status;
  }

  /** As a browser without JavaScript does. */
  private async submit(path: string): Promise<number> {
    const page = await (await fetch(this.url + path)).text();
    const [, id = ''] = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(page) ?? [];
    const body = new FormData();
    body.set(id, '');
    const response = await fetch(this.url + path, { method: 'POST', body });
    await response.text();
    return response.status;
  }

  /** Reads a page until it is served from the cache: what it shows was asked for once. */
  async keeps(path: string, asked: () => number): Promise<void> {
    await eventually(async () => {
      const before = asked();
      await this.read(path);
      await this.read(path);
      if (asked() !== before)
        throw new Error(`${this.child.name} renders ${path} for each request\n${this.output}`);
    });
  }

  kill(): Promise<void> {
    return this.child.kill();
  }
}
