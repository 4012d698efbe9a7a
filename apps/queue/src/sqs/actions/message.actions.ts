import { Injectable } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import { ByIdService, DeliveryService, MessagesService } from '@syncline/queues';
import type { DisconnectSignal } from '@syncline/runtime';
import { LabelsOfQueues } from '../attributes/labels.js';
import { messageUuid } from '../messages/message-uuid.js';
import { sequenceNumber, showReceived } from '../messages/received-message.js';
import {
  invalidForKind,
  MAX_MESSAGE,
  readId,
  readSentMessage,
  requireFifoIds,
  type SentMessage,
} from '../messages/sent-message.js';
import { isFifo } from '../queue-address.js';
import { ERRORS, invalidParameters, invalidValue, SqsError } from '../sqs-error.js';
import type { Entry, Fields } from '../wire/fields.js';
import type { Members } from '../wire/wire.js';
import { type ActionCall, NOTHING, type SqsActions } from './action.js';
import { answerBatch } from './batches.js';

const HALF_A_DAY_S = 43_200;
const MAX = { min: 1, max: 10, reason: 'Must be between 1 and 10, if provided.' };
const WAIT = { min: 0, max: 20, reason: 'Must be >= 0 and <= 20, if provided.' };
const VISIBILITY = { min: 0, max: HALF_A_DAY_S, reason: 'Must be >= 0 and <= 43200, if provided.' };

/** Messages: sent, received, ended. */
@Injectable()
export class MessageActions {
  readonly actions: SqsActions = {
    SendMessage: { deed: 'produce', names: 'queue', run: (call) => this.sendOne(call) },
    SendMessageBatch: { deed: 'produce', names: 'queue', run: (call) => this.sendSome(call) },
    ReceiveMessage: { deed: 'consume', names: 'queue', run: (call) => this.receive(call) },
    DeleteMessage: { deed: 'consume', names: 'queue', run: (call) => this.deleteOne(call) },
    DeleteMessageBatch: { deed: 'consume', names: 'queue', run: (call) => this.deleteSome(call) },
    ChangeMessageVisibility: { deed: 'consume', names: 'queue', run: (call) => this.changeOne(call) },
    ChangeMessageVisibilityBatch: { deed: 'consume', names: 'queue', run: (call) => this.changeSome(call) },
  };

  constructor(
    private readonly messages: MessagesService,
    private readonly delivery: DeliveryService,
    private readonly byId: ByIdService,
    private readonly labels: LabelsOfQueues,
  ) {}

  private async sendOne({ queue, fields, caller }: ActionCall): Promise<Members> {
    const labels = await this.labels.recent(queue);
    requireFifoIds(queue, fields, labels);
    const [outcome] = await this.send(queue, [readSentMessage(queue, fields, labels, caller.name)]);
    if (outcome instanceof Error) throw outcome;
    return outcome ?? NOTHING;
  }

  private async sendSome({ queue, fields, caller }: ActionCall): Promise<Members> {
    const labels = await this.labels.recent(queue);
    const entries = fields.entries('SendMessageBatchRequestEntry');
    for (const { fields: entry } of entries) requireFifoIds(queue, entry, labels);
    const read = entries.map(({ fields: entry }) =>
      orError(() => readSentMessage(queue, entry, labels, caller.name)),
    );
    const sound = read.filter(isRight);
    const bytes = sound.reduce((sum, { size }) => sum + size, 0);
    if (bytes > MAX_MESSAGE) {
      throw new SqsError(
        ERRORS.batchRequestTooLong,
        `Batch requests cannot be longer than ${MAX_MESSAGE} bytes. You have sent ${bytes} bytes.`,
      );
    }
    const sent = await this.send(queue, sound);
    let next = 0;
    return answerBatch(
      entries,
      read.map((one) => (one instanceof Error ? one : (sent[next++] ?? NOTHING))),
    );
  }

  private async send(queue: string, sent: readonly SentMessage[]): Promise<(Members | Error)[]> {
    if (sent.length === 0) return [];
    const messages = sent.map(({ message }) => message);
    // What SQS itself says of a message, such as who sent it, does not make it larger.
    const sizes = sent.map(({ size }) => size);
    const answer = await this.messages.send(queue, { messages }, { makes: false, sizes }).catch(orIllFormed);
    if (answer instanceof Problem) return sent.map(() => answer);
    return answer.messages.map((one, i) =>
      'problem' in one
        ? invalidParameters(one.problem)
        : {
            MessageId: messageUuid(one.id),
            ...sent[i]?.digests,
            ...(isFifo(queue) && { SequenceNumber: sequenceNumber(one.id) }),
          },
    );
  }

  private async receive({ queue, fields, region, disconnect, park }: ActionCall): Promise<Members> {
    const seconds = fields.integer('VisibilityTimeout', VISIBILITY);
    const max = fields.integer('MaxNumberOfMessages', MAX) ?? 1;
    const asked = fields.integer('WaitTimeSeconds', WAIT);
    const { attributes } = await this.labels.recent(queue);
    const waitMs = (asked ?? Number(attributes.ReceiveMessageWaitTimeSeconds ?? 0)) * 1_000;
    const attempt = readId('ReceiveRequestAttemptId', fields);
    if (attempt !== undefined && !isFifo(queue)) throw invalidForKind('ReceiveRequestAttemptId', attempt);
    if (waitMs > 0) park();
    const received = await this.delivery.receive(
      queue,
      { max, waitMs, ...(seconds !== undefined && { visibilityTimeoutMs: seconds * 1_000 }) },
      disconnect,
      attempt,
    );
    const wanted = {
      system: [...fields.texts('AttributeNames'), ...fields.texts('MessageSystemAttributeNames')],
      attributes: fields.texts('MessageAttributeNames'),
    };
    const places = isFifo(queue)
      ? await this.messages.delivered(
          queue,
          received.messages.map(({ receipt }) => receipt),
        )
      : [];
    const messages = received.messages.map((message, i) =>
      showReceived(queue, message, wanted, region, places[i]?.id ?? message.id),
    );
    return messages.length === 0 ? NOTHING : { Messages: messages };
  }

  private async deleteOne({ queue, fields, disconnect }: ActionCall): Promise<Members> {
    const [outcome] = await this.delete(queue, [fields.text('ReceiptHandle')], disconnect);
    if (outcome instanceof Error) throw outcome;
    return NOTHING;
  }

  private async deleteSome({ queue, fields, disconnect }: ActionCall): Promise<Members> {
    const entries = fields.entries('DeleteMessageBatchRequestEntry');
    return this.forReceipts(entries, (receipts) => this.delete(queue, receipts, disconnect));
  }

  private async delete(
    queue: string,
    receipts: readonly string[],
    disconnect: DisconnectSignal,
  ): Promise<(Members | Error)[]> {
    const answer = await this.messages.ack(queue, { receipts: [...receipts] }).catch(orIllFormed);
    if (answer instanceof Problem) return Promise.all(receipts.map((one) => this.invalidReceipt(queue, one)));
    return Promise.all(
      answer.results.map((one, i) =>
        'status' in one && one.status === 'acked'
          ? NOTHING
          : this.deleteLate(queue, receipts[i] ?? '', disconnect),
      ),
    );
  }

  /** A standard queue takes a receipt for as long as its message is there, a FIFO queue only while it is in flight for it. */
  private async deleteLate(
    queue: string,
    receipt: string,
    disconnect: DisconnectSignal,
  ): Promise<Members | Error> {
    const [delivered] = await this.messages.delivered(queue, [receipt]);
    if (!delivered) return this.invalidReceipt(queue, receipt);
    if (!(await this.isThere(queue, delivered.id, disconnect))) return NOTHING;
    if (isFifo(queue)) return invalidValue('ReceiptHandle', receipt, 'The receipt handle has expired.');
    await this.byId.cancel(queue, delivered.id, {}).catch(unlessGone);
    return NOTHING;
  }

  /** @throws QueueNotFound: that is said first, and receipts that are none are judged without a look at the queue */
  private async invalidReceipt(queue: string, receipt: string): Promise<SqsError> {
    await this.labels.of(queue);
    return new SqsError(
      ERRORS.receiptHandleIsInvalid,
      `The input receipt handle "${receipt}" is not a valid receipt handle.`,
    );
  }

  private async isThere(queue: string, id: string, disconnect: DisconnectSignal): Promise<boolean> {
    const found = await this.byId.get(queue, id, 0, disconnect).catch(unlessGone);
    return found !== undefined && found.state !== 'done' && found.state !== 'cancelled';
  }

  private async changeOne({ queue, fields, disconnect }: ActionCall): Promise<Members> {
    const [outcome] = await this.change(queue, [readChange(fields)], disconnect);
    if (outcome instanceof Error) throw outcome;
    return NOTHING;
  }

  private async changeSome({ queue, fields, disconnect }: ActionCall): Promise<Members> {
    const entries = fields.entries('ChangeMessageVisibilityBatchRequestEntry');
    const read = entries.map(({ fields: entry }) => orError(() => readChange(entry)));
    const changed = await this.change(queue, read.filter(isRight), disconnect);
    let next = 0;
    return answerBatch(
      entries,
      read.map((one) => (one instanceof Error ? one : (changed[next++] ?? NOTHING))),
    );
  }

  /** Each has a time of its own, so each is a call of its own; those of one turn go to Redis together. */
  private change(
    queue: string,
    changes: readonly Change[],
    disconnect: DisconnectSignal,
  ): Promise<(Members | Error)[]> {
    return Promise.all(changes.map((change) => this.changeVisibility(queue, change, disconnect)));
  }

  private async changeVisibility(
    queue: string,
    { receipt, seconds }: Change,
    disconnect: DisconnectSignal,
  ): Promise<Members | Error> {
    const [delivered] = await this.messages.delivered(queue, [receipt]);
    if (!delivered) return this.invalidReceipt(queue, receipt);
    const { id, at } = delivered;
    if (at !== null && Math.floor((Date.now() - at) / 1_000) + seconds > HALF_A_DAY_S) {
      return invalidValue(
        'VisibilityTimeout',
        seconds,
        `Total VisibilityTimeout for the message is beyond the limit [${HALF_A_DAY_S} seconds]`,
      );
    }
    const { results } =
      seconds === 0
        ? await this.messages.nack(queue, [receipt], { delayMs: 0, countsAs: 'failure', dead: false })
        : await this.messages.extend(queue, { receipts: [receipt], visibilityTimeoutMs: seconds * 1_000 });
    const [result] = results;
    if (result !== undefined && 'status' in result && result.status !== 'stale') return NOTHING;
    if (!(await this.isThere(queue, id, disconnect))) {
      return invalidValue(
        'ReceiptHandle',
        receipt,
        'Message does not exist or is not available for visibility timeout change.',
      );
    }
    return new SqsError(ERRORS.messageNotInflight, "The message referred to isn't in flight.");
  }

  private async forReceipts(
    entries: readonly Entry[],
    run: (receipts: readonly string[]) => Promise<(Members | Error)[]>,
  ): Promise<Members> {
    const read = entries.map(({ fields }) => orError(() => fields.text('ReceiptHandle')));
    const ended = await run(read.filter(isRight));
    let next = 0;
    return answerBatch(
      entries,
      read.map((one) => (one instanceof Error ? one : (ended[next++] ?? NOTHING))),
    );
  }
}

/** None of a batch is well-formed: then the engine refuses it as a whole. */
function orIllFormed(error: unknown): Problem {
  const isIllFormed =
    error instanceof Problem && (error.code === 'validation-failed' || error.code === 'payload-too-large');
  if (!isIllFormed) throw error;
  return error;
}

/** The message has ended meanwhile. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof Problem && error.code === 'not-found')) throw error;
}

interface Change {
  readonly receipt: string;
  readonly seconds: number;
}

function readChange(fields: Fields): Change {
  const receipt = fields.text('ReceiptHandle');
  const seconds = fields.integer('VisibilityTimeout', VISIBILITY);
  if (seconds === undefined) {
    throw new SqsError(ERRORS.missingParameter, 'The request must contain the parameter VisibilityTimeout.');
  }
  return { receipt, seconds };
}

const isRight = <T>(one: T | SqsError): one is T => !(one instanceof SqsError);

/** What is wrong with one entry of a batch is told for that entry. */
function orError<T>(read: () => T): T | SqsError {
  try {
    return read();
  } catch (error) {
    if (error instanceof SqsError) return error;
    throw error;
  }
}
