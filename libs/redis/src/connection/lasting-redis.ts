import { Redis, type RedisOptions } from 'ioredis';

/**
 * A connection that ends only when it is closed. Where sentinels tell of a failover while it is already looking for the new primary,
 * ioredis gives that attempt up, and with it the connection.
 */
export class LastingRedis extends Redis {
  private closed = false;

  constructor(options: Omit<RedisOptions, 'replyMapping'>) {
    super(options);
    this.on('end', () => {
      if (!this.closed) this.connect().catch(() => undefined);
    });
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.closed = true;
    super.disconnect(reconnect);
  }
}
