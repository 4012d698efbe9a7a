import { readTraceParent } from '../request/trace-parent.js';

/** A request, or a call of a call stream, that has ended. */
export interface EndedRequest {
  readonly method: string;
  /** Template of the route; `none` when there is no such route. */
  readonly route: string;
  /** Undefined: the client was gone before an answer began. */
  readonly status: number | undefined;
  readonly elapsedMs: number;
  /** As the client sent it. */
  readonly traceparent: string | string[] | undefined;
}

/** The traces that requests are part of. This one only reads them; a node with a collector has one that adds spans. */
export class RequestTraces {
  /** @returns the id of the request's trace, when somebody keeps it */
  record({ traceparent }: EndedRequest): string | undefined {
    const parent = readTraceParent(traceparent);
    return parent?.sampled ? parent.traceId : undefined;
  }
}
