import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { DUE, WAKE } from '../redis/queue.store.js';
import { DueTimers } from '../timers/due-timers.js';
import { Line } from './line.js';

/** What the scripts tell the nodes. Everything here may be lost; `Line` and `DueTimers` do without it, later. */
@Controller()
export class HintsListener {
  constructor(
    private readonly line: Line,
    private readonly timers: DueTimers,
  ) {}

  @EventPattern(WAKE)
  onWake({ queue, ids }: { queue: string; ids: readonly string[] }): void {
    this.line.wake(queue, ids);
  }

  @EventPattern(DUE)
  onDue({ queue, inMs }: { queue: string; inMs: number }): void {
    this.timers.arm(queue, inMs);
  }
}
