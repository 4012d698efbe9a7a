import { setInterval } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { isUnavailable } from '@syncline/client';
import { Clients } from './clients.js';
import type { NamedRule } from './worker.decorator.js';

const PAUSE_MS = 2_000;

/** Makes the schedules of methods that are decorated with `@Scheduled`. */
@Injectable()
export class Scheduler implements OnModuleDestroy {
  private readonly stopped = new AbortController();

  constructor(private readonly clients: Clients) {}

  /**
   * Resolves when the schedule is there, or nobody can be reached: then it is tried again until the application closes.
   *
   * @param method `Class.method`, for logs
   * @throws {TypeError} the schedule is refused
   */
  async put(schedule: NamedRule, method: string): Promise<void> {
    try {
      if (!(await this.isMade(schedule, method))) void this.keepTrying(schedule, method);
    } catch (error) {
      throw new TypeError(`@Scheduled of ${method}: ${error instanceof Error ? error.message : error}`);
    }
  }

  onModuleDestroy(): void {
    this.stopped.abort();
  }

  private async isMade({ name, rule }: NamedRule, method: string): Promise<boolean> {
    try {
      await this.clients.get('queue').schedules.put(name, rule);
      return true;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      new Logger(method).error(`Schedule ${name} is not made yet: ${inspect(error)}`);
      return false;
    }
  }

  private async keepTrying(schedule: NamedRule, method: string): Promise<void> {
    const { signal } = this.stopped;
    try {
      for await (const _ of setInterval(PAUSE_MS, undefined, { signal, ref: false }))
        if (await this.isMade(schedule, method)) return;
    } catch (error) {
      if (!signal.aborted)
        new Logger(method).error(`Schedule ${schedule.name} is refused: ${inspect(error)}`);
    }
  }
}
