import { readFileSync } from 'node:fs';
import { CacheClient, type Cluster, LockClient, QueueClient, type TransportOptions } from '@syncline/client';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { duration } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

export type Role = Cluster['role'];
export const ROLES: readonly Role[] = ['lock', 'queue', 'cache'];

const FIRST_PORT: Readonly<Record<Role, number>> = { lock: 8001, queue: 8004, cache: 8007 };
const variableOf = (role: Role) => `SYNCLINE_${role.toUpperCase()}_URLS`;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Options of every command that calls nodes. */
export interface NodeOptions {
  readonly url?: readonly string[];
  readonly timeout: number;
  readonly ca?: string;
  readonly json?: boolean;
}

/** Adds the options that name the nodes. */
export function withNodes(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'URL of a node; repeat it, or separate by commas, for more nodes').argParser(
        (text: string, earlier: readonly string[] = []) => [...earlier, ...urlsOf(text)],
      ),
    )
    .option('--ca <file>', 'certificate of the authority of nodes with https, in PEM (default: SYNCLINE_CA)')
    .addOption(
      new Option('--timeout <duration>', 'timeout of a call with all its retries, not counting --wait')
        .argParser(duration)
        .default(10_000, '10s'),
    );
}

/** Adds the options that name the nodes and the output format. */
export const withOutput = (command: Command): Command =>
  withNodes(command).option('--json', 'print JSON, for scripts');

export const NODES_HELP = `
Nodes: --url, else these variables (comma-separated), else these defaults
${ROLES.map((role) => `  ${variableOf(role).padEnd(22)}${defaultUrls(role).join(',')}`).join('\n')}
  SYNCLINE_API_KEY      API key, for nodes that require one
  SYNCLINE_CA           as --ca
  SYNCLINE_CERT, SYNCLINE_KEY   files of a client's certificate and key, for nodes that know it

Durations have a unit: 250ms, 30s, 5m, 2h.`;

/** Creates the clients of the three roles from the options of a command and the environment. */
export class Nodes {
  constructor(private readonly environment: Environment) {}

  lock(options: NodeOptions): LockClient {
    return new LockClient(this.transport('lock', options));
  }

  queue(options: NodeOptions): QueueClient {
    return new QueueClient(this.transport('queue', options));
  }

  cache(options: NodeOptions): CacheClient {
    return new CacheClient(this.transport('cache', options));
  }

  private transport(role: Role, { url, timeout, ca }: NodeOptions): TransportOptions {
    const { SYNCLINE_API_KEY, SYNCLINE_CA, SYNCLINE_CERT, SYNCLINE_KEY } = this.environment;
    return {
      urls: url ?? this.configured(role),
      // An empty variable counts as unset.
      apiKey: SYNCLINE_API_KEY || undefined,
      ca: pem(ca ?? SYNCLINE_CA),
      cert: pem(SYNCLINE_CERT),
      key: pem(SYNCLINE_KEY),
      timeoutMs: timeout,
    };
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
