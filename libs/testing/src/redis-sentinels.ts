import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Child } from './child.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const PRIMARY_NAME = 'mymaster';
const REPLICAS = 2;
const SENTINELS = 3;
const QUORUM = 2;
/** How long a primary may be silent before sentinels take it for dead. */
const DOWN_AFTER_MS = 1_000;

export interface RedisSentinelsOptions {
  /** What Redis asks of clients and replicas. Default: nothing. */
  readonly password?: string;
  /** What sentinels ask of clients. Default: nothing. */
  readonly sentinelPassword?: string;
  /** Whether `setClock` of its servers can be used. Default: false. */
  readonly settableClock?: boolean;
}

/** A primary with two replicas, watched by three sentinels. */
export class RedisSentinels {
  private constructor(
    readonly servers: readonly RedisServer[],
    private readonly sentinels: readonly Child[],
    private readonly ports: readonly number[],
    private readonly folder: string,
    private readonly options: RedisSentinelsOptions,
  ) {}

  static async start(options: RedisSentinelsOptions = {}): Promise<RedisSentinels> {
    const { password, sentinelPassword, settableClock = false } = options;
    const auth = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
    const args = [...auth, '--repl-diskless-sync-delay', '0'];
    const primary = await RedisServer.start({ args, settableClock });
    const replicas = await Promise.all(
      Array.from({ length: REPLICAS }, () =>
        RedisServer.start({ args: [...args, '--replicaof', `127.0.0.1 ${primary.port}`], settableClock }),
      ),
    );
    const folder = await mkdtemp(join(tmpdir(), 'syncline-sentinels-'));
    const ports = await Promise.all(Array.from({ length: SENTINELS }, freePort));
    const sentinels = await Promise.all(
      ports.map(async (port) => {
        const file = join(folder, `${port}.conf`);
        const lines = [
          `port ${port}`,
          `dir ${folder}`,
          'bind 127.0.0.1',
          `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primary.port} ${QUORUM}`,
          `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
          `sentinel failover-timeout ${PRIMARY_NAME} 5000`,
          ...(password === undefined ? [] : [`sentinel auth-pass ${PRIMARY_NAME} ${password}`]),
          ...(sentinelPassword === undefined
            ? []
            : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`]),
        ];
        await writeFile(file, `${lines.join('\n')}\n`);
        return new Child('sentinel', spawn(process.env.REDIS_SERVER ?? 'redis-server', [file, '--sentinel']));
      }),
    );
    const made = new RedisSentinels([primary, ...replicas], sentinels, ports, folder, options);
    await made.settled();
    return made;
  }

  /** What `REDIS_URL` takes. */
  get url(): string {
    const { password } = this.options;
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `redis-sentinel://${user}${this.ports.map((port) => `127.0.0.1:${port}`).join(',')}/0#${PRIMARY_NAME}`;
  }

  /** URL of a single sentinel: what one may set by mistake. */
  get urlOfSentinel(): string {
    return `redis://127.0.0.1:${this.ports[0]}`;
  }

  /** Who is the primary, as the sentinels say now. */
  async primary(): Promise<RedisServer> {
    const [, port] = (await this.ask('get-master-addr-by-name', PRIMARY_NAME)) as [string, string];
    const server = this.servers.find((each) => each.port === Number(port));
    if (server === undefined)
      throw new Error(`The sentinels name a primary at ${port}, which is none of ours.`);
    return server;
  }

  /** Makes a replica the primary, as an operator would: the old one lives on as a replica. Resolves when that is so. */
  async failover(): Promise<void> {
    const before = await this.primary();
    await this.ask('failover', PRIMARY_NAME);
    await this.movedFrom(before);
  }

  /** Resolves when there is another primary than this one. */
  async movedFrom(before: RedisServer): Promise<void> {
    await eventually(async () => {
      const now = await this.primary();
      if (now === before) throw new Error('The sentinels have not made another primary.');
      if (!/^role:master/m.test(await this.on(now, (redis) => redis.info('replication')))) {
        throw new Error('The new primary does not know that it is one.');
      }
    });
  }

  /** Runs commands on one of the servers, for a test to look. */
  async on<T>(server: RedisServer, run: (redis: Redis) => Promise<T>): Promise<T> {
    const { password } = this.options;
    const redis = new Redis(server.url, password === undefined ? {} : { password });
    try {
      return await run(redis);
    } finally {
      redis.disconnect();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.sentinels.map((sentinel) => sentinel.kill()));
    await Promise.all(this.servers.map((server) => server.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Until all sentinels know of each other and of the replicas. */
  private async settled(): Promise<void> {
    await eventually(async () => {
      for (const port of this.ports) {
        const [facts] = (await this.ask('masters', undefined, port)) as string[][];
        const field = (name: string) => facts?.[facts.indexOf(name) + 1];
        if (field('num-slaves') !== `${REPLICAS}` || field('num-other-sentinels') !== `${SENTINELS - 1}`) {
          throw new Error(`The sentinels did not find each other: ${facts}`);
        }
      }
      for (const server of this.servers.slice(1)) {
        if (!/^master_link_status:up/m.test(await this.on(server, (redis) => redis.info('replication')))) {
          throw new Error('A replica does not follow its primary.');
        }
      }
    });
  }

  private async ask(command: string, argument?: string, port = this.ports[0]): Promise<unknown> {
    const { sentinelPassword } = this.options;
    const redis = new Redis({
      port: port ?? 0,
      enableReadyCheck: false,
      ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
    });
    try {
      return await redis.call('SENTINEL', command, ...(argument === undefined ? [] : [argument]));
    } finally {
      redis.disconnect();
    }
  }
}
