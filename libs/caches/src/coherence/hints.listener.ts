import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { FillLines } from '../fills/fill-lines.js';
import {
  type FilledHint,
  fillEndOf,
  type InvalidatedHint,
  invalidationOf,
  type SettledHint,
  settledWriteOf,
} from '../redis/hints.js';
import { FILLED, INVALIDATED, SETTLED } from './coherence.rules.js';
import { PendingWrites } from './pending-writes.js';
import { Replicas } from './replicas.js';

/** Hears the hints that scripts send to this node. */
@Controller()
export class HintsListener {
  constructor(
    private readonly replicas: Replicas,
    private readonly pendingWrites: PendingWrites,
    private readonly fillLines: FillLines,
  ) {}

  @EventPattern(INVALIDATED)
  onInvalidated(hint: InvalidatedHint): void {
    const invalidation = invalidationOf(hint);
    this.replicas.in(invalidation.shard).onInvalidated(invalidation);
  }

  @EventPattern(SETTLED)
  onSettled(hint: SettledHint): void {
    this.pendingWrites.onSettled(settledWriteOf(hint));
  }

  @EventPattern(FILLED)
  onFilled(hint: FilledHint): void {
    this.fillLines.onFilled(fillEndOf(hint));
  }
}
