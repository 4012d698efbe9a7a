import { type MessageHandler, ServerRedis } from '@nestjs/microservices';
import type { Role } from '@syncline/contracts';
import { type RedisAccess, type RedisClient, subscriberConnection } from '@syncline/redis';
import { nodeChannel, roleChannel } from './redis/cluster.keys.js';

/** How often the subscription is tried: a cut cable would otherwise go unnoticed for ever. */
const PING_MS = 1_000;

/**
 * Nest's Redis transport, listening. A handler `@EventPattern('lock.granted')` hears what is sent to all nodes
 * of the role and what is sent to this node alone. Redis may be away at boot: the subscriptions follow.
 *
 * Only events: asking with a reply would run on every node that listens, so the connection for replies that
 * the base class wants is the subscriber itself, and is never written to.
 */
export class NodeTransport extends ServerRedis {
  private readonly subscriber: RedisClient;
  private pings: NodeJS.Timeout | undefined;

  constructor(private readonly node: { redis: RedisAccess; role: Role; nodeId: string }) {
    super({});
    this.subscriber = subscriberConnection(node.redis, `${node.nodeId}:transport`);
  }

  override addHandler(pattern: string, handler: MessageHandler, isEvent?: boolean): void {
    const { role, nodeId } = this.node;
    super.addHandler(roleChannel(role, pattern), handler, isEvent);
    super.addHandler(nodeChannel(role, pattern, nodeId), (data, context) => handler(data, context), isEvent);
  }

  override async createRedisClient(): Promise<RedisClient> {
    return this.subscriber;
  }

  override start(callback?: () => void): void {
    this.bindEvents();
    // Connecting goes on by itself when the first attempt fails.
    this.subscriber.connect().catch(() => {});
    // An unanswered ping makes ioredis drop the connection and connect again.
    this.pings = setInterval(() => this.subscriber.ping().catch(() => {}), PING_MS);
    callback?.();
  }

  override bindEvents(): void {
    this.subscriber.on('message', this.getMessageHandler(this.subscriber));
    // A subscription that fails does so with its connection; the next one is subscribed again here.
    this.subscriber.on('ready', () => {
      this.subscriber.subscribe(...this.messageHandlers.keys()).catch(() => {});
    });
  }

  override async close(): Promise<void> {
    this.isManuallyClosed = true;
    clearInterval(this.pings);
    this.subscriber.disconnect();
  }

  /** The connection for commands writes one line an outage; this one need not repeat it. */
  override registerErrorListener(): void {
    this.subscriber.on('error', () => {});
  }
  override registerReconnectListener(): void {}
  override registerReadyListener(): void {}
  override registerEndListener(): void {}
}
