// An HTTP server that does nothing: `tsx benchmarks/http/server.ts plain|nest|fast` prints its port.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import 'reflect-metadata';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastExpressAdapter } from '../../libs/http/src/node/fast-express.adapter.js';

const VALUE = { value: 'x'.repeat(200) };

// Decorators are called: what runs this file knows no metadata of types, and none is needed.
class Empty {
  get() {
    return VALUE;
  }
}
Controller('v1/caches/:cache/entries/:key')(Empty);
Get()(Empty.prototype, 'get', Object.getOwnPropertyDescriptor(Empty.prototype, 'get') as PropertyDescriptor);
Param('cache')(Empty.prototype, 'get', 0);
Param('key')(Empty.prototype, 'get', 1);

class App {}
Module({ controllers: [Empty] })(App);

async function listen(kind: string): Promise<number> {
  if (kind === 'plain') {
    const text = JSON.stringify(VALUE);
    const server = createServer((_, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
  const adapter = kind === 'fast' ? new FastExpressAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(App, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  return (app.getHttpServer().address() as AddressInfo).port;
}

console.log(`port ${await listen(process.argv[2] ?? '')}`);
