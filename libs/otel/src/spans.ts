import { type Context, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { type Holder, LockHeldError, SynclineError } from '@syncline/client';

/** What {@link inSpan} may be told. */
interface Details<Result> {
  /** Adds what the result says to the span. */
  readonly tell?: (result: Result) => void;
  /** The rest of the context. Default: that which is active. */
  readonly parent?: Context;
}

/** Calls `run` with the span as the active one, and ends the span with what comes of it. */
export function inSpan<Result>(
  span: Span,
  run: () => Result | Promise<Result>,
  { tell, parent = context.active() }: Details<Result> = {},
): Promise<Result> {
  return context.with(trace.setSpan(parent, span), async () => {
    try {
      const result = await run();
      tell?.(result);
      return result;
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

function fail(span: Span, error: unknown): void {
  const isError = error instanceof Error;
  const type = error instanceof SynclineError ? error.code : isError ? error.name : '_OTHER';
  span.setAttribute('error.type', type);
  if (error instanceof LockHeldError) {
    // An answer, not a failure.
    const { holders = [] } = error.problem as { readonly holders?: readonly Holder[] };
    const owners = holders.map(({ owner }) => owner);
    span.setAttribute('syncline.lock.holders', owners);
    return;
  }
  if (isError) span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: isError ? error.message : type });
}
