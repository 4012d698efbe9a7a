import { inspect } from 'node:util';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import type { Handler, Message, Worker } from '@syncline/client';
import { Clients } from './clients.js';
import { Scheduler } from './scheduler.js';
import { type Subscription, Subscriptions } from './worker.decorator.js';

interface Subscribed extends Subscription {
  /** `Class.method`, for logs. */
  readonly name: string;
  readonly handler: Handler<unknown>;
}

/** Runs the methods that are decorated with `@Worker` or `@Scheduled` while the application runs. */
@Injectable()
export class Workers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly clients: Clients,
    private readonly scheduler: Scheduler,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** In this hook every provider is ready for its first message. */
  async onApplicationBootstrap(): Promise<void> {
    const all = [...this.subscribed()];
    for (const subscribed of all) {
      const worker = this.start(subscribed);
      this.stops.push(() => worker.stop());
    }
    await Promise.all(all.map(({ schedule, name }) => schedule && this.scheduler.put(schedule, name)));
  }

  /** The first shutdown hook of Nest: later hooks may close what the handlers use. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
  }

  private start({ decorator, queues, settings, name, handler }: Subscribed): Worker<unknown> {
    const logger = new Logger(name);
    const onError = (error: unknown, message: Message<unknown> | undefined) => {
      const what =
        message === undefined
          ? `Queue ${[queues].flat().join(', ')}`
          : `Message ${message.id} of queue ${message.queue}`;
      // A handler may throw anything, even a value whose `toString` fails.
      logger.error(`${what}: ${inspect(error)}`);
    };
    const client = this.clients.get('queue');
    try {
      return client.worker(queues, handler, { onError, ...settings });
    } catch (error) {
      throw new TypeError(`${decorator} of ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  private *subscribed(): Generator<Subscribed> {
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const { instance } = wrapper;
      if (typeof instance !== 'object' || instance === null || wrapper.isAlias) continue;
      const prototype = Object.getPrototypeOf(instance);
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        const subscriptions = this.reflector.get(Subscriptions, prototype[method]);
        if (subscriptions === undefined) continue;
        const name = `${wrapper.name}.${method}`;
        if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) {
          const [{ decorator } = { decorator: '@Worker' }] = subscriptions;
          throw new TypeError(`${decorator} of ${name}: its class must have the default scope`);
        }
        const handler: Handler<unknown> = (message, context) => instance[method](message, context);
        for (const subscription of subscriptions) yield { ...subscription, name, handler };
      }
    }
  }
}
