import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Membership, Openings, RecentMembers } from '@syncline/cluster';
import { defaultConfiguration } from '@syncline/contracts';
import { logUnlessAway, primaryOf, REDIS, type RedisClient, StoreUnavailable } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import type { Redis } from 'ioredis';
import type { Knowledge, Outline } from '../recovery/kept.js';
import { Losses } from '../recovery/losses.js';
import { Memory } from '../recovery/memory.js';
import { queueKeys } from './queue.keys.js';
import { QueueNames } from './queue-names.js';
import { QueuesInUse } from './queues-in-use.js';
import { configure } from './scripts/queue.js';
import { type RestoreReply, restore } from './scripts/restore.js';

/** One portion: a millisecond or two of Redis. */
const PORTION = 200;
const PORTION_BYTES = 1_048_576;
/** A call waits so long for a queue to open: longer than an instance takes (`opening.lua`). */
const OPENS_WITHIN_MS = 2_500;
/** Queues in which nothing happens are asked about this often, as long as messages of them are held. */
const ASK_MS = 5_000;
const ASKED_AT_ONCE = 100;
const SECRET_BYTES = 18;

type Portion = Pick<Knowledge, 'ended' | 'held'>;
const NOTHING: Portion = { ended: [], held: [] };

/**
 * Queues in a new Redis instance: this node tells what it knows of them, and nothing is sent or received until all have. It does so when a call
 * is refused for it, when it is told by a hint, when a connection was made again, and about idle queues once in a while.
 */
@Injectable()
export class QueueOpenings implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(QueueOpenings.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly openings = new Openings<string>((queue) => this.open(queue));
  private readonly asking = new Loop(() => this.ask(this.memory.unconfirmed), ASK_MS, this.logger);
  private readonly onConnected = () => void this.ask(this.memory.known).catch(this.report);

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly membership: Membership,
    private readonly members: RecentMembers,
    private readonly memory: Memory,
    private readonly losses: Losses,
    private readonly names: QueueNames,
    private readonly inUse: QueuesInUse,
  ) {}

  onModuleInit(): void {
    this.asking.start();
    this.redis.on('ready', this.onConnected);
    this.redis.on('+node', this.onConnected);
  }

  async onModuleDestroy(): Promise<void> {
    this.redis.off('ready', this.onConnected);
    this.redis.off('+node', this.onConnected);
    await this.asking.stop();
  }

  /** A call that sends or takes messages: it waits for the queue to open. @throws StoreUnavailable */
  call<Reply>(queue: string, send: () => Promise<Reply>): Promise<Reply> {
    return this.openings.call(queue, send);
  }

  /** A hint: a queue is in a new instance. */
  onOpening(queue: string): void {
    this.openings.opened(queue).catch(this.report);
  }

  /** A hint: it is open. */
  onOpened(queue: string): void {
    this.openings.onOpened(queue);
  }

  /** Those of each primary by themselves: one that is away holds up none of the others. */
  private async ask(queues: readonly string[]): Promise<void> {
    const byPrimary = new Map<Redis | undefined, string[]>();
    for (const queue of queues) {
      const primary = primaryOf(this.redis, queueKeys.queue(queue));
      const some = byPrimary.get(primary) ?? [];
      some.push(queue);
      byPrimary.set(primary, some);
    }
    const outcomes = await Promise.allSettled([...byPrimary.values()].map((some) => this.askInTurn(some)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async askInTurn(queues: readonly string[]): Promise<void> {
    for (let at = 0; at < queues.length; at += ASKED_AT_ONCE) {
      const some = queues.slice(at, at + ASKED_AT_ONCE);
      await Promise.all(some.map((queue) => this.openings.opened(queue)));
    }
  }

  private async open(queue: string): Promise<void> {
    const askedAt = performance.now();
    // Most often the instance is the one that it was.
    let reply: RestoreReply | null = await this.tell(queue, this.memory.outline(queue), NOTHING, false);
    while (reply !== null && reply.opening !== '') reply = await this.tellAll(queue, askedAt, reply);
    this.memory.confirm(queue, askedAt);
  }

  /**
   * Tells an instance what this node knows by now: more, perhaps, than an instance before, which may have opened and taken sends while
   * this node still waited for that.
   *
   * @returns null when the queue is open, else what another instance replied
   */
  private async tellAll(queue: string, askedAt: number, first: RestoreReply): Promise<RestoreReply | null> {
    const known = this.memory.recall(queue);
    let reply = first;
    if (reply.gen === '' && known !== null && isWorthMaking(known)) {
      await this.make(queue, known.gen);
      reply = await this.tell(queue, known, NOTHING, false);
    }
    const { opening } = reply;
    if (opening === '' || (reply.leftMs === 0 && this.memory.wasTold(queue, opening))) return null;
    for (const portion of portionsOf(known, reply)) await this.tell(queue, known, portion, false);
    for (;;) {
      reply = await this.tell(queue, known, NOTHING, true);
      if (reply.opening !== opening) return reply;
      if (reply.leftMs === 0) {
        this.memory.told(queue, opening);
        if (reply.gen !== '') await this.names.add(queue);
        return null;
      }
      if (performance.now() - askedAt > OPENS_WITHIN_MS) throw new StoreUnavailable('Redis does not open.');
      await this.openings.wait(queue, reply.leftMs);
    }
  }

  private async tell(
    queue: string,
    known: Outline | null,
    portion: Portion,
    last: boolean,
  ): Promise<RestoreReply> {
    const { nodeIds: members, areAll } = this.members;
    const { nodeId, ring } = this.membership;
    const timersNode = ring.owner(queue) ?? '';
    const told = { queue, timersNode, nodeId, members, areAll, known, last, ...portion };
    const reply = await this.inUse.noteAfter(queue, restore(this.redis, told));
    this.losses.sentAgain(queue, reply.sentAgain);
    this.losses.lost(queue, reply.lost);
    return reply;
  }

  /** The queue was lost as a whole, its configuration too. */
  private make(queue: string, gen: string) {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const configuration = defaultConfiguration(queue);
    const call = { queue, timersNode: '', verb: 'make' as const, secret, configuration };
    return configure(this.redis, { ...call, mayBeLost: false, gen });
  }
}

/** Whether messages of a queue were lost that had not ended, as far as this node knows. */
const isWorthMaking = ({ held, unheld, gone }: Knowledge): boolean => held.length > 0 || unheld > gone;

function portionsOf(known: Knowledge | null, { gen, from, to }: RestoreReply): Portion[] {
  if (known === null || known.gen !== gen) return [];
  const ended = known.ended.filter((seq) => seq >= from && seq < to);
  const portions: Portion[] = [];
  for (let at = 0; at < ended.length; at += PORTION) {
    portions.push({ ended: ended.slice(at, at + PORTION), held: [] });
  }
  let held: Knowledge['held'][number][] = [];
  let bytes = 0;
  for (const message of known.held) {
    if (message.seq < from || message.seq >= to) continue;
    held.push(message);
    bytes += message.tail.length;
    if (held.length < PORTION && bytes < PORTION_BYTES) continue;
    portions.push({ ended: [], held });
    held = [];
    bytes = 0;
  }
  if (held.length > 0) portions.push({ ended: [], held });
  return portions;
}
