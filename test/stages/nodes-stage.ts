import type { Role } from '@syncline/contracts';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';

/** Nodes of a role on a Redis of their own, for all tests of a file or of a `describe`. */
export class NodesStage {
  readonly nodes: NodeProcess[] = [];
  private server: RedisServer | undefined;
  private connection: Redis | undefined;
  private tests = 0;

  private constructor(private readonly role: Role) {}

  /** Declares that they run before the first test and until the last. */
  static forTests(role: Role, count: number): NodesStage {
    const stage = new NodesStage(role);
    beforeAll(async () => {
      stage.server = await RedisServer.start();
      stage.nodes.push(...(await startNodes(role, count, { redisUrl: stage.server.url })));
    });
    beforeEach(() => {
      stage.tests += 1;
    });
    afterAll(async () => {
      stage.connection?.disconnect();
      await stopAll(stage.nodes);
      await stage.server?.stop();
    });
    return stage;
  }

  get redis(): RedisServer {
    if (this.server === undefined) throw new Error('The Redis of this stage is not running.');
    return this.server;
  }

  /** A plain connection for inspecting Redis. */
  get client(): Redis {
    this.connection ??= this.redis.connect();
    return this.connection;
  }

  node(i = 0): NodeProcess {
    const node = this.nodes[i % this.nodes.length];
    if (node === undefined) throw new Error('The nodes of this stage are not running.');
    return node;
  }

  /** A name of its own for each test. */
  get name(): string {
    return `${this.role}-${this.tests}`;
  }
}
