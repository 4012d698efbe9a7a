import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { Child, type NodeProcess, watchdog } from '@syncline/testing';

/** The command as it is published; `--unhandled-rejections=strict` ends it when it forgets one. */
export const COMMAND = [
  '--unhandled-rejections=strict',
  join(process.cwd(), 'dist/packages/cli/dist/main.js'),
] as const;

export interface Ended {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The `syncline` command in a process of its own, with nodes to speak to. */
export class Cli {
  readonly environment: Readonly<Record<string, string>>;

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

  /** Runs it to its end. */
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

  /** What it wrote, when it ends well. */
  async text(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`syncline ${args.join(' ')} exited with ${code}: ${stderr}`);
    return stdout.toString();
  }

  // biome-ignore lint/suspicious/noExplicitAny: what it writes is what the test expects it to be
  async json(...args: readonly string[]): Promise<any> {
    return JSON.parse(await this.text(...args, '--json'));
  }

  /** Starts it and leaves it running. */
  start(...args: readonly string[]): Child {
    return new Child('syncline', spawn(process.execPath, [...COMMAND, ...args], { env: this.environment }));
  }
}
