import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { REDIS, type RedisClient, storeError, whenReady } from '@syncline/redis';
import { queueKeys } from './queue.keys.js';

/** The count of a node that does not ask for it is forgotten. */
const KEPT_S = 60;

/**
 * Finds out that a hint to wake receivers was lost, or that Redis may have lost who is parked here. Redis numbers the hints to each
 * node; what it had sent when it was asked before must have come by now. On a Redis Cluster nothing is numbered, since no script can
 * reach both a queue and the number.
 */
@Injectable()
export class WakeUps implements OnModuleInit, OnModuleDestroy {
  readonly areNumbered: boolean;
  /** Number of the latest that came here; of the latest that was sent when Redis was asked. */
  private heard = 0;
  private sent = 0;
  private missed = false;
  private readonly onConnected = () => {
    this.missed = true;
  };

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly membership: Membership,
  ) {
    this.areNumbered = !redis.isCluster;
  }

  onModuleInit(): void {
    this.redis.on('ready', this.onConnected);
    this.redis.on('+node', this.onConnected);
  }

  onModuleDestroy(): void {
    this.redis.off('ready', this.onConnected);
    this.redis.off('+node', this.onConnected);
  }

  /** One came. @param number undefined where they are not numbered */
  hear(number: number | undefined): void {
    if (number === undefined || number <= this.heard) return;
    this.missed ||= number > this.heard + 1;
    this.heard = number;
  }

  /** Whether anything may have been missed since it was asked last. @throws StoreUnavailable */
  async anyMissed(): Promise<boolean> {
    const sent = this.areNumbered ? await this.count() : 0;
    const missed = this.missed || this.heard < this.sent || sent < this.sent;
    if (missed) this.heard = sent;
    this.sent = sent;
    this.missed = false;
    return missed;
  }

  private async count(): Promise<number> {
    try {
      if (this.redis.status !== 'ready') await whenReady(this.redis);
      return Number(await this.redis.getex(queueKeys.wakeUps(this.membership.nodeId), 'EX', KEPT_S));
    } catch (error) {
      throw storeError(error);
    }
  }
}
