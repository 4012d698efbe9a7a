import {
  context,
  isSpanContextValid,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  trace,
} from '@opentelemetry/api';
import type { MessageHeaders } from '@syncline/client';

/** What may carry the context in which a message was made. */
interface Carrier {
  readonly headers: MessageHeaders | undefined;
}

/** The active span, as `traceparent` writes it (W3C Trace Context); what the nodes read, whatever propagator is registered. */
export function activeTraceparent(): string | undefined {
  const active = trace.getSpanContext(context.active());
  if (active === undefined || !isSpanContextValid(active)) return undefined;
  const { traceId, spanId, traceFlags } = active;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** A link to where a message was made; none when nobody traced that. */
export function linksTo({ headers }: Carrier): Link[] {
  const made = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers ?? {}));
  return made === undefined ? [] : [{ context: made }];
}

/** The headers, with the context of a span. */
export function withContextOf(span: Span, headers: MessageHeaders | undefined): MessageHeaders {
  const carrier = { ...headers };
  propagation.inject(trace.setSpan(context.active(), span), carrier);
  return carrier;
}
