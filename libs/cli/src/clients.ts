import { readFileSync } from 'node:fs';
import {
  CacheClient,
  type Cluster,
  LockClient,
  QueueClient,
  type Syncline,
  type TransportOptions,
} from '@syncline/client';
import type { EmbedOptions } from '@syncline/client/ports';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { duration } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { say } from './output.js';

export type Role = Cluster['role'];
export const ROLES: readonly Role[] = ['lock', 'queue', 'cache'];

const FIRST_PORT: Readonly<Record<Role, number>> = { lock: 8001, queue: 8004, cache: 8007 };
const variableOf = (role: Role) => `SYNCLINE_${role.toUpperCase()}_URLS`;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Options of every command that calls nodes, or the engines of this process. */
export interface ClientOptions {
  readonly url?: readonly string[];
  readonly redis?: string;
  readonly timeout: number;
  readonly ca?: string;
  readonly json?: boolean;
}

/** Adds the options that name the nodes, or Redis. */
export function withClient(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'URL of a node; repeat it, or separate by commas, for more nodes').argParser(
        (text: string, earlier: readonly string[] = []) => [...earlier, ...urlsOf(text)],
      ),
    )
    .addOption(
      new Option(
        '--redis <url>',
        'work on this Redis, without nodes; in the forms of REDIS_URL (default: SYNCLINE_REDIS)',
      ).conflicts('url'),
    )
    .option(
      '--ca <file>',
      'certificate of the authority of nodes with https, or of Redis with TLS, in PEM (default: SYNCLINE_CA)',
    )
    .addOption(
      new Option('--timeout <duration>', 'timeout of a call with all its retries, not counting --wait')
        .argParser(duration)
        .default(10_000, '10s'),
    );
}

/** Adds the options of {@link withClient} and the output format. */
export const withOutput = (command: Command): Command =>
  withClient(command).option('--json', 'print JSON, for scripts');

/** The roles that a command about nodes is for. @throws Failure `--url` is given, and no role */
export function rolesAsked(role: Role | undefined, { url }: ClientOptions): readonly Role[] {
  if (role !== undefined) return [role];
  if (url === undefined) return ROLES;
  throw new Failure(
    '--url: name the role of these nodes, as in: syncline cluster lock --url ...',
    EXIT.usage,
  );
}

export const CLIENTS_HELP = `
Nodes: --url, else these variables (comma-separated), else these defaults
${ROLES.map((role) => `  ${variableOf(role).padEnd(22)}${defaultUrls(role).join(',')}`).join('\n')}
  SYNCLINE_API_KEY      API key, for nodes that require one
  SYNCLINE_CA           as --ca
  SYNCLINE_CERT, SYNCLINE_KEY   files of a client's certificate and key, for those that know it
Without nodes: --redis, else SYNCLINE_REDIS
  SYNCLINE_NAMESPACE, SYNCLINE_LOCK_DURABILITY   as SYNCLINE_NAMESPACE and LOCK_DURABILITY of the nodes on this Redis
  SYNCLINE_SENTINEL_USERNAME, SYNCLINE_SENTINEL_PASSWORD   where sentinels ask for them

Durations have a unit: 250ms, 30s, 5m, 2h.`;

/** A command that waits says so after this time. */
const SILENT_MS = 1_000;

/** Creates the clients of the three roles from the options of a command and the environment. */
export class Clients {
  private readonly embedded: Syncline[] = [];
  private readonly waiting: Partial<Record<Role, NodeJS.Timeout>> = {};

  constructor(private readonly environment: Environment) {}

  async lock(options: ClientOptions): Promise<LockClient> {
    return (await this.embed('lock', options))?.lock ?? new LockClient(this.transport('lock', options));
  }

  async queue(options: ClientOptions): Promise<QueueClient> {
    const embedded = await this.embed('queue', options);
    return embedded?.clients.queue ?? new QueueClient(this.transport('queue', options));
  }

  async cache(options: ClientOptions): Promise<CacheClient> {
    const embedded = await this.embed('cache', options);
    return embedded?.clients.cache ?? new CacheClient(this.transport('cache', options));
  }

  /** The command has what it waited for, and goes on with something else. */
  answered(role: Role): void {
    clearTimeout(this.waiting[role]);
  }

  /** Ends the engines of this process. */
  async close(): Promise<void> {
    for (const role of ROLES) this.answered(role);
    await Promise.all(this.embedded.map((each) => each.close()));
  }

  /** An engine of this process, where the command names a Redis. From now on the command waits for answers. */
  private async embed(role: Role, { url, redis, ca }: ClientOptions): Promise<Syncline | undefined> {
    const {
      SYNCLINE_REDIS,
      SYNCLINE_SENTINEL_USERNAME,
      SYNCLINE_SENTINEL_PASSWORD,
      SYNCLINE_NAMESPACE,
      SYNCLINE_LOCK_DURABILITY,
    } = this.environment;
    const named = redis ?? (url === undefined ? SYNCLINE_REDIS : undefined);
    // Whoever looks at a terminal is told; a log need not be.
    if (process.stderr.isTTY) {
      const whom = named ? 'Redis' : `an answer from ${(url ?? this.configured(role)).join(', ')}`;
      this.waiting[role] = setTimeout(() => say(`waiting for ${whom} ...`), SILENT_MS).unref();
    }
    if (!named) return undefined;
    // Those who call nodes need not load the engines.
    const { embed } = await import('@syncline/embedded');
    const embedded = await embed({
      redis: {
        url: named,
        sentinel: {
          username: SYNCLINE_SENTINEL_USERNAME || undefined,
          password: SYNCLINE_SENTINEL_PASSWORD || undefined,
        },
        tls: this.certificates(ca),
      },
      name: 'cli',
      roles: [role],
      // This process ends soon.
      timers: false,
      nearCacheBytes: 0,
      namespace: SYNCLINE_NAMESPACE || undefined,
      // The engine judges it.
      lockDurability: (SYNCLINE_LOCK_DURABILITY || undefined) as EmbedOptions['lockDurability'],
    });
    this.embedded.push(embedded);
    return embedded;
  }

  private transport(role: Role, { url, timeout, ca }: ClientOptions): TransportOptions {
    return {
      urls: url ?? this.configured(role),
      // An empty variable counts as unset.
      apiKey: this.environment.SYNCLINE_API_KEY || undefined,
      ...this.certificates(ca),
      timeoutMs: timeout,
    };
  }

  private certificates(ca: string | undefined) {
    const { SYNCLINE_CA, SYNCLINE_CERT, SYNCLINE_KEY } = this.environment;
    return { ca: pem(ca ?? SYNCLINE_CA), cert: pem(SYNCLINE_CERT), key: pem(SYNCLINE_KEY) };
  }

  private configured(role: Role): readonly string[] {
    const variable = variableOf(role);
    const text = this.environment[variable];
    if (!text) return defaultUrls(role);
    try {
      return urlsOf(text);
    } catch (error) {
      throw new Failure(`${variable}: ${(error as InvalidArgumentError).message}`, EXIT.usage);
    }
  }
}

function pem(file: string | undefined): string | undefined {
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Failure(`cannot read the file ${file}`, EXIT.usage);
  }
}

function defaultUrls(role: Role): string[] {
  return [0, 1, 2].map((n) => `http://localhost:${FIRST_PORT[role] + n}`);
}

function urlsOf(text: string): string[] {
  return text.split(',').map((part) => {
    const url = part.trim();
    if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
    throw new InvalidArgumentError(`Expected a URL such as http://localhost:8001, not '${part}'.`);
  });
}
