import { Injectable } from '@nestjs/common';
import type { Redrive, Redriven } from '@syncline/contracts';
import { type DisconnectSignal, Drain, Tenants } from '@syncline/runtime';
import { existing } from '../queues/queue.errors.js';
import { QueueStore } from '../redis/queue.store.js';
import { SearchService } from '../search/search.service.js';
import { DueTimers } from '../timers/due-timers.js';
import { RedriveToItself } from './dead-letters.errors.js';
import { Outbox } from './outbox.js';

const REDRIVE_STEP = 100;

/** The way back from a dead-letter queue. The way there is a matter of scripts and of the {@link Outbox}. */
@Injectable()
export class DeadLettersService {
  constructor(
    private readonly store: QueueStore,
    private readonly timers: DueTimers,
    private readonly outbox: Outbox,
    private readonly search: SearchService,
    private readonly drain: Drain,
    private readonly tenants: Tenants,
  ) {}

  /**
   * Moves dead letters back, in steps: what has left stays moved when a later step fails, and calling again goes
   * on; calling with the same `id` is one call. Messages that never were elsewhere stay when `to` does not say where they
   * should go. With `ids` or `where`: those that wait, also for a delay.
   *
   * @throws QueueNotFound, RedriveToItself
   * @throws Problem `rate-limited` when `to` would be one queue more than its tenant may have
   */
  async redrive(queue: string, redrive: Redrive, disconnect: DisconnectSignal): Promise<Redriven> {
    if (redrive.to === queue) throw new RedriveToItself();
    const tenant = this.tenants.of(queue);
    if (tenant !== undefined && redrive.to !== undefined) await this.store.requireRoomFor(redrive.to, tenant);
    return redrive.ids || redrive.where
      ? this.redriveSome(queue, redrive)
      : this.redriveAll(queue, redrive, disconnect);
  }

  private async redriveSome(queue: string, { to, ...selected }: Redrive): Promise<Redriven> {
    const { done, cursor } = await this.search.change(queue, selected, ['ready', 'delayed'], async (ids) => {
      const moved = await this.timers.follow(queue, this.store.redriveSome(queue, ids, to));
      await this.outbox.deliver(queue);
      return moved;
    });
    return { moved: done, cursor };
  }

  private async redriveAll(
    queue: string,
    { max = Number.POSITIVE_INFINITY, to, id }: Redrive,
    disconnect: DisconnectSignal,
  ): Promise<Redriven> {
    const { stats } = existing(queue, await this.store.describe(queue));
    let moved = 0;
    let seen = 0;
    for (let number = 0; ; number++) {
      const most = Math.min(REDRIVE_STEP, max - moved, Math.max(1, stats.ready - seen));
      const redriven = this.store.redrive(queue, most, to, id && `${id}:${number}`);
      const step = existing(queue, await this.timers.follow(queue, redriven));
      moved += step.moved;
      seen += step.seen;
      await this.outbox.deliver(queue);
      const isLast = !step.wasDone && (step.seen === 0 || seen >= stats.ready);
      if (isLast || moved >= max || disconnect.aborted || this.drain.draining) return { moved };
    }
  }
}
