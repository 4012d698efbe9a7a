import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { FillLines } from '../fills/fill-lines.js';
import { cacheOf } from '../redis/entries.keys.js';
import { FILLED, INVALIDATED, SETTLED } from './coherence.rules.js';
import { PendingWrites } from './pending-writes.js';
import { Replicas } from './replicas.js';

/** Hears what scripts tell this node. */
@Controller()
export class HintsListener {
  constructor(
    private readonly replicas: Replicas,
    private readonly pendingWrites: PendingWrites,
    private readonly fillLines: FillLines,
  ) {}

  @EventPattern(INVALIDATED)
  onInvalidated(hint: { to: string; number: number; stem: string; register: string }): void {
    this.replicas.onInvalidated({ ...hint, cache: cacheOf(hint.stem) });
  }

  @EventPattern(SETTLED)
  onSettled(hint: { id: string; result: readonly string[] }): void {
    this.pendingWrites.onSettled(hint);
  }

  @EventPattern(FILLED)
  onFilled({
    stem,
    key,
    lease,
    reason,
  }: {
    stem: string;
    key: string;
    lease?: string;
    reason?: string;
  }): void {
    this.fillLines.onFilled(cacheOf(stem), key, lease, reason);
  }
}
