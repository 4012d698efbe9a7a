import type { Schedule, ScheduleRun } from '@syncline/contracts';
import { jsonOf } from '../json.js';
import { itemsOf } from '../pages.js';
import type { QueuePort } from './queue-port.js';

/** When a schedule sends which message to which queue. */
export interface ScheduleRule {
  /** Where the messages go. The queue is made when there is none, and its schedules are removed with it. */
  readonly queue: string;
  /**
   * Minute, hour, day of month, month and day of week, as in `0 9 * * MON-FRI`; six fields begin with the second. Either this
   * or `everyMs`.
   */
  readonly cron?: string | null;
  /** One message each so many milliseconds: 100 to a year. */
  readonly everyMs?: number | null;
  /** IANA name of the clock that `cron` is read by. Default `UTC`. */
  readonly timeZone?: string;
  /** What each occurrence sends. */
  readonly message: {
    /** Any JSON value. */
    readonly body: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    /** 0 to 9, higher first. Default 0. */
    readonly priority?: number;
    readonly groupId?: string | null;
  };
  /**
   * Of occurrences that nobody could send in time. `once`: only the latest is sent. `skip`: nor is that one when it is more
   * than 5 s late. `all`: each is sent, of more than 1,000 the latest. Default `once`.
   */
  readonly missed?: 'once' | 'skip' | 'all';
  /** Each message is delayed by up to so long, for the same occurrence always by as much. Default 0. */
  readonly jitterMs?: number;
  /** The earliest occurrence; with `everyMs` also the first one. Default: one interval from now. */
  readonly startAt?: Date | string | null;
  /** The latest occurrence. */
  readonly endAt?: Date | string | null;
  /** Most messages in all. */
  readonly limit?: number | null;
}

/** Schedules by their names: each sends a message to its queue at every occurrence, exactly one. */
export class Schedules {
  /** @internal */
  constructor(private readonly port: QueuePort) {}

  /**
   * Makes a schedule, or replaces it. The same again changes nothing. With another `cron`, `everyMs`, `timeZone` or `startAt`
   * its occurrences are counted from now; with another queue it begins anew.
   *
   * @throws {ValidationError} a field is not valid, or there is no occurrence; {TypeError} the body is not a JSON value
   * @throws {PayloadTooLargeError} the message is larger than the `maxMessageBytes` of the queue
   * @throws {QueueFullError} the queue has 1,000 schedules
   */
  async put(name: string, rule: ScheduleRule): Promise<Schedule> {
    return this.port.putSchedule(name, jsonOf(rule, 'A schedule'));
  }

  /** A schedule, its next five occurrences and the five that were sent last. @throws {NotFoundError} no such schedule */
  get(name: string): Promise<Schedule> {
    return this.port.schedule(name);
  }

  /** All schedules in the order of their names, page by page. */
  list(prefix = ''): AsyncGenerator<Schedule, void, void> {
    return itemsOf('schedules', (from) => this.port.schedules({ prefix, ...from }));
  }

  /** Removes a schedule; the messages that it has sent stay. @throws {NotFoundError} no such schedule */
  async delete(name: string): Promise<void> {
    await this.port.removeSchedule(name);
  }

  /**
   * Sends its message now, beside its occurrences, also when it is paused or over. Not repeated when its answer is lost.
   *
   * @throws {NotFoundError} no such schedule; {QueueFullError} its queue is full
   */
  run(name: string): Promise<ScheduleRun> {
    return this.port.runSchedule(name);
  }

  /** It sends nothing until {@link resume}. @throws {NotFoundError} no such schedule */
  pause(name: string): Promise<Schedule> {
    return this.port.pauseSchedule(name, true);
  }

  /** It goes on with its next occurrence from now on. @throws {NotFoundError} no such schedule */
  resume(name: string): Promise<Schedule> {
    return this.port.pauseSchedule(name, false);
  }
}
