import { Inject, Injectable } from '@nestjs/common';
import { type Durability, MAX_SCHEDULES } from '@syncline/contracts';
import { Commits, pageAfter, REDIS, type RedisClient, storeError } from '@syncline/redis';
import { queueKeys } from './queue.keys.js';
import { QueueStore } from './queue.store.js';
import { QueueOpenings } from './queue-openings.js';
import * as schedules from './scripts/schedules.js';

/** Where a schedule is, which bears a name. */
export interface Named {
  readonly name: string;
  readonly queue: string;
  readonly id: string;
}

/** No name has a blank. */
const SEPARATOR = ' ';
/** The next byte: what begins with a name and it comes after all members of the name, and before longer names. */
const AFTER_SEPARATOR = '!';

const memberOf = (named: Named | null) =>
  named === null ? '' : [named.name, named.queue, named.id].join(SEPARATOR);

function toNamed(member: string | undefined): Named | null {
  if (member === undefined || member === '') return null;
  const [name = '', queue = '', id = ''] = member.split(SEPARATOR);
  return { name, queue, id };
}

/** Speaks Redis for schedules: they are with their queue, their names in one place. */
@Injectable()
export class ScheduleStore {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly queues: QueueStore,
    private readonly openings: QueueOpenings,
    private readonly commits: Commits,
  ) {}

  /** Which schedule bears a name. */
  async find(name: string): Promise<Named | null> {
    const { from, to } = pageAfter(`${name}${SEPARATOR}`, null);
    return toNamed((await this.redis.zrange(queueKeys.schedules(), from, to, 'BYLEX').catch(fail))[0]);
  }

  /** In the order of their names. */
  async names(prefix: string, after: string | null, limit: number): Promise<Named[]> {
    const { from, to } = pageAfter(prefix, after && `${after}${AFTER_SEPARATOR}`);
    const members = await this.redis
      .zrange(queueKeys.schedules(), from, to, 'BYLEX', 'LIMIT', 0, limit)
      .catch(fail);
    return members.map(toNamed).filter((named) => named !== null);
  }

  /** Gives a name from one schedule to another, null: none, if the first one bears it. Returns the one that bears it then. */
  async rename(name: string, from: Named | null, to: Named | null): Promise<Named | null> {
    const call = { name, from: memberOf(from), to: memberOf(to) };
    return toNamed(await schedules.nameSchedule(this.redis, call));
  }

  /** Resolves when all names are that safe. @throws StoreUnavailable */
  confirmNames(level: Durability): Promise<void> {
    return this.commits.confirm(level, queueKeys.schedules());
  }

  put(
    queue: string,
    id: string,
    seen: schedules.Seen | null,
    nextAt: number | null,
    fields: Readonly<Record<string, string | number | Buffer>>,
  ) {
    const call = this.queues.callOf(queue);
    return schedules.putSchedule(this.redis, { ...call, id, seen, nextAt, fields, max: MAX_SCHEDULES });
  }

  show(queue: string, ids: readonly string[]) {
    return schedules.showSchedules(this.redis, { queue, ids });
  }

  due(queue: string, max: number) {
    return schedules.dueSchedules(this.redis, { queue, max });
  }

  fire(
    queue: string,
    due: schedules.DueSchedule,
    occurrences: readonly { readonly at: number; readonly delayMs: number }[],
    nextAt: number | null,
  ) {
    const fire = () =>
      schedules.fireSchedule(this.redis, { ...this.queues.callOf(queue), due, occurrences, nextAt });
    return this.queues.inUse.noteAfter(queue, this.openings.call(queue, fire));
  }

  run(queue: string, id: string) {
    const run = () => schedules.runSchedule(this.redis, { ...this.queues.callOf(queue), id });
    return this.queues.inUse.noteAfter(queue, this.openings.call(queue, run));
  }

  remove(queue: string, id: string) {
    return schedules.removeSchedule(this.redis, { queue, id });
  }
}

function fail(error: unknown): never {
  throw storeError(error);
}
