import { Injectable, Logger } from '@nestjs/common';
import type { Problem } from '@syncline/contracts';
import { PerSecond } from '../limits/per-second.js';
import { REFUSALS } from '../trail/trail.js';

/** What a request is told about the state of what it names: an answer, such as that nothing is cached or a lock is held. */
const ANSWERS: ReadonlySet<number> = new Set([404, 409, 410, 412]);
const UNROUTED = 'none';
const LINES_A_SECOND = 20;

/** Which request was refused: no name, no key and no query, which may be secret. */
export interface Refused {
  readonly method: string;
  /** Template of the route. Undefined: there is none. */
  readonly route: string | undefined;
  readonly requestId: string;
  /** Of the caller's trace. */
  readonly traceId: string | undefined;
}

/** Tells requests that are wrong in the log, so many a second. */
@Injectable()
export class Refusals {
  private readonly logger = new Logger('Requests');
  private readonly lines = new PerSecond(LINES_A_SECOND);

  note({ status, code }: Problem, { route, ...request }: Refused): void {
    if (status >= 500 || REFUSALS.has(status)) return;
    if (route !== undefined && ANSWERS.has(status)) return;
    if (this.lines.passes())
      this.logger.log({ msg: 'refused', status, code, route: route ?? UNROUTED, ...request });
  }
}
