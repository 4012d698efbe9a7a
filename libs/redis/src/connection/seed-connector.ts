import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import type { TlsFiles } from './access.js';
import type { Address } from './redis-url.js';

const DISCONNECT_TIMEOUT_MS = 2_000;

/**
 * Connects to one of several addresses, to the next one each time. For subscriptions on a Redis Cluster, whose nodes all
 * hear what is published at any of them: this connection can be watched and made again like one to a single Redis.
 */
export function seedConnector(
  addresses: readonly Address[],
  tls: TlsFiles | undefined,
): NonNullable<RedisOptions['Connector']> {
  let next = Math.floor(Math.random() * addresses.length);
  return class SeedConnector extends AbstractConnector {
    constructor() {
      super(DISCONNECT_TIMEOUT_MS);
    }

    override connect(): Promise<NonNullable<typeof this.stream>> {
      const { host, port } = addresses[next % addresses.length] as Address;
      next += 1;
      this.connecting = true;
      const stream = tls === undefined ? connect(port, host) : connectTls({ host, port, ...tls });
      stream.once('error', (error) => {
        this.firstError = error;
      });
      this.stream = stream;
      return Promise.resolve(stream);
    }
  };
}
