import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { EndWatch } from '../by-id/end-watch.js';
import { DUE, ENDED, WAKE } from '../redis/queue.store.js';
import type { End } from '../redis/scripts/by-id.js';
import { DueTimers } from '../timers/due-timers.js';
import { ParkedReceivers } from './parked-receivers.js';

/** What the scripts tell the nodes. Any of it may be lost; `ParkedReceivers`, `DueTimers` and `EndWatch` find it out later. */
@Controller()
export class HintsListener {
  constructor(
    private readonly receivers: ParkedReceivers,
    private readonly timers: DueTimers,
    private readonly ends: EndWatch,
  ) {}

  @EventPattern(WAKE)
  onWake({ queue, ids }: { queue: string; ids: readonly string[] }): void {
    this.receivers.wake(queue, ids);
  }

  @EventPattern(DUE)
  onDue({ queue, inMs }: { queue: string; inMs: number }): void {
    this.timers.arm(queue, inMs);
  }

  /** `how` is JSON in JSON: the script keeps it as it tells it. */
  @EventPattern(ENDED)
  onEnded({ queue, ids, how }: { queue: string; ids: readonly string[]; how: string }): void {
    const end = JSON.parse(how) as End;
    for (const id of ids) this.ends.tell(queue, id, end);
  }
}
