import type { Handler, ScheduleRule } from '@syncline/client';
import { type MethodOf, subscribe, type WorkerSettings } from './worker.decorator.js';

/** When a method runs. */
export interface ScheduledRule extends Omit<ScheduleRule, 'queue' | 'message'> {
  /** Default: the name of the schedule. */
  readonly queue?: string;
  /** What the method is called with. Default: the body null, in a group, so that no run begins before the one before has ended. */
  readonly message?: ScheduleRule['message'];
}

/**
 * Runs a method at certain times, each occurrence in one of the instances of an application: a schedule sends a message, and the method is the
 * handler of its queue, as with `Worker`. When it throws, the error is logged and it runs again after a back-off. The schedule is
 * made at the bootstrap of the application; the same again changes nothing. It stays when the decorator is gone: delete it by
 * `QueueClient.schedules` or the command line.
 *
 * @param name of the schedule
 * @param rule either `cron`, read in `timeZone`, or `everyMs`
 * @param settings options of the client's worker
 */
export function Scheduled(
  name: string,
  { queue = name, message = { body: null, groupId: name }, ...rule }: ScheduledRule,
  settings: WorkerSettings = {},
): MethodOf<Handler<never>> {
  return subscribe({
    decorator: '@Scheduled',
    queues: queue,
    settings,
    schedule: { name, rule: { ...rule, queue, message } },
  });
}
