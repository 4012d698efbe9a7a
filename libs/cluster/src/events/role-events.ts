import { Inject, Injectable } from '@nestjs/common';
import { type Event, toInstant } from '@syncline/contracts';
import { REDIS, type RedisClient, storeError } from '@syncline/redis';
import { CLUSTER_OPTIONS, type ClusterOptions } from '../cluster.options.js';
import { clusterKeys } from '../redis/cluster.keys.js';
import { readEvents } from '../redis/scripts/events.commands.js';
import { EventWatches, type Watcher } from './event-watches.js';

/** An event of the role, with the id that orders it. */
export interface RoleEvent {
  readonly id: string;
  readonly event: Event;
}

/** All events of a role are one stream. */
const ALL = '';

/** The watchers of all that happens to the names of this role, on this node. */
@Injectable()
export class RoleEvents extends EventWatches<RoleEvent> {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(CLUSTER_OPTIONS) private readonly options: ClusterOptions,
  ) {
    const { role } = options;
    const read = async (after: string | null) => {
      const reading = await readEvents(redis, { role, after });
      return { ...reading, events: reading.events.map(readEvent) };
    };
    super((streams) => {
      // Most watchers have seen the same.
      const readings = new Map<string | null, ReturnType<typeof read>>();
      for (const { after } of streams) if (!readings.has(after)) readings.set(after, read(after));
      return Promise.all(streams.map(({ after }) => readings.get(after) as ReturnType<typeof read>));
    });
  }

  /** Watches everything, see {@link EventWatches.follow}. */
  watch(after: string | null, watcher: Watcher<RoleEvent>) {
    return this.follow(ALL, after, watcher);
  }

  /**
   * The newest first.
   *
   * @throws StoreUnavailable
   */
  async latest(most: number): Promise<readonly RoleEvent[]> {
    try {
      const found = await this.redis.xrevrange(
        clusterKeys.events(this.options.role),
        '+',
        '-',
        'COUNT',
        most,
      );
      return found.map(([id, [, text = '']]) => readEvent({ id, text }));
    } catch (error) {
      throw storeError(error);
    }
  }

  /** There may be more. */
  onAppended(): void {
    this.onChange(ALL);
  }
}

const readEvent = ({ id, text }: { id: string; text: string }): RoleEvent => ({
  id,
  event: { ...JSON.parse(text), at: toInstant(Number(id.split('-', 1))) },
});
