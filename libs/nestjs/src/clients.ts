import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { CacheClient, LockClient, QueueClient, type SynclineOptions } from '@syncline/client';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';

const CLIENTS = { lock: LockClient, queue: QueueClient, cache: CacheClient } as const;
type Role = keyof typeof CLIENTS;
type Client<R extends Role> = InstanceType<(typeof CLIENTS)[R]>;

const ROLES = Object.keys(CLIENTS) as Role[];

/** The clients of the roles whose nodes are named. */
@Injectable()
export class Clients implements OnModuleInit, OnApplicationShutdown {
  private readonly made = new Map<Role, Client<Role>>();

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: SynclineOptions,
    private readonly discovery: DiscoveryService,
  ) {
    // An application that ends says so: what its providers hold is free for the next one at once.
    const { apiKey, timeoutMs, releaseOnClose = true } = options;
    for (const role of ROLES) {
      const urls = options[role];
      const all = { urls: urls ?? [], apiKey, timeoutMs, releaseOnClose };
      if (urls !== undefined) this.made.set(role, new CLIENTS[role](all));
    }
  }

  /** The client of a role; when its nodes are not named, one whose every call throws and says so. */
  get<R extends Role>(role: R): Client<R> {
    return (this.made.get(role) ?? standIn(role)) as Client<R>;
  }

  /** A client that is missing is better told at the start than at its first call. */
  onModuleInit(): void {
    const missing = new Map(
      ROLES.filter((role) => !this.made.has(role)).map((role) => [CLIENTS[role] as unknown, role]),
    );
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const properties = (wrapper.getPropertiesMetadata() ?? []).map((property) => property.wrapper);
      for (const { token } of [...(wrapper.getCtorMetadata() ?? []), ...properties]) {
        const role = missing.get(token);
        if (role !== undefined) throw notConfigured(role, ` ${wrapper.name} asks for it.`);
      }
    }
  }

  /** After all that may still call: workers stop, and requests end, before. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.made.values()].map((client) => client.close()));
  }
}

/** Providers by which the clients are injected. */
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
      // Nest looks for hooks and for `then`: only what a client has is refused.
      get(_, property) {
        if (property !== 'constructor' && Object.hasOwn(prototype, property)) throw notConfigured(role);
        return undefined;
      },
    },
  );
}

const notConfigured = (role: Role, who = '') =>
  new TypeError(
    `${CLIENTS[role].name} has no nodes.${who} Name them: SynclineModule.forRoot({ ${role}: ['http://...'] })`,
  );
