import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { CacheClient, LockClient, QueueClient, type SynclineOptions } from '@syncline/client';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';

const CLIENTS = { lock: LockClient, queue: QueueClient, cache: CacheClient } as const;
type Role = keyof typeof CLIENTS;
type Client<R extends Role> = InstanceType<(typeof CLIENTS)[R]>;

const ROLES = Object.keys(CLIENTS) as Role[];

/** The clients of all roles whose nodes are configured. */
@Injectable()
export class Clients implements OnModuleInit, OnApplicationShutdown {
  private readonly made = new Map<Role, Client<Role>>();

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: SynclineOptions,
    private readonly discovery: DiscoveryService,
  ) {
    // By default an application releases its locks when it closes, so that another instance can take them at once.
    const { apiKey, ca, cert, key, timeoutMs, releaseOnClose = true } = options;
    for (const role of ROLES) {
      const urls = options[role];
      const all = { urls: urls ?? [], apiKey, ca, cert, key, timeoutMs, releaseOnClose };
      if (urls !== undefined) this.made.set(role, new CLIENTS[role](all));
    }
  }

  /** The client of a role. Without configured nodes, a stand-in that throws an error that says so at every call. */
  get<R extends Role>(role: R): Client<R> {
    return (this.made.get(role) ?? standIn(role)) as Client<R>;
  }

  /** Fails at the start, not at the first call, when a provider injects a client without nodes. */
  onModuleInit(): void {
    const missing = new Map(
      ROLES.filter((role) => !this.made.has(role)).map((role) => [CLIENTS[role] as unknown, role]),
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
    await Promise.all([...this.made.values()].map((client) => client.close()));
  }
}

/** Providers of the clients. */
export const CLIENT_PROVIDERS = ROLES.map((role) => ({
  provide: CLIENTS[role],
  inject: [Clients],
  useFactory: (clients: Clients) => clients.get(role),
}));

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
