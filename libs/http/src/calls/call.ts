import type { IncomingHttpHeaders } from 'node:http';
import { ClientLink, type DisconnectSignal } from '@syncline/runtime';

/** A call that came in a call stream. To guards and parameter decorators it is a request like any other. */
export class Call {
  readonly method = 'POST';
  /** Set when its route was found. */
  params: Readonly<Record<string, string>> = {};
  readonly startedAt = performance.now();
  /** Whether a caller who cancels it wants an answer all the same. */
  tellsCancelled = false;
  private abandoned = false;
  private link: ClientLink | undefined;

  constructor(
    /** The caller's own: the answer carries it. */
    readonly id: number,
    readonly path: string,
    readonly body: unknown,
    /** Those of the request that opened the stream: who calls is said once. */
    readonly headers: IncomingHttpHeaders,
  ) {}

  get(name: string): string | undefined {
    const value = this.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Aborted when the caller goes away, or does not want the answer any more. Made when asked for. */
  get disconnect(): DisconnectSignal {
    this.link ??= new ClientLink();
    if (this.abandoned) this.link.disconnect();
    return this.link;
  }

  abandon(): void {
    this.abandoned = true;
    this.link?.disconnect();
  }
}
