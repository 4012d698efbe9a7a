import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { CacheClient, LockClient, QueueClient, Syncline } from '@syncline/client';
import { MODULE_OPTIONS_TOKEN, type SynclineModuleOptions } from './module-definition.js';

const CLIENTS = { lock: LockClient, queue: QueueClient, cache: CacheClient } as const;
type Role = keyof typeof CLIENTS;
type Client<R extends Role> = InstanceType<(typeof CLIENTS)[R]>;

const ROLES = Object.keys(CLIENTS) as Role[];

/** The clients of all roles that are configured. */
@Injectable()
export class Clients implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly syncline: Syncline,
    private readonly discovery: DiscoveryService,
  ) {}

  /** The client of a role. When it is not configured, a stand-in that throws an error that says so at every call. */
  get<R extends Role>(role: R): Client<R> {
    return (this.syncline.clients[role] ?? standIn(role)) as Client<R>;
  }

  /** Fails at the start, not at the first call, when a provider injects a client that is not configured. */
  onModuleInit(): void {
    const { clients } = this.syncline;
    const missing = new Map(
      ROLES.filter((role) => clients[role] === undefined).map((role) => [CLIENTS[role] as unknown, role]),
    );
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const properties = (wrapper.getPropertiesMetadata() ?? []).map((property) => property.wrapper);
      for (const { token } of [...(wrapper.getCtorMetadata() ?? []), ...properties]) {
        const role = missing.get(token);
        if (role !== undefined) throw notConfigured(role, ` ${wrapper.name} injects it.`);
      }
    }
  }

  /** The last hook: workers have stopped and requests have ended before. */
  async onApplicationShutdown(): Promise<void> {
    await this.syncline.close();
  }
}

/** Connects to the nodes, or starts the engines in this process. */
async function connect(given: SynclineModuleOptions): Promise<Syncline> {
  // By default an application releases its locks when it closes, so that another instance can take them at once.
  const options = { ...given, releaseOnClose: given.releaseOnClose ?? true };
  if (!('redis' in options)) return new Syncline(options);
  // Only those who ask for it need to have it.
  const { embed } = await import('@syncline/embedded');
  return embed(options);
}

/** Providers of the clients. */
export const CLIENT_PROVIDERS = [
  { provide: Syncline, inject: [MODULE_OPTIONS_TOKEN], useFactory: connect },
  Clients,
  ...ROLES.map((role) => ({
    provide: CLIENTS[role],
    inject: [Clients],
    useFactory: (clients: Clients) => clients.get(role),
  })),
];

function standIn(role: Role): object {
  const { prototype } = CLIENTS[role];
  return new Proxy(
    {},
    {
      // Throw only for members of the client: Nest also looks for hooks and for `then`.
      get(_, property) {
        if (property !== 'constructor' && Object.hasOwn(prototype, property)) throw notConfigured(role);
        return undefined;
      },
    },
  );
}

const notConfigured = (role: Role, who = '') =>
  new TypeError(
    `${CLIENTS[role].name} has no nodes.${who} Configure them: SynclineModule.forRoot({ ${role}: ['http://...'] })`,
  );
