import { type MessageHandler, ServerRedis } from '@nestjs/microservices';
import type { Role } from '@syncline/contracts';
import { namespacePrefix, type RedisAccess, type RedisClient, subscriberConnection } from '@syncline/redis';
import { nodeChannel, roleChannel } from './redis/cluster.keys.js';

/** Interval of pings on the subscription: without them a dead connection would never be noticed. */
const PING_MS = 1_000;

/**
 * The server side of Nest's Redis transport. A handler `@EventPattern('lock.granted')` gets the events for all nodes of
 * the role and those for this node alone. Redis may be unreachable at boot: the subscriptions start when it is back.
 *
 * Events only: a request with a reply would run on every node that listens. The base class also asks for a connection for
 * replies; it gets the subscriber, and never writes to it.
 */
export class NodeTransport extends ServerRedis {
  private readonly subscriber: RedisClient;
  private pings: NodeJS.Timeout | undefined;

  constructor(private readonly node: { redis: RedisAccess; role: Role; nodeId: string }) {
    super({});
    this.subscriber = subscriberConnection(node.redis, `${node.nodeId}:transport`);
  }

  override addHandler(pattern: string, handler: MessageHandler, isEvent?: boolean): void {
    const { redis, role, nodeId } = this.node;
    const prefix = namespacePrefix(redis);
    super.addHandler(roleChannel(prefix, role, pattern), handler, isEvent);
    const own = nodeChannel(prefix, role, pattern, nodeId);
    super.addHandler(own, (data, context) => handler(data, context), isEvent);
  }

  override async createRedisClient(): Promise<RedisClient> {
    return this.subscriber;
  }

  override start(callback?: () => void): void {
    this.bindEvents();
    // ioredis retries when the first attempt fails.
    this.subscriber.connect().catch(() => {});
    // If a ping is not answered, ioredis drops the connection and reconnects.
    this.pings = setInterval(() => this.subscriber.ping().catch(() => {}), PING_MS);
    callback?.();
  }

  override bindEvents(): void {
    this.subscriber.on('message', this.getMessageHandler(this.subscriber));
    // A subscription fails only together with its connection; this subscribes again on the next one.
    this.subscriber.on('ready', () => {
      this.subscriber.subscribe(...this.messageHandlers.keys()).catch(() => {});
    });
  }

  override async close(): Promise<void> {
    this.isManuallyClosed = true;
    clearInterval(this.pings);
    this.subscriber.disconnect();
  }

  /** The command connection logs one line for each outage; this connection need not repeat it. */
  override registerErrorListener(): void {
    this.subscriber.on('error', () => {});
  }
  override registerReconnectListener(): void {}
  override registerReadyListener(): void {}
  override registerEndListener(): void {}
}
