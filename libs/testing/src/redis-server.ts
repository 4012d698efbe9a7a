import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Child } from './child.js';
import { freePort } from './free-port.js';
import { SettableClock } from './settable-clock.js';

export interface RedisServerOptions {
  /** Keep the data in an append-only file, so that it survives {@link RedisServer.restart}. Default: false. */
  readonly durable?: boolean;
  /** Whether {@link RedisServer.setClock} can be used. Default: false. */
  readonly settableClock?: boolean;
  /** Additional `redis-server` options, such as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
}

/** A real `redis-server` with its own free port and folder. */
export class RedisServer {
  private child: Child;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly options: RedisServerOptions,
    private readonly clock: SettableClock | null,
  ) {
    this.child = this.spawn();
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'syncline-redis-'));
    const clock = options.settableClock ? await SettableClock.make(folder) : null;
    const server = new RedisServer(await freePort(), folder, options, clock);
    await server.started();
    return server;
  }

  get pid(): number | undefined {
    return this.child.process.pid;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A plain connection for inspecting Redis. The caller disconnects it. */
  connect(): Redis {
    return new Redis(this.url);
  }

  /** Stops the server and removes its folder. */
  async stop(): Promise<void> {
    await this.child.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Sends SIGKILL. {@link restart} starts it again. */
  async kill(): Promise<void> {
    await this.child.kill();
  }

  /** Restarts it on the same port and folder. Without `durable` it comes back empty. */
  async restart(): Promise<void> {
    await this.child.kill();
    this.child = this.spawn();
    await this.started();
  }

  /** @param aheadMs of the true time; negative: behind */
  async setClock(aheadMs: number): Promise<void> {
    if (this.clock === null) throw new Error('This Redis was started without a settable clock.');
    await this.clock.set(aheadMs);
  }

  freeze(): void {
    this.child.freeze();
  }

  thaw(): void {
    this.child.thaw();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private spawn(): Child {
    const { durable = false, args = [] } = this.options;
    const settings = ['--port', `${this.port}`, '--dir', this.folder, '--save', '', '--bind', '127.0.0.1'];
    const policy = ['--maxmemory-policy', 'noeviction', '--appendonly', durable ? 'yes' : 'no'];
    return new Child(
      'redis-server',
      spawn(process.env.REDIS_SERVER ?? 'redis-server', [...settings, ...policy, ...args], {
        env: { ...process.env, ...this.clock?.env },
      }),
    );
  }

  private async started(): Promise<void> {
    await this.child.printed(/Ready to accept connections/);
  }
}
