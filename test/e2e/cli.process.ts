import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { join } from 'node:path';
import { Child, type NodeProcess, watchdog } from '@syncline/testing';

/** The published command. `--unhandled-rejections=strict` makes an unhandled rejection fail the test. */
export const COMMAND = [
  '--unhandled-rejections=strict',
  join(process.cwd(), 'dist/packages/cli/dist/main.js'),
] as const;

export interface Ended {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs the `syncline` command as a process. */
export class Cli {
  readonly environment: Readonly<Record<string, string>>;

  /** @param nodes that it is told of; the environment may name a Redis instead */
  constructor(nodes: readonly NodeProcess[], environment: Readonly<Record<string, string>> = {}) {
    const urls = (role: string) =>
      nodes
        .filter((node) => node.role === role)
        .map(({ url }) => url)
        .join(',') || 'http://127.0.0.1:1';
    this.environment = {
      PATH: process.env.PATH ?? '',
      SYNCLINE_LOCK_URLS: urls('lock'),
      SYNCLINE_QUEUE_URLS: urls('queue'),
      SYNCLINE_CACHE_URLS: urls('cache'),
      ...environment,
    };
  }

  /** Runs the command to its end. */
  run(args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [...COMMAND, ...args],
        { env: this.environment, encoding: 'buffer', maxBuffer: 16_777_216 },
        (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr: stderr.toString() }),
      );
      watchdog.watch(child);
      child.stdin?.end(input);
    });
  }

  /** The output of the command. @throws Error when it fails */
  async text(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`syncline ${args.join(' ')} exited with ${code}: ${stderr}`);
    return stdout.toString();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the tests check the output themselves
  async json(...args: readonly string[]): Promise<any> {
    return JSON.parse(await this.text(...args, '--json'));
  }

  /** Starts the command and returns while it runs. */
  start(...args: readonly string[]): Child {
    return new Child('syncline', spawn(process.execPath, [...COMMAND, ...args], { env: this.environment }));
  }
}

/**
 * Runs commands in one process, which has loaded `syncline` once: ten in the time that one takes as a process of its own. For what
 * commands do and print; of signals, a terminal and the end of a process only a {@link Cli} knows.
 */
export class CliHost extends Cli {
  private readonly host: ChildProcess;
  private readonly ended = new Map<number, (ended: Ended) => void>();
  private runs = 0;

  constructor(...[nodes, environment]: ConstructorParameters<typeof Cli>) {
    super(nodes, environment);
    const program = join(process.cwd(), 'test/e2e/cli.host.mjs');
    this.host = fork(program, {
      execArgv: ['--unhandled-rejections=strict'],
      env: { PATH: this.environment.PATH },
      serialization: 'advanced',
    });
    watchdog.watch(this.host);
    this.host.on('message', ({ id, code, stdout, stderr }: Ended & { readonly id: number }) => {
      this.ended.get(id)?.({ code, stdout: Buffer.from(stdout), stderr });
      this.ended.delete(id);
    });
    this.host.on('exit', () => {
      for (const end of this.ended.values())
        end({ code: -1, stdout: Buffer.of(), stderr: 'The host ended.' });
    });
  }

  override run(args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
    const id = this.runs++;
    return new Promise((resolve) => {
      this.ended.set(id, resolve);
      this.host.send({ id, args, environment: this.environment, input });
    });
  }

  stop(): void {
    this.host.kill();
  }
}
