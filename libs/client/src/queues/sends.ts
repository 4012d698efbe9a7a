import { ConnectionError, DeadlineError, ProblemError, QueueFullError, toError } from '../errors.js';
import { jsonOf } from '../json.js';
import { Collector } from '../transport/collector.js';
import { runOrOneByOne } from '../transport/one-by-one.js';
import type { SendOptions, SentMessage } from './message.js';
import type { OutgoingMessage, QueuePort } from './queue-port.js';

/** Most messages in one request, and most bytes: below the body limit of 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BYTES = 900_000;
/** Between the parts of a message, and after it. */
const BYTES_AROUND = 10;
/** A turn with more messages than this is sent as two requests. */
const SPLIT_ABOVE = 32;
/** How often to retry the messages that would fit into a full queue: other senders may fill it first. */
const MAX_TRIES = 3;

interface Outgoing extends OutgoingMessage {
  readonly repeatable: boolean;
  readonly isOrdered: boolean;
}
type Outcome = SentMessage | Error;

/** Sends the messages of one turn of the event loop together. Each gets the outcome that it would have alone. */
export class Sends {
  private readonly collector: Collector<Outgoing, SentMessage>;

  /** @param isReceiving whether a receiver of this process waits for messages of the queue */
  constructor(
    private readonly port: QueuePort,
    private readonly queue: string,
    isReceiving: () => boolean,
  ) {
    this.collector = new Collector({
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BYTES,
      splitAbove: SPLIT_ABOVE,
      // The order of those within a group, or that replace each other, must hold even when a request is repeated. And while this process receives from the
      // queue, the node hands one request to a receiver as one batch, which is then also acknowledged as one.
      inSequence: (messages) =>
        isReceiving() || !port.keepsOrder || messages.some(({ isOrdered }) => isOrdered),
      run: (messages) => runOrOneByOne(messages, (some) => this.post(some, performance.now())),
    });
  }

  /** @throws {TypeError} the body is not a JSON value */
  add(body: unknown, given: SendOptions): Promise<SentMessage> {
    const message = {
      body: jsonOf(body, 'The body of a message'),
      options: JSON.stringify(given),
      repeatable: isRepeatable(given),
      isOrdered: given.groupId !== undefined || given.deduplication?.keep === 'last',
    };
    return this.collector.add(message, sizeOf(message));
  }

  private async post(messages: readonly Outgoing[], since: number, tries = 1): Promise<readonly Outcome[]> {
    const timeoutMs = this.port.timeoutMs - (performance.now() - since);
    try {
      const repeatable = messages.every((message) => message.repeatable);
      const { messages: sent } = await this.port.send(this.queue, messages, { repeatable, timeoutMs });
      return sent.map((one) => ('problem' in one ? toError(one.status, one.problem) : one));
    } catch (error) {
      if (error instanceof QueueFullError) return this.postWhatFits(messages, error, since, tries);
      if (isUnknown(error) && messages.some(({ repeatable }) => repeatable)) {
        return this.repeat(messages, error, since);
      }
      throw error;
    }
  }

  /** A full queue takes all messages of a request or none. The answer says which would fit one after the other. */
  private postWhatFits(messages: readonly Outgoing[], full: QueueFullError, since: number, tries: number) {
    const fits = new Set((full.problem as { fits?: readonly number[] }).fits);
    if (tries === MAX_TRIES) fits.clear();
    return this.postOnly(
      messages,
      (_, i) => fits.has(i),
      full,
      (fitting) => this.post(fitting, since, tries + 1),
    );
  }

  /** Repeats the messages that have a deduplication id; only the others fail. */
  private repeat(messages: readonly Outgoing[], error: Error, since: number) {
    if (messages.every(({ repeatable }) => repeatable)) throw error;
    return this.postOnly(
      messages,
      ({ repeatable }) => repeatable,
      error,
      (repeatable) => this.post(repeatable, since),
    );
  }

  private async postOnly(
    messages: readonly Outgoing[],
    isChosen: (message: Outgoing, index: number) => boolean,
    error: Error,
    post: (chosen: readonly Outgoing[]) => Promise<readonly Outcome[]>,
  ): Promise<readonly Outcome[]> {
    const chosen = messages.filter(isChosen);
    const posted = chosen.length === 0 ? [] : await post(chosen).catch((own: Error) => chosen.map(() => own));
    let next = 0;
    return messages.map((message, i) => (isChosen(message, i) ? (posted[next++] as Outcome) : error));
  }
}

/** The outcome of the request is unknown. */
const isUnknown = (error: unknown): error is Error =>
  (error instanceof ConnectionError && error.outcome === 'unknown') ||
  error instanceof DeadlineError ||
  (error instanceof ProblemError && error.status >= 500);

/** Whether a message is remembered by its id for as long as its send is repeated, whatever happens to it meanwhile. */
const isRepeatable = ({ deduplicationId, deduplication }: SendOptions) =>
  deduplicationId !== undefined ||
  (deduplication !== undefined && deduplication.keep !== 'last' && deduplication.until !== 'acked');

/** In bytes, as part of a request. */
const sizeOf = ({ body, options }: OutgoingMessage) =>
  Buffer.byteLength(body) + Buffer.byteLength(options) + BYTES_AROUND;
