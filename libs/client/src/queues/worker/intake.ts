import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../../abortable.js';
import { clock } from '../../clock.js';
import { NotFoundError } from '../../errors.js';
import { Heartbeat } from '../heartbeats/heartbeat.js';
import type { Guard } from '../heartbeats/heartbeat-thread.js';
import type { Message } from '../message.js';
import { Answers } from './answers.js';
import { CancelWatch } from './cancel-watch.js';
import type { Delivery, DeliveryOwner } from './delivery.js';
import { HeldDeliveries } from './held-deliveries.js';
import type { MessageSource } from './message-source.js';
import { QueueSettings } from './queue-settings.js';
import { maxBlockedOf, type WorkerOptions } from './worker-options.js';

const PAUSE_MS = 500;

/** One queue of a worker: receives its messages, and holds them until they are acknowledged or given back. */
export class Intake<Body> {
  readonly held: HeldDeliveries<Body>;
  readonly settings: QueueSettings;
  readonly answers: Answers<Body>;
  /** Nothing was ready when it was asked last. */
  isEmpty = false;
  /** The first message makes it: until then there is nothing to receive. */
  private isUnmade = false;
  private restUntil = Number.NEGATIVE_INFINITY;
  private readonly cancels: CancelWatch<Body>;
  private readonly guard: Guard;
  private readonly heartbeat: Heartbeat<Body>;

  constructor(
    private readonly queue: MessageSource<Body>,
    options: WorkerOptions,
    owner: Omit<DeliveryOwner<Body>, 'tell'>,
    private readonly report: (error: unknown, message: Message<unknown> | undefined) => void,
  ) {
    this.settings = new QueueSettings(queue, options);
    this.answers = new Answers(queue, this.settings, report);
    this.guard = queue.guard(maxBlockedOf(options));
    const tell: DeliveryOwner<Body>['tell'] = (delivery, progress) => this.heartbeat.tell(delivery, progress);
    this.held = new HeldDeliveries(this.guard, { ...owner, tell });
    this.cancels = new CancelWatch(queue, () => this.held.all());
    this.heartbeat = new Heartbeat(queue, this.held, this.guard, this.cancels, report);
  }

  /** After a failure it is not asked for a while. */
  get isResting(): boolean {
    return clock.now() < this.restUntil;
  }

  /** Resolves when it can be asked again, or the signal aborts. */
  async rested(signal: AbortSignal): Promise<void> {
    if (!this.isResting) return;
    await sleep(this.restUntil - clock.now(), undefined, { signal }).catch(() => undefined);
  }

  /**
   * Receives messages, or waits for some. When the signal aborts, messages that are on their way are still received.
   *
   * @returns undefined: it failed, or was aborted before it began
   */
  async receive(max: number, waitMs: number, signal: AbortSignal): Promise<Delivery<Body>[] | undefined> {
    try {
      const deliveries = await this.ask(max, waitMs, signal);
      this.isEmpty = deliveries.length === 0;
      return deliveries;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.isEmpty = error instanceof NotFoundError;
      if (this.isEmpty) this.settings.forget();
      else this.report(error, undefined);
      // A node of an earlier version cannot be asked when the queue is made.
      if (!this.isEmpty || this.isUnmade) this.restUntil = clock.now() + PAUSE_MS;
      this.isUnmade = this.isEmpty;
      return undefined;
    }
  }

  /** Others can receive the messages at once; this does not count as a failure. */
  async giveBack(deliveries: readonly Delivery<Body>[]): Promise<void> {
    const held = deliveries.filter((delivery) => this.held.has(delivery));
    if (held.length === 0) return;
    for (const delivery of held) this.held.remove(delivery);
    await this.queue
      .giveBack(held.map(({ message }) => message.receipt))
      .catch((error: unknown) => this.report(error, undefined));
  }

  /** Gives all messages up that the worker still holds, and those back that are not answered for. */
  async stop(): Promise<void> {
    this.heartbeat.stop();
    this.cancels.stop();
    const late = this.held.all().filter(({ isAnswered }) => !isAnswered);
    for (const delivery of late) delivery.lose('the worker was stopped before its handler was done');
    await this.giveBack(late);
  }

  private async ask(max: number, waitMs: number, signal: AbortSignal): Promise<Delivery<Body>[]> {
    if (this.isUnmade) {
      if (waitMs === 0 || !(await this.queue.untilMade(waitMs, signal))) return [];
      this.isUnmade = false;
    }
    await abortable(this.settings.load(), signal);
    const { visibilityTimeoutMs } = this.settings;
    const askedAt = clock.now();
    const messages = await this.queue.receiveUntil(signal, { max, waitMs, visibilityTimeoutMs });
    if (messages.length > 0) this.guard.extendsBy(visibilityTimeoutMs);
    const deliveries = messages.map((message) => this.held.add(message, askedAt, visibilityTimeoutMs));
    if (deliveries.length > 0) this.cancels.look();
    this.heartbeat.begin(visibilityTimeoutMs, askedAt);
    if (this.guard.starting !== undefined)
      await abortable(this.guard.starting, signal).catch(() => undefined);
    // They were received by the settings that were known; from now on the newest ones count.
    if (deliveries.length > 0) await abortable(this.settings.refresh(), signal).catch(() => undefined);
    return deliveries;
  }
}
