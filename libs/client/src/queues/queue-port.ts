import type { Worker as Thread } from 'node:worker_threads';
import type {
  Acked,
  Browsed,
  Cluster,
  DeletedMessages,
  Extended,
  Found,
  Made,
  Nacked,
  Queue,
  Queues,
  Received,
  Redriven,
  Schedule,
  ScheduleRun,
  Schedules,
  Sent,
  ShownMessage,
  Watched,
} from '@syncline/contracts';
import type { MessageFilter, NackOptions, QueueChanges, ReceiveOptions } from './message.js';

/** A message as it is sent, in JSON that was written when `send` was called: an invalid value fails only that call. */
export interface OutgoingMessage {
  readonly body: string;
  /** An object with the other fields. */
  readonly options: string;
}

/** A message that an acknowledgement sends. */
export interface OutgoingChained extends OutgoingMessage {
  readonly queue: string;
}

/** Deliveries to acknowledge. */
export interface OutgoingAcks {
  readonly receipts: readonly string[];
  /** The result of each, in JSON that was written when `ack` was called. Undefined: there are none. */
  readonly results?: readonly string[] | undefined;
  /** What the only one of them sends. */
  readonly send?: readonly OutgoingChained[] | undefined;
}

/** Messages of a call that changes some of them. */
export interface SelectedMessages {
  readonly ids?: readonly string[] | undefined;
  readonly where?: MessageFilter | undefined;
  readonly max?: number | undefined;
  /** Of the previous answer to the same call. */
  readonly cursor?: string | undefined;
}

/** A call that the caller can end. */
export interface Abort {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The operations of queues, one method each, whoever carries them out: nodes over HTTP, or an engine in this process. All
 * logic that a program sees (workers, batches, retries of what fits) is above it and the same for both.
 *
 * Every method throws the errors of this client. What an operation refuses for a single item stands in the answer.
 */
export interface QueuePort {
  /** Default deadline of a call, in milliseconds, not counting its wait. */
  readonly timeoutMs: number;
  /** Whether sends arrive in the order in which they are made, unless one fails. */
  readonly keepsOrder: boolean;

  /** @param call `repeatable`: a repeat of the call has no further effect */
  send(
    queue: string,
    messages: readonly OutgoingMessage[],
    call: { readonly repeatable: boolean; readonly timeoutMs: number },
  ): Promise<Sent>;
  /** When the signal aborts, messages that are on their way are still received. */
  receive(queue: string, options: Omit<ReceiveOptions, 'signal'>, abort: Abort): Promise<Received>;
  ack(queue: string, acks: OutgoingAcks): Promise<Acked>;
  nack(queue: string, receipts: readonly string[], how: NackOptions): Promise<Nacked>;
  extend(
    queue: string,
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    progress: unknown,
  ): Promise<Extended>;
  /** Answers when one of the deliveries was cancelled, or the time is over. */
  watch(queue: string, receipts: readonly string[], waitMs: number, abort: Abort): Promise<Watched>;

  message(queue: string, id: string, waitMs: number, abort: Abort): Promise<ShownMessage>;
  reschedule(
    queue: string,
    id: string,
    change: { readonly delayMs?: number; readonly priority?: number },
  ): Promise<ShownMessage>;
  cancel(queue: string, id: string, how: { readonly reason?: string }): Promise<void>;
  browse(
    queue: string,
    page: { readonly state: string; readonly cursor?: string; readonly limit?: number },
  ): Promise<Browsed>;
  search(
    queue: string,
    search: {
      readonly state: string;
      readonly where: MessageFilter;
      readonly cursor?: string;
      readonly limit?: number;
    },
  ): Promise<Found>;
  deleteMessages(queue: string, selected: SelectedMessages): Promise<DeletedMessages>;
  /** @param redrive `id`: the same id again moves nothing more */
  redrive(
    queue: string,
    redrive: SelectedMessages & { readonly to?: string | undefined; readonly id?: string },
  ): Promise<Redriven>;

  configure(queue: string, changes: QueueChanges): Promise<Queue>;
  inspect(queue: string): Promise<Queue>;
  /** Answers when the queue is made, or the time is over. */
  made(queue: string, waitMs: number, abort: Abort): Promise<Made>;
  purge(queue: string): Promise<void>;
  pause(queue: string): Promise<void>;
  resume(queue: string): Promise<void>;
  remove(queue: string): Promise<void>;

  list(page: { readonly prefix: string; readonly cursor?: string }): Promise<Queues>;

  /** @param rule JSON that was written when the method was called */
  putSchedule(name: string, rule: string): Promise<Schedule>;
  schedule(name: string): Promise<Schedule>;
  schedules(page: { readonly prefix: string; readonly cursor?: string }): Promise<Schedules>;
  removeSchedule(name: string): Promise<void>;
  runSchedule(name: string): Promise<ScheduleRun>;
  pauseSchedule(name: string, paused: boolean): Promise<Schedule>;

  cluster(): Promise<Cluster>;
  /** Starts a thread that extends deliveries by itself: see `standIn`. */
  startStandIn(): Thread;
  close(): Promise<void>;
}
