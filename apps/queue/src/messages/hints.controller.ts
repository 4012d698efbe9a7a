import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { DueTimers } from './due-timers.js';
import { Line } from './line.js';
import { DUE, WAKE } from './queue.store.js';

/** What the scripts tell the nodes. Everything here may be lost; `Line` and `DueTimers` do without it, later. */
@Controller()
export class HintsController {
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
