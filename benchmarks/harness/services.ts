import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, eventually, freePort } from '@syncline/testing';
import { Missing } from './missing.js';

/** How to run a peer: what is asked of the machine, and its command line. Each keeps its data in `folder`. */
interface Recipe {
  readonly install: string;
  /** A program on the PATH, or a file. */
  readonly needs: readonly string[];
  command(port: number, folder: string): Promise<readonly [string, ...string[]]>;
  readonly env?: (port: number, folder: string) => Record<string, string>;
}

const local = '127.0.0.1';

const RECIPES = {
  etcd: {
    install: 'apt-get install etcd-server',
    needs: ['etcd'],
    command: async (port, folder) => {
      const peer = `http://${local}:${await freePort()}`;
      const client = `http://${local}:${port}`;
      return [
        'etcd',
        ...['--data-dir', folder, '--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `default=${peer}`, '--logger', 'zap', '--log-level', 'error'],
      ];
    },
  },
  zookeeper: {
    install: 'apt-get install zookeeper',
    needs: ['java', '/usr/share/java/zookeeper.jar', '/etc/zookeeper/conf'],
    command: async (port, folder) => {
      const settings = [`dataDir=${folder}`, `clientPort=${port}`, `clientPortAddress=${local}`];
      const config = join(folder, 'zoo.cfg');
      await writeFile(config, [...settings, 'tickTime=2000', 'admin.enableServer=false', ''].join('\n'));
      const classPath = '/etc/zookeeper/conf:/usr/share/java/*';
      return ['java', '-cp', classPath, 'org.apache.zookeeper.server.ZooKeeperServerMain', config];
    },
  },
  beanstalkd: {
    install: 'apt-get install beanstalkd',
    needs: ['beanstalkd'],
    command: async (port, folder) => ['beanstalkd', '-l', local, '-p', `${port}`, '-b', folder, '-f', '50'],
  },
  nats: {
    install: 'apt-get install nats-server',
    needs: ['nats-server'],
    command: async (port, folder) => ['nats-server', '-a', local, '-p', `${port}`, '-js', '-sd', folder],
  },
  moto: {
    install: 'pip install "moto[server]"',
    needs: ['moto_server'],
    command: async (port) => ['moto_server', '-H', local, '-p', `${port}`],
  },
  memcached: {
    install: 'apt-get install memcached',
    needs: ['memcached'],
    command: async (port) => ['memcached', '-l', local, '-p', `${port}`, '-u', 'nobody', '-m', '256'],
  },
  rabbitmq: {
    install: 'apt-get install rabbitmq-server',
    needs: ['/usr/lib/rabbitmq/bin/rabbitmq-server'],
    command: async () => ['/usr/lib/rabbitmq/bin/rabbitmq-server'],
    env: (port, folder) => ({
      HOME: folder,
      RABBITMQ_NODENAME: `bench${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: local,
      RABBITMQ_NODE_PORT: `${port}`,
      RABBITMQ_DIST_PORT: `${port + 1}`,
      RABBITMQ_MNESIA_BASE: folder,
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    }),
  },
} as const satisfies Record<string, Recipe>;

export type ServiceName = keyof typeof RECIPES;

const READY_MS = 30_000;

const isThere = (need: string) =>
  need.startsWith('/') ? existsSync(need) : spawnSync('which', [need]).status === 0;

const answers = async (port: number): Promise<void> => {
  const socket = connect(port, local);
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
};

/** A peer of ours as a process of its own, on a free port of the loopback interface, with a folder of its own. */
export class Service {
  private constructor(
    readonly port: number,
    private readonly child: Child,
    private readonly folder: string,
  ) {}

  /** @throws Missing when it is not installed */
  static async start(name: ServiceName): Promise<Service> {
    const recipe: Recipe = RECIPES[name];
    if (!recipe.needs.every(isThere)) throw new Missing(`${name} is not installed: ${recipe.install}`);
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), `syncline-${name}-`));
    const [program, ...args] = await recipe.command(port, folder);
    const env = { ...process.env, ...recipe.env?.(port, folder) };
    const service = new Service(port, new Child(name, spawn(program, args, { env })), folder);
    try {
      await eventually(() => answers(port), READY_MS);
    } catch (error) {
      const { output } = service.child;
      await service.stop();
      throw new Error(`${name} did not start:\n${output}`, { cause: error });
    }
    return service;
  }

  get address(): string {
    return `${local}:${this.port}`;
  }

  async stop(): Promise<void> {
    await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
