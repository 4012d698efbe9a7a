import { Controller, Logger } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { logUnlessAway } from '@syncline/redis';
import { ShardCalls } from '../redis/shard-calls.js';
import { Shards } from '../redis/shards.js';
import { Memory } from './memory.js';

/** Redis is another instance. Lost hints are made up for by the next heartbeat; a lease whose end was not heard of ends by time. */
@Controller()
export class RecoveryListener {
  private readonly report = logUnlessAway(new Logger(RecoveryListener.name));

  constructor(
    private readonly calls: ShardCalls,
    private readonly shards: Shards,
    private readonly memory: Memory,
  ) {}

  @EventPattern('lock.opening')
  onOpening(@Payload() { shard }: { shard: number }): void {
    this.calls.opened(shard).catch(this.report);
  }

  @EventPattern('lock.opened')
  onOpened(@Payload() { shard }: { shard: number }): void {
    this.calls.onOpened(shard);
  }

  /** Another node ended a lease that this one told its client of. */
  @EventPattern('lock.ended')
  onEnded(@Payload() { key, leaseId }: { key: string; leaseId: string }): void {
    this.memory.ended(this.shards.of(key), [{ key, leaseId }]);
  }
}
