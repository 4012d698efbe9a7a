import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { EndWatch } from '../by-id/end-watch.js';
import { UnmadeQueues } from '../queues/unmade-queues.js';
import { Memory } from '../recovery/memory.js';
import { DUE, ENDED, WAKE } from '../redis/queue.store.js';
import { QueueOpenings } from '../redis/queue-openings.js';
import type { End } from '../redis/scripts/by-id.js';
import { DueTimers } from '../timers/due-timers.js';
import { ParkedReceivers } from './parked-receivers.js';

/** What the scripts tell the nodes. Any of it may be lost; `ParkedReceivers`, `DueTimers`, `EndWatch` and `UnmadeQueues` find it out later. */
@Controller()
export class HintsListener {
  constructor(
    private readonly receivers: ParkedReceivers,
    private readonly timers: DueTimers,
    private readonly ends: EndWatch,
    private readonly openings: QueueOpenings,
    private readonly memory: Memory,
    private readonly unmade: UnmadeQueues,
  ) {}

  @EventPattern(WAKE)
  onWake({ queue, ids, number }: { queue: string; ids: readonly string[]; number?: number }): void {
    this.receivers.onWake(queue, ids, number);
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
    if (end.state === 'cancelled') this.memory.cancelled(queue, ids);
  }

  @EventPattern('queue.made')
  onMade({ queue }: { queue: string }): void {
    this.unmade.onMade(queue);
  }

  @EventPattern('queue.opening')
  onOpening({ queue }: { queue: string }): void {
    this.openings.onOpening(queue);
  }

  @EventPattern('queue.opened')
  onOpened({ queue }: { queue: string }): void {
    this.openings.onOpened(queue);
  }

  /** A generation was purged or removed. What a lost hint leaves is forgotten when the queue is used again. */
  @EventPattern('queue.over')
  onOver({ queue, gen, next }: { queue: string; gen: string; next: string }): void {
    this.memory.over(queue, gen, next);
  }
}
