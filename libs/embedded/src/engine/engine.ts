import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { ClusterModule, Membership, NodeTransport } from '@syncline/cluster';
import type { Cluster, Role } from '@syncline/contracts';
import { type RedisAccess, RedisModule, StoreUnavailable } from '@syncline/redis';
import { RuntimeModule } from '@syncline/runtime';
import { Calls } from './calls.js';
import { HintFilter } from './hint.filter.js';
import { Warnings } from './warnings.js';

/** A member that cannot join within this time is not started. */
const JOIN_WITHIN_MS = 5_000;

/** What the engine of one role is started with. */
export interface EngineSettings {
  readonly role: Role;
  readonly nodeId: string;
  readonly redis: RedisAccess;
  /** Whether it takes part in the ring. */
  readonly timers: boolean;
}

/** The root module: what a node has, without its HTTP edge. */
@Module({})
class Member {
  static forRoot(settings: EngineSettings, engine: Type | DynamicModule): DynamicModule {
    const { role, nodeId, redis, timers } = settings;
    return {
      module: Member,
      imports: [
        RuntimeModule,
        RedisModule.forRoot({ ...redis, connectionName: nodeId }),
        ClusterModule.forRoot({ role, nodeId, kind: 'embedded', timers, peers: [] }),
        engine,
      ],
      providers: [{ provide: APP_FILTER, useClass: HintFilter }],
    };
  }
}

/** The engine of one role in this process: a member of the cluster, like a node, that only this process calls. */
export class Engine {
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly app: Awaited<ReturnType<typeof NestFactory.createMicroservice>>,
    /** How to call its services. */
    readonly calls: Calls,
  ) {}

  /**
   * Starts an engine, which joins its cluster.
   *
   * @throws StoreUnavailable Redis could not be reached; UnsuitableRedis, it must not be used
   */
  static async start(settings: EngineSettings, module: Type | DynamicModule): Promise<Engine> {
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(Member.forRoot(settings, module), {
      strategy: new NodeTransport(settings),
      logger: new Warnings(),
      abortOnError: false,
    });
    const engine = new Engine(app, new Calls(settings.nodeId));
    try {
      await app.listen();
      await engine.join();
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /** A service of the engine. */
  get<Service>(type: Type<Service>): Service {
    return this.app.get(type, { strict: false });
  }

  describeCluster(): Promise<Cluster> {
    return this.calls.call(() => this.get(Membership).describe());
  }

  /** Calls in flight fail; the engine leaves its cluster. */
  close(): Promise<void> {
    this.calls.close();
    this.closing ??= this.app.close();
    return this.closing;
  }

  private async join(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StoreUnavailable('Redis cannot be reached.')), JOIN_WITHIN_MS);
    });
    const joining = this.get(Membership).start('');
    // Closing ends it.
    joining.catch(() => {});
    await Promise.race([joining, late]).finally(() => clearTimeout(timer));
  }
}
