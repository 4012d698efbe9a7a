import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CacheClient, LockClient, type Message, QueueClient } from '@syncline/client';
import { SynclineModule, Worker } from '@syncline/nestjs';

@Injectable()
class Orders {
  private receive: (body: string) => void = () => undefined;
  readonly received = new Promise<string>((resolve) => {
    this.receive = resolve;
  });

  constructor(
    readonly locks: LockClient,
    readonly queues: QueueClient,
    readonly caches: CacheClient,
  ) {}

  @Worker('orders')
  handle({ body }: Message<string>): void {
    this.receive(body);
  }
}

/** What a user of the Nest module does. */
export async function run(redis: string): Promise<unknown[]> {
  @Module({ imports: [SynclineModule.forRoot({ redis })], providers: [Orders] })
  class App {}

  const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
  const { locks, queues, caches, received } = app.get(Orders);
  await queues.queue<string>('orders').send('hello');
  const held = await locks.using('invoice-42', {}, (lease) => lease.isHeld);
  const price = await caches.cache<number>('prices').getOrSet('sku-1', () => 19.9);
  const body = await received;
  await app.close();
  return [held, price, body];
}
