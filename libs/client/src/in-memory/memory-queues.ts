import { EventEmitter } from 'node:events';
import type { Worker as Thread } from 'node:worker_threads';
import type {
  Acked,
  Cluster,
  Extended,
  Nacked,
  Queue,
  Received,
  Schedule,
  ScheduleRun,
  Sent,
  Watched,
} from '@syncline/contracts';
import type { NackOptions, QueueChanges, ReceiveOptions } from '../queues/message.js';
import type { Abort, OutgoingAcks, OutgoingMessage, QueuePort } from '../queues/queue-port.js';
import { MemoryQueue } from './memory-queue.js';
import { MemorySchedules } from './memory-schedules.js';

/** Queues of one process: with priorities, delays, groups, back-off and dead letters. */
export class MemoryQueues implements Partial<QueuePort> {
  readonly timeoutMs = 10_000;
  readonly keepsOrder = true;
  private readonly queues = new Map<string, MemoryQueue>();
  private readonly planned = new MemorySchedules((queue, { body, groupId, ...options }) => {
    const { id } = this.queue(queue).send(body, groupId == null ? options : { ...options, groupId });
    return id;
  });

  async send(queue: string, messages: readonly OutgoingMessage[]): Promise<Sent> {
    const sent = messages.map(({ body, options }) =>
      this.queue(queue).send(JSON.parse(body), JSON.parse(options)),
    );
    return { messages: sent, durability: 'local' };
  }

  async receive(
    queue: string,
    options: Omit<ReceiveOptions, 'signal'>,
    { signal }: Abort,
  ): Promise<Received> {
    return { messages: await this.queue(queue).receive(options, signal) };
  }

  async ack(queue: string, { receipts, send = [] }: OutgoingAcks): Promise<Acked> {
    const results = receipts.map((receipt) => {
      const acked = this.queue(queue).end(receipt);
      if (acked) for (const { queue: to, ...message } of send) void this.send(to, [message]);
      return { receipt, status: acked ? ('acked' as const) : ('stale' as const) };
    });
    return { results, durability: 'local' };
  }

  async nack(queue: string, receipts: readonly string[], how: NackOptions): Promise<Nacked> {
    const results = receipts.map((receipt) => ({
      receipt,
      status: this.queue(queue).giveBack(receipt, how),
    }));
    return { results, durability: 'local' };
  }

  async extend(queue: string, receipts: readonly string[], visibilityTimeoutMs: number): Promise<Extended> {
    const results = receipts.map((receipt) => {
      const extended = this.queue(queue).hide(receipt, visibilityTimeoutMs);
      return { receipt, status: extended ? ('extended' as const) : ('stale' as const) };
    });
    return { results, durability: 'local' };
  }

  /** Nothing is ever cancelled. */
  watch(_: string, __: readonly string[], waitMs: number, { signal }: Abort): Promise<Watched> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve({ cancelled: [] } as unknown as Watched), waitMs).unref();
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  }

  async configure(queue: string, changes: QueueChanges): Promise<Queue> {
    this.queue(queue).configure(changes);
    return this.inspect(queue);
  }

  async inspect(queue: string): Promise<Queue> {
    return this.queue(queue).inspect();
  }

  async purge(queue: string): Promise<void> {
    this.queues.delete(queue);
  }

  remove(queue: string): Promise<void> {
    return this.purge(queue);
  }

  async pause(queue: string): Promise<void> {
    this.queue(queue).paused = true;
  }

  async resume(queue: string): Promise<void> {
    this.queue(queue).paused = false;
    this.queue(queue).serve();
  }

  async putSchedule(name: string, rule: string): Promise<Schedule> {
    return this.planned.put(name, JSON.parse(rule));
  }

  async schedule(name: string): Promise<Schedule> {
    return this.planned.get(name);
  }

  async removeSchedule(name: string): Promise<void> {
    this.planned.remove(name);
  }

  async runSchedule(name: string): Promise<ScheduleRun> {
    return this.planned.run(name);
  }

  async pauseSchedule(name: string, paused: boolean): Promise<Schedule> {
    return this.planned.pause(name, paused);
  }

  async cluster(): Promise<Cluster> {
    return { role: 'queue', nodeId: 'memory', epoch: 1, members: [] };
  }

  /** There is nobody from whom a blocked handler would have to keep its message. */
  startStandIn(): Thread {
    const thread = Object.assign(new EventEmitter(), {
      postMessage: () => undefined,
      unref: () => undefined,
      terminate: async () => 0,
    });
    setImmediate(() => thread.emit('message'));
    return thread as unknown as Thread;
  }

  async close(): Promise<void> {
    for (const queue of this.queues.values()) queue.close();
  }

  private queue(name: string): MemoryQueue {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = new MemoryQueue(name, (to, body, headers) => this.queue(to).send(body, { headers }));
      this.queues.set(name, queue);
    }
    return queue;
  }
}
