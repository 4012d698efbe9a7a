import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Role } from '@syncline/contracts';
import { Child } from './child.js';
import { freePort } from './free-port.js';

export interface NodeProcessOptions {
  readonly redisUrl: string;
  readonly nodeId: string;
  /** Additional environment variables of the node. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder with the built apps. Default: `dist`. */
  readonly dist?: string;
  /** Wait until the node listens, or (default) until it has joined its cluster. */
  readonly until?: 'listening' | 'joined';
}

const mainOf = (role: Role, dist = 'dist') =>
  join(process.cwd(), dist, 'apps', role, 'apps', role, 'src', 'main.js');

/** A node as a process of its own, from the shipped build, on a free port. */
export class NodeProcess extends Child {
  private constructor(
    readonly nodeId: string,
    readonly role: Role,
    private readonly scheme: 'http' | 'https',
    child: ReturnType<typeof spawn>,
  ) {
    super(nodeId, child);
  }

  private port = 0;

  static async start(role: Role, options: NodeProcessOptions): Promise<NodeProcess> {
    const { redisUrl, nodeId, env = {}, dist = 'dist', until = 'joined' } = options;
    const child = spawn(process.execPath, ['--unhandled-rejections=strict', mainOf(role, dist)], {
      env: {
        PATH: process.env.PATH,
        NODE_ID: nodeId,
        PORT: '0',
        HOST: '127.0.0.1',
        REDIS_URL: redisUrl,
        ...env,
      },
    });
    const node = new NodeProcess(nodeId, role, env.TLS_CERT === undefined ? 'http' : 'https', child);
    const listening = await node.printed(/"msg":"listening","port":(\d+)/);
    node.port = Number(listening[1]);
    if (until === 'joined') await node.printed(/Joined the \w+ nodes/);
    return node;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }
}

/** Starts a node that should not come up, with nothing but these environment variables. Resolves when it has exited. */
export async function startInVain(
  role: Role,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const defaults = { PATH: process.env.PATH, NODE_ID: 'n', PORT: String(await freePort()) };
  const child = new Child(role, spawn(process.execPath, [mainOf(role)], { env: { ...defaults, ...env } }));
  return { code: await child.exited, output: child.output };
}

/** Starts `count` nodes of a role at once, named `<role>_1`, `<role>_2`, ... */
export function startNodes(
  role: Role,
  count: number,
  options: Omit<NodeProcessOptions, 'nodeId'>,
): Promise<NodeProcess[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      NodeProcess.start(role, { ...options, nodeId: `${role}_${i + 1}` }),
    ),
  );
}

/**
 * How many requests and calls of some routes the nodes have answered, according to their metrics.
 *
 * @param which matched with `method="POST",route="/v1/locks/:name/acquire",status="200"` and the like
 */
export async function answeredBy(nodes: readonly NodeProcess[], which: RegExp): Promise<number> {
  const pages = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return pages
    .flatMap((page) => [...page.matchAll(/^http_request_duration_seconds_count\{(.*)\} (\d+)$/gm)])
    .filter(([, labels = '']) => which.test(labels))
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}

/** Ends every node with SIGTERM. */
export async function stopAll(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}
