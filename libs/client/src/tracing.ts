import type { Message, SentMessage } from './queues/message.js';

/** Headers of a message. */
export type MessageHeaders = Readonly<Record<string, string>>;

/** Deliveries that are acknowledged or given back in one call. */
export interface Settlement {
  readonly operation: 'ack' | 'nack';
  readonly queue: string;
  /** How many deliveries. */
  readonly count: number;
  /** The only one of them, where its handler was traced: see {@link Tracing.process}. */
  readonly message?: Message<unknown>;
}

/**
 * Traces what a client does: `otelTracing()` of `@syncline/otel`. Each method calls the function that it gets, once and at
 * once, and returns or throws what that does.
 */
export interface Tracing {
  /** A request goes to a node: the active span, as the header `traceparent` names it (W3C Trace Context). */
  traceparent(): string | undefined;
  /** A worker starts, or a lease is renewed: what goes on by itself is not of the trace that began it. */
  untraced<Result>(run: () => Result): Result;
  /** A message is sent. `send` gets its headers with the context of the trace. */
  send(
    queue: string,
    headers: MessageHeaders | undefined,
    send: (headers: MessageHeaders) => Promise<SentMessage>,
  ): Promise<SentMessage>;
  /** The headers, with the context of the trace, of a message that an acknowledgement will send. */
  create(queue: string, headers: MessageHeaders | undefined): MessageHeaders;
  /** A program asks for messages. What a worker receives is not told. */
  receive<Body>(queue: string, receive: () => Promise<Message<Body>[]>): Promise<Message<Body>[]>;
  /** A worker calls its handler with a message. */
  process(message: Message<unknown>, handle: () => unknown): Promise<unknown>;
  /** A worker calls its handler of batches with messages of one queue. */
  processBatch(messages: readonly Message<unknown>[], handle: () => unknown): Promise<unknown>;
  /** Deliveries are acknowledged or given back. */
  settle<Result>(settlement: Settlement, settle: () => Promise<Result>): Promise<Result>;
  /** Locks, or permits of a semaphore, are asked for and waited for. */
  acquire<Result>(names: readonly string[], owner: string, acquire: () => Promise<Result>): Promise<Result>;
  /** The loader of `getOrSet` is called. */
  load<Value>(cache: string, load: () => Value | Promise<Value>): Promise<Value>;
}
