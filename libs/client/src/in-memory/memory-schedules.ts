import type { Schedule, ScheduleRun } from '@syncline/contracts';
import { NotFoundError } from '../errors.js';
import type { ScheduleRule } from '../queues/schedules.js';

/** Sends a message; returns its id. */
type Send = (queue: string, message: ScheduleRule['message']) => string;

/** Schedules of one process. Their times never come: each sends when it is run. */
export class MemorySchedules {
  private readonly schedules = new Map<string, Schedule>();

  constructor(private readonly send: Send) {}

  put(name: string, { queue, message, startAt, endAt, ...rule }: ScheduleRule): Schedule {
    const schedule: Schedule = {
      name,
      queue,
      cron: null,
      everyMs: null,
      timeZone: 'UTC',
      missed: 'once',
      jitterMs: 0,
      limit: null,
      ...rule,
      message: { headers: {}, priority: 0, groupId: null, ...message },
      startAt: instantOf(startAt),
      endAt: instantOf(endAt),
      paused: this.schedules.get(name)?.paused ?? false,
      sent: 0,
      nextAt: null,
      next: [],
      last: [],
    };
    this.schedules.set(name, schedule);
    return schedule;
  }

  get(name: string): Schedule {
    const schedule = this.schedules.get(name);
    if (schedule === undefined)
      throw new NotFoundError({ code: 'not-found', status: 404, detail: `There is no schedule ${name}` });
    return schedule;
  }

  remove(name: string): void {
    this.get(name);
    this.schedules.delete(name);
  }

  run(name: string): ScheduleRun {
    const { queue, message } = this.get(name);
    return { at: new Date().toISOString(), messageId: this.send(queue, message) };
  }

  pause(name: string, paused: boolean): Schedule {
    const schedule = { ...this.get(name), paused };
    this.schedules.set(name, schedule);
    return schedule;
  }
}

const instantOf = (at: ScheduleRule['startAt']) => (at == null ? null : new Date(at).toISOString());
