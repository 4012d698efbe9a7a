import { Worker as Thread } from 'node:worker_threads';
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
import { type Call, Transport, type TransportOptions } from '../transport/transport.js';
import type { StandInNodes } from './heartbeats/http-stand-in.js';
import type { NackOptions, QueueChanges, ReceiveOptions } from './message.js';
import type {
  Abort,
  OutgoingAcks,
  OutgoingChained,
  OutgoingMessage,
  QueuePort,
  SelectedMessages,
} from './queue-port.js';

/** The operations of queues, carried out by the queue nodes. */
export class HttpQueues implements QueuePort {
  private readonly transport: Transport;

  constructor(private readonly options: TransportOptions) {
    this.transport = new Transport(options);
  }

  get timeoutMs(): number {
    return this.transport.timeoutMs;
  }

  get keepsOrder(): boolean {
    return this.transport.keepsOrder;
  }

  send(
    queue: string,
    messages: readonly OutgoingMessage[],
    { repeatable, timeoutMs }: { readonly repeatable: boolean; readonly timeoutMs: number },
  ): Promise<Sent> {
    return this.transport.json({
      method: 'POST',
      path: `${pathOf(queue)}/messages`,
      body: `{"messages":[${messages.map(written).join(',')}]}`,
      idempotent: repeatable,
      timeoutMs,
    });
  }

  receive(queue: string, options: Omit<ReceiveOptions, 'signal'>, { signal }: Abort): Promise<Received> {
    return this.post(queue, 'receive', options, {
      // Idempotent, because the messages of a lost answer are delivered again after their visibility timeout.
      waitMs: options.waitMs ?? 0,
      signal,
      takesLateAnswer: true,
    });
  }

  ack(queue: string, { receipts, results, send = [] }: OutgoingAcks): Promise<Acked> {
    const kept = results === undefined ? '' : `,"results":[${results.join(',')}]`;
    const sent = send.length === 0 ? '' : `,"send":[${send.map(writtenWithQueue).join(',')}]`;
    const body = `{"receipts":${JSON.stringify(receipts)}${kept}${sent}}`;
    return this.transport.json({ method: 'POST', path: `${pathOf(queue)}/ack`, body, idempotent: true });
  }

  nack(queue: string, receipts: readonly string[], how: NackOptions): Promise<Nacked> {
    return this.post(queue, 'nack', { receipts, ...how });
  }

  extend(
    queue: string,
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    progress: unknown,
  ): Promise<Extended> {
    return this.post(queue, 'extend', { receipts, visibilityTimeoutMs, progress });
  }

  watch(queue: string, receipts: readonly string[], waitMs: number, { signal }: Abort): Promise<Watched> {
    return this.post(queue, 'watch', { receipts, waitMs }, { waitMs, signal });
  }

  message(queue: string, id: string, waitMs: number, { signal }: Abort): Promise<ShownMessage> {
    const path = `${messagePathOf(queue, id)}?waitMs=${waitMs}`;
    return this.transport.json({ method: 'GET', path, idempotent: true, waitMs, signal });
  }

  reschedule(
    queue: string,
    id: string,
    change: { readonly delayMs?: number; readonly priority?: number },
  ): Promise<ShownMessage> {
    const path = messagePathOf(queue, id);
    return this.transport.json({ method: 'PATCH', path, body: JSON.stringify(change), idempotent: true });
  }

  async cancel(queue: string, id: string, how: { readonly reason?: string }): Promise<void> {
    const path = messagePathOf(queue, id);
    await this.transport.call({ method: 'DELETE', path, body: JSON.stringify(how), idempotent: true });
  }

  browse(
    queue: string,
    { state, cursor, limit }: { readonly state: string; readonly cursor?: string; readonly limit?: number },
  ): Promise<Browsed> {
    const query = new URLSearchParams({ state });
    if (cursor !== undefined) query.set('cursor', cursor);
    if (limit !== undefined) query.set('limit', String(limit));
    const path = `${pathOf(queue)}/messages?${query}`;
    return this.transport.json({ method: 'GET', path, idempotent: true });
  }

  search(queue: string, search: object): Promise<Found> {
    return this.post(queue, 'messages/search', search);
  }

  deleteMessages(queue: string, selected: SelectedMessages): Promise<DeletedMessages> {
    return this.post(queue, 'messages/delete', selected);
  }

  redrive(queue: string, redrive: object): Promise<Redriven> {
    return this.post(queue, 'redrive', redrive);
  }

  configure(queue: string, changes: QueueChanges): Promise<Queue> {
    const body = JSON.stringify(changes);
    return this.transport.json({ method: 'PUT', path: pathOf(queue), body, idempotent: true });
  }

  inspect(queue: string): Promise<Queue> {
    return this.transport.json({ method: 'GET', path: pathOf(queue), idempotent: true });
  }

  made(queue: string, waitMs: number, { signal }: Abort): Promise<Made> {
    return this.post(queue, 'made', { waitMs }, { waitMs, signal });
  }

  async purge(queue: string): Promise<void> {
    await this.post(queue, 'purge', {}, { idempotent: false });
  }

  async pause(queue: string): Promise<void> {
    await this.post(queue, 'pause', {}, { idempotent: false });
  }

  async resume(queue: string): Promise<void> {
    await this.post(queue, 'resume', {}, { idempotent: false });
  }

  async remove(queue: string): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: pathOf(queue), idempotent: false });
  }

  list(page: { readonly prefix: string; readonly cursor?: string }): Promise<Queues> {
    const path = `/v1/queues?${new URLSearchParams(page)}`;
    return this.transport.json({ method: 'GET', path, idempotent: true });
  }

  putSchedule(name: string, rule: string): Promise<Schedule> {
    return this.transport.json({ method: 'PUT', path: schedulePathOf(name), body: rule, idempotent: true });
  }

  schedule(name: string): Promise<Schedule> {
    return this.transport.json({ method: 'GET', path: schedulePathOf(name), idempotent: true });
  }

  schedules(page: { readonly prefix: string; readonly cursor?: string }): Promise<Schedules> {
    const path = `/v1/schedules?${new URLSearchParams(page)}`;
    return this.transport.json({ method: 'GET', path, idempotent: true });
  }

  async removeSchedule(name: string): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: schedulePathOf(name), idempotent: false });
  }

  runSchedule(name: string): Promise<ScheduleRun> {
    const path = `${schedulePathOf(name)}/run`;
    return this.transport.json({ method: 'POST', path, body: '{}', idempotent: false });
  }

  pauseSchedule(name: string, paused: boolean): Promise<Schedule> {
    const path = `${schedulePathOf(name)}/${paused ? 'pause' : 'resume'}`;
    return this.transport.json({ method: 'POST', path, body: '{}', idempotent: true });
  }

  cluster(): Promise<Cluster> {
    return this.transport.cluster();
  }

  startStandIn(): Thread {
    const { urls, apiKey, ca, cert, key } = this.options;
    const workerData: StandInNodes = {
      urls,
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      tls: { ca: ca?.toString(), cert: cert?.toString(), key: key?.toString() },
    };
    // Bundlers find the file by this form.
    return new Thread(new URL('./heartbeats/http-stand-in.js', import.meta.url), {
      workerData,
      execArgv: [],
    });
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  private post<T>(queue: string, verb: string, body: object, call: Partial<Call> = {}): Promise<T> {
    return this.transport.json({
      method: 'POST',
      path: `${pathOf(queue)}/${verb}`,
      body: JSON.stringify(body),
      idempotent: true,
      ...call,
    });
  }
}

const pathOf = (queue: string) => `/v1/queues/${encodeURIComponent(queue)}`;
const schedulePathOf = (name: string) => `/v1/schedules/${encodeURIComponent(name)}`;
const messagePathOf = (queue: string, id: string) => `${pathOf(queue)}/messages/${encodeURIComponent(id)}`;

const writtenWithQueue = (message: OutgoingChained) =>
  `{"queue":${JSON.stringify(message.queue)},${written(message).slice(1)}`;

const written = ({ body, options }: OutgoingMessage) =>
  options === '{}' ? `{"body":${body}}` : `{"body":${body},${options.slice(1)}`;
