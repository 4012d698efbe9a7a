import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type { Message, SentMessage, Tracing } from '@syncline/client';
import { activeTraceparent, linksTo, withContextOf } from './message-context.js';
import { inSpan } from './spans.js';

/** How calls of one kind are named by OpenTelemetry's conventions for messaging. */
interface Operation {
  readonly type: 'create' | 'send' | 'receive' | 'process' | 'settle';
  readonly name: string;
  readonly queue: string;
}

interface Beginning {
  readonly attributes?: Attributes;
  readonly links?: Link[];
  /** Default: the active context. */
  readonly parent?: Context;
}

/**
 * Tracing of a client by OpenTelemetry: `new Syncline({ tracing: otelTracing() })`, and so for `embed` and `SynclineModule`.
 * Spans go to the tracer provider that the process has registered, before or after; without one they cost little and go nowhere.
 *
 * A message carries the context of its trace in its headers, as the registered propagator writes it: `traceparent` and
 * `tracestate` by default.
 */
export function otelTracing(): Tracing {
  const tracer = trace.getTracer('@syncline/otel');
  /** Of the span in which the handler of a message ran. */
  const handled = new WeakMap<Message<unknown>, Context>();

  const start = (
    { type, name, queue }: Operation,
    kind: SpanKind,
    { attributes, links = [], parent = context.active() }: Beginning = {},
  ): Span =>
    tracer.startSpan(
      `${name} ${queue}`,
      {
        kind,
        links,
        attributes: {
          'messaging.system': 'syncline',
          'messaging.operation.type': type,
          'messaging.operation.name': name,
          'messaging.destination.name': queue,
          ...attributes,
        },
      },
      parent,
    );

  /** @param parent not the active context: it is that in which the worker was started, for all messages that it ever gets */
  const process = (
    messages: readonly Message<unknown>[],
    handle: () => unknown,
    attributes: Attributes,
    parent: Context,
  ) => {
    const queue = messages[0]?.queue ?? '';
    const links = messages.flatMap(linksTo);
    const operation = { type: 'process', name: 'process', queue } as const;
    const span = start(operation, SpanKind.CONSUMER, { attributes, links, parent });
    for (const message of messages) handled.set(message, trace.setSpan(parent, span));
    return inSpan(span, handle, { parent });
  };

  return {
    traceparent: activeTraceparent,

    untraced: (run) => context.with(ROOT_CONTEXT, run),

    send(queue, headers, send) {
      const operation = { type: 'send', name: 'send', queue } as const;
      // A message that has a context already, such as one that is passed on, keeps it.
      const links = linksTo({ headers });
      const kind = links.length === 0 ? SpanKind.PRODUCER : SpanKind.CLIENT;
      const span = start(operation, kind, { links });
      const sent = links.length === 0 ? withContextOf(span, headers) : { ...headers };
      const tell = ({ id }: SentMessage) => span.setAttribute('messaging.message.id', id);
      return inSpan(span, () => send(sent), { tell });
    },

    create(queue, headers) {
      if (linksTo({ headers }).length > 0) return { ...headers };
      const span = start({ type: 'create', name: 'create', queue }, SpanKind.PRODUCER);
      span.end();
      return withContextOf(span, headers);
    },

    receive(queue, receive) {
      const span = start({ type: 'receive', name: 'receive', queue }, SpanKind.CLIENT);
      const tell = (messages: readonly Message<unknown>[]) => {
        span.setAttribute('messaging.batch.message_count', messages.length);
        span.addLinks(messages.flatMap(linksTo));
      };
      return inSpan(span, receive, { tell });
    },

    process(message, handle) {
      const { id, receiveCount, headers } = message;
      const attributes = { 'messaging.message.id': id, 'syncline.message.receive_count': receiveCount };
      return process([message], handle, attributes, propagation.extract(ROOT_CONTEXT, headers));
    },

    processBatch(messages, handle) {
      return process(messages, handle, { 'messaging.batch.message_count': messages.length }, ROOT_CONTEXT);
    },

    settle({ operation: name, queue, count, message }, settle) {
      const parent = (message && handled.get(message)) ?? context.active();
      const attributes: Attributes =
        message === undefined
          ? { 'messaging.batch.message_count': count }
          : { 'messaging.message.id': message.id };
      const links = message === undefined ? [] : linksTo(message);
      const span = start({ type: 'settle', name, queue }, SpanKind.CLIENT, { attributes, links, parent });
      return inSpan(span, settle, { parent });
    },

    acquire(names, owner, acquire) {
      const attributes = { 'syncline.lock.names': [...names], 'syncline.lock.owner': owner };
      const span = tracer.startSpan('acquire', { kind: SpanKind.CLIENT, attributes });
      return inSpan(span, acquire);
    },

    load(cache, load) {
      const span = tracer.startSpan(`load ${cache}`, { attributes: { 'syncline.cache.name': cache } });
      return inSpan(span, load);
    },
  };
}
