import { Worker as Thread } from 'node:worker_threads';
import type {
  Abort,
  NackOptions,
  OutgoingAcks,
  OutgoingMessage,
  QueueChanges,
  QueuePort,
  ReceiveOptions,
  SelectedMessages,
} from '@syncline/client/ports';
import {
  type Acked,
  ackSchema,
  awaitQueueSchema,
  type Browsed,
  browseQuerySchema,
  type Cluster,
  cancelSchema,
  checked,
  type DeletedMessages,
  deleteMessagesSchema,
  type Extended,
  extendSchema,
  type Found,
  listQueuesQuerySchema,
  listSchedulesQuerySchema,
  type Made,
  messageIdParamSchema,
  type Nacked,
  nackSchema,
  nameSchema,
  putQueueSchema,
  putScheduleSchema,
  type Queue,
  type Queues,
  type Received,
  type Redriven,
  receiveSchema,
  redriveSchema,
  rescheduleSchema,
  type Schedule,
  type ScheduleRun,
  type Schedules,
  type Sent,
  type ShownMessage,
  searchSchema,
  sendSchema,
  showMessageQuerySchema,
  type Watched,
  watchSchema,
} from '@syncline/contracts';
import {
  ByIdService,
  DeadLettersService,
  DeliveryService,
  MessagesService,
  QueuesService,
  SchedulesService,
  SearchService,
} from '@syncline/queues';
import { type RedisAccess } from '@syncline/redis';
import { type Calls, NEVER } from '../engine/calls.js';
import type { Engine } from '../engine/engine.js';

/** The queue engine of this process. */
export class EmbeddedQueues implements QueuePort {
  /** What is sent in one turn after another arrives in that order: one connection carries it. */
  readonly keepsOrder = true;
  private readonly calls: Calls;
  private readonly queues: QueuesService;
  private readonly messages: MessagesService;
  private readonly delivery: DeliveryService;
  private readonly byId: ByIdService;
  private readonly searches: SearchService;
  private readonly deadLetters: DeadLettersService;
  private readonly schedulesService: SchedulesService;

  constructor(
    private readonly engine: Engine,
    private readonly redis: RedisAccess,
  ) {
    this.calls = engine.calls;
    this.queues = engine.get(QueuesService);
    this.messages = engine.get(MessagesService);
    this.delivery = engine.get(DeliveryService);
    this.byId = engine.get(ByIdService);
    this.searches = engine.get(SearchService);
    this.deadLetters = engine.get(DeadLettersService);
    this.schedulesService = engine.get(SchedulesService);
  }

  get timeoutMs(): number {
    return this.calls.timeoutMs;
  }

  send(
    queue: string,
    messages: readonly OutgoingMessage[],
    call: { readonly repeatable: boolean; readonly timeoutMs: number },
  ): Promise<Sent> {
    const given = messages.map(readMessage);
    return this.calls.call(
      () => this.messages.send(named(queue), checked(sendSchema, { messages: given }, 'body')),
      call,
    );
  }

  async receive(
    queue: string,
    options: Omit<ReceiveOptions, 'signal'>,
    { signal }: Abort,
  ): Promise<Received> {
    const { waitMs: givenMs = 0, ...fields } = options;
    const { body } = await this.calls.park(
      (disconnect, leftMs) => {
        const waitMs = typeof givenMs === 'number' && givenMs > 0 ? Math.min(givenMs, leftMs) : givenMs;
        return this.delivery.receive(
          named(queue),
          checked(receiveSchema, { ...fields, waitMs }, 'body'),
          disconnect,
        );
      },
      { waitMs: givenMs, signal },
    );
    return body;
  }

  ack(queue: string, { receipts, results, send }: OutgoingAcks): Promise<Acked> {
    const given = {
      receipts,
      results: results?.map((one) => JSON.parse(one)),
      send: send?.map((one) => ({ ...readMessage(one), queue: one.queue })),
    };
    return this.calls.call(() => this.messages.ack(named(queue), checked(ackSchema, given, 'body')));
  }

  nack(queue: string, receipts: readonly string[], how: NackOptions): Promise<Nacked> {
    const given = asJson({ ...how, receipts });
    return this.calls.call(() => {
      const { receipts: some, ...rest } = checked(nackSchema, given, 'body');
      return this.messages.nack(named(queue), some, rest);
    });
  }

  extend(
    queue: string,
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    progress: unknown,
  ): Promise<Extended> {
    const given = asJson({ receipts, visibilityTimeoutMs, progress });
    return this.calls.call(() => this.messages.extend(named(queue), checked(extendSchema, given, 'body')));
  }

  async watch(
    queue: string,
    receipts: readonly string[],
    waitMs: number,
    { signal }: Abort,
  ): Promise<Watched> {
    const { body } = await this.calls.park(
      (disconnect, leftMs) =>
        this.byId.watch(named(queue), checked(watchSchema, { receipts, waitMs: leftMs }, 'body'), disconnect),
      { waitMs, signal },
    );
    return body;
  }

  async message(queue: string, id: string, waitMs: number, { signal }: Abort): Promise<ShownMessage> {
    const { body } = await this.calls.park(
      (disconnect) => {
        const query = checked(showMessageQuerySchema, { waitMs }, 'query');
        return this.byId.get(named(queue), identified(id), query.waitMs, disconnect);
      },
      { waitMs, signal },
    );
    return body;
  }

  reschedule(
    queue: string,
    id: string,
    change: { readonly delayMs?: number; readonly priority?: number },
  ): Promise<ShownMessage> {
    const given = asJson(change);
    return this.calls.call(() =>
      this.byId.reschedule(named(queue), identified(id), checked(rescheduleSchema, given, 'body')),
    );
  }

  async cancel(queue: string, id: string, how: { readonly reason?: string }): Promise<void> {
    const given = asJson(how);
    await this.calls.call(() =>
      this.byId.cancel(named(queue), identified(id), checked(cancelSchema, given, 'body')),
    );
  }

  browse(queue: string, page: object): Promise<Browsed> {
    const given = asJson(page);
    return this.calls.call(() =>
      this.messages.browse(named(queue), checked(browseQuerySchema, given, 'query')),
    );
  }

  search(queue: string, search: object): Promise<Found> {
    const given = asJson(search);
    return this.calls.call(() => this.searches.search(named(queue), checked(searchSchema, given, 'body')));
  }

  deleteMessages(queue: string, selected: SelectedMessages): Promise<DeletedMessages> {
    const given = asJson(selected);
    return this.calls.call(() =>
      this.searches.delete(named(queue), checked(deleteMessagesSchema, given, 'body')),
    );
  }

  redrive(queue: string, redrive: object): Promise<Redriven> {
    const given = asJson(redrive);
    return this.calls.call(() =>
      this.deadLetters.redrive(named(queue), checked(redriveSchema, given, 'body'), NEVER),
    );
  }

  configure(queue: string, changes: QueueChanges): Promise<Queue> {
    const given = asJson(changes);
    return this.calls.call(() => this.queues.put(named(queue), checked(putQueueSchema, given, 'body')));
  }

  inspect(queue: string): Promise<Queue> {
    return this.calls.call(() => this.queues.get(named(queue)));
  }

  async made(queue: string, waitMs: number, { signal }: Abort): Promise<Made> {
    const { body } = await this.calls.park(
      async (disconnect, leftMs) => {
        const { waitMs: left } = checked(awaitQueueSchema, { waitMs: leftMs }, 'body');
        return { made: await this.queues.isMade(named(queue), left, disconnect) };
      },
      { waitMs, signal },
    );
    return body;
  }

  async purge(queue: string): Promise<void> {
    await this.calls.call(() => this.queues.purge(named(queue)), { repeatable: false });
  }

  async pause(queue: string): Promise<void> {
    await this.calls.call(() => this.queues.pause(named(queue), true));
  }

  async resume(queue: string): Promise<void> {
    await this.calls.call(() => this.queues.pause(named(queue), false));
  }

  remove(queue: string): Promise<void> {
    return this.calls.call(() => this.queues.remove(named(queue)), { repeatable: false });
  }

  list(page: { readonly prefix: string; readonly cursor?: string }): Promise<Queues> {
    return this.calls.call(() => {
      const { prefix, cursor, limit } = checked(listQueuesQuerySchema, page, 'query');
      return this.queues.list(prefix, cursor ?? null, limit);
    });
  }

  putSchedule(name: string, rule: string): Promise<Schedule> {
    return this.calls.call(() =>
      this.schedulesService.put(named(name), checked(putScheduleSchema, JSON.parse(rule), 'body')),
    );
  }

  schedule(name: string): Promise<Schedule> {
    return this.calls.call(() => this.schedulesService.get(named(name)));
  }

  schedules(page: { readonly prefix: string; readonly cursor?: string }): Promise<Schedules> {
    return this.calls.call(() => {
      const { prefix, cursor, limit } = checked(listSchedulesQuerySchema, page, 'query');
      return this.schedulesService.list(prefix, cursor ?? null, limit);
    });
  }

  removeSchedule(name: string): Promise<void> {
    return this.calls.call(() => this.schedulesService.remove(named(name)), { repeatable: false });
  }

  runSchedule(name: string): Promise<ScheduleRun> {
    return this.calls.call(() => this.schedulesService.run(named(name), () => undefined), {
      repeatable: false,
    });
  }

  pauseSchedule(name: string, paused: boolean): Promise<Schedule> {
    return this.calls.call(() => this.schedulesService.pause(named(name), paused));
  }

  cluster(): Promise<Cluster> {
    return this.engine.describeCluster();
  }

  startStandIn(): Thread {
    // Bundlers find the file by this form.
    return new Thread(new URL('./redis-stand-in.js', import.meta.url), {
      workerData: this.redis,
      execArgv: [],
    });
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

const named = (queue: string): string => checked(nameSchema, queue, 'queue');
const identified = (id: string): string => checked(messageIdParamSchema, id, 'id');

const readMessage = ({ body, options }: OutgoingMessage) => ({
  ...JSON.parse(options),
  body: JSON.parse(body),
});

/** As it would arrive at a node, and what the caller changes later is not seen. */
const asJson = (given: object): unknown => JSON.parse(JSON.stringify(given));
