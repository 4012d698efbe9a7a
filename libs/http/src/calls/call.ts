import type { IncomingHttpHeaders } from 'node:http';
import { ClientLink, type DisconnectSignal } from '@syncline/runtime';

/** What a client sends of a call. */
interface SentCall {
  /** Chosen by the client; the answer has the same id. */
  readonly id: number;
  readonly path: string;
  readonly body?: unknown;
  readonly traceparent?: string | undefined;
}

/** What calls have of the request that opened their stream. */
export interface OpeningRequest {
  /** Such as `Authorization`. */
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** A call from a call stream. Guards and parameter decorators use it like a request. */
export class Call {
  readonly method = 'POST';
  /** Set when the route was found. */
  params: Readonly<Record<string, string>> = {};
  readonly startedAt = performance.now();
  /** Whether the client that cancelled the call asked for an answer. */
  tellsCancelled = false;
  private abandoned = false;
  private atEnd: (() => void) | undefined;
  private link: ClientLink | undefined;

  readonly id: number;
  readonly path: string;
  readonly body: unknown;
  /** The trace of this call; that of the request that opened the stream is none of its. */
  readonly traceparent: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly socket: OpeningRequest['socket'];

  constructor({ id, path, body, traceparent }: SentCall, { headers, socket }: OpeningRequest) {
    this.id = id;
    this.path = path;
    this.body = body;
    this.traceparent = traceparent;
    this.headers = headers;
    this.socket = socket;
  }

  get(name: string): string | undefined {
    const value = this.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Aborted when the client disconnects or cancels the call. Created on first use. */
  get disconnect(): DisconnectSignal {
    this.link ??= new ClientLink();
    if (this.abandoned) this.link.disconnect();
    return this.link;
  }

  /** Calls back once, when the call has ended in any way. */
  whenEnded(callback: () => void): void {
    const earlier = this.atEnd;
    this.atEnd = () => {
      earlier?.();
      callback();
    };
  }

  ended(): void {
    this.atEnd?.();
  }

  get isAbandoned(): boolean {
    return this.abandoned;
  }

  abandon(): void {
    this.abandoned = true;
    this.link?.disconnect();
  }
}
