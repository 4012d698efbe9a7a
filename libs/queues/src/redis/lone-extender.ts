import { commandConnection, type RedisAccess, type RedisClient } from '@syncline/redis';
import { queueKeys } from './queue.keys.js';
import { type Delivery, readReceipt } from './receipt.js';
import { extend } from './scripts/ends.js';

/** The connection is closed when nothing was extended for this time. */
const IDLE_MS = 10_000;

/** Extends deliveries and does nothing else: for a thread of a process whose engine is blocked. Connects when it must. */
export class LoneExtender {
  private connection: RedisClient | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(private readonly access: RedisAccess) {}

  /** Which of them are extended, in order. @throws when Redis cannot be reached */
  async extend(queue: string, receipts: readonly string[], visibilityTimeoutMs: number): Promise<boolean[]> {
    const redis = this.connect();
    const secret = (await redis.hget(queueKeys.queue(queue), 'secret')) ?? '';
    const read = receipts.map((receipt) => readReceipt(secret, queue, receipt));
    const deliveries = read.filter((one): one is Delivery => one !== null);
    if (deliveries.length === 0) return read.map(() => false);
    // The timers are not told: what becomes due later is found not to be due yet.
    const reply = await extend(redis, {
      queue,
      timersNode: '',
      deliveries,
      visibilityTimeoutMs,
      progress: '',
    });
    let next = 0;
    return read.map((one) => one !== null && reply?.verdicts[next++] === 'extended');
  }

  private connect(): RedisClient {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.disconnect(), IDLE_MS);
    if (this.connection === undefined) {
      this.connection = commandConnection(this.access, 'heartbeats');
      // Its commands fail.
      this.connection.on('error', () => {});
      this.connection.connect().catch(() => {});
    }
    return this.connection;
  }

  private disconnect(): void {
    this.connection?.disconnect();
    this.connection = undefined;
  }
}
