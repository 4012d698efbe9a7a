import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import type { Handler, Message, Worker } from '@syncline/client';
import { Clients } from './clients.js';
import { Subscription, type WorkerSettings } from './worker.decorator.js';

interface Subscribed {
  readonly queue: string;
  readonly settings: WorkerSettings;
  /** `Class.method`, for logs. */
  readonly name: string;
  readonly handler: Handler<unknown>;
}

/** Runs the methods that are decorated with `@Worker`, while the application does. */
@Injectable()
export class Workers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly clients: Clients,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** When every provider is ready for its first message. */
  onApplicationBootstrap(): void {
    for (const subscribed of this.subscribed()) {
      const worker = this.start(subscribed);
      this.stops.push(() => worker.stop(subscribed.settings.stopTimeoutMs));
    }
  }

  /** The earliest of Nest's hooks: what handlers use may go in any later one. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
  }

  private start({ queue, settings, name, handler }: Subscribed): Worker<unknown> {
    const { stopTimeoutMs: _, ...options } = settings;
    const logger = new Logger(name);
    const onError = (error: unknown, message: Message<unknown> | undefined) => {
      const what = message === undefined ? `Queue ${queue}` : `Message ${message.id} of queue ${queue}`;
      logger.error(`${what}: ${error}`, error instanceof Error ? error.stack : undefined);
    };
    return this.clients.get('queue').worker(queue, handler, { onError, ...options });
  }

  private *subscribed(): Generator<Subscribed> {
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const { instance } = wrapper;
      if (typeof instance !== 'object' || instance === null || wrapper.isAlias) continue;
      const prototype = Object.getPrototypeOf(instance);
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        const subscription = this.reflector.get(Subscription, prototype[method]);
        if (subscription === undefined) continue;
        const name = `${wrapper.name}.${method}`;
        if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) {
          throw new TypeError(
            `@Worker of ${name}: its class must live as long as the application, in the default scope`,
          );
        }
        yield {
          ...subscription,
          name,
          handler: (message, context) => instance[method](message, context),
        };
      }
    }
  }
}
