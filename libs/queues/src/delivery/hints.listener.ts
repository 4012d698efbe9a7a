import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { DUE, WAKE } from '../redis/queue.store.js';
import { DueTimers } from '../timers/due-timers.js';
import { ParkedReceivers } from './parked-receivers.js';

/** What the scripts tell the nodes. Any of it may be lost; `ParkedReceivers` and `DueTimers` find it out later. */
@Controller()
export class HintsListener {
  constructor(
    private readonly receivers: ParkedReceivers,
    private readonly timers: DueTimers,
  ) {}

  @EventPattern(WAKE)
  onWake({ queue, ids }: { queue: string; ids: readonly string[] }): void {
    this.receivers.wake(queue, ids);
  }

  @EventPattern(DUE)
  onDue({ queue, inMs }: { queue: string; inMs: number }): void {
    this.timers.arm(queue, inMs);
  }
}
