import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Membership, RecentMembers } from '@syncline/cluster';
import { DEFAULT_MESSAGE_BYTES, type Durability, type QueueConfiguration } from '@syncline/contracts';
import { Commits, REDIS, type RedisClient, storeError } from '@syncline/redis';
import type { Sum, Tenant } from '@syncline/runtime';
import { queueKeys } from './queue.keys.js';
import { QueueNames } from './queue-names.js';
import { QueueOpenings } from './queue-openings.js';
import { QueuesInUse } from './queues-in-use.js';
import type { Delivery } from './receipt.js';
import type { Ending } from './scripts/attempts.js';
import { type BrowseOptions, browse } from './scripts/browse.js';
import * as byId from './scripts/by-id.js';
import type { QueueCall } from './scripts/call.js';
import * as ends from './scripts/ends.js';
import { library } from './scripts/library.js';
import * as outbox from './scripts/outbox.js';
import * as queues from './scripts/queue.js';
import { type ReceiveAttempt, type ReceiveOptions, receive } from './scripts/receive.js';
import { type NewMessages, send } from './scripts/send.js';
import { checkLines, type QueueWaiters, removeWaiter, type Waiter } from './scripts/waiters.js';

/** Hints between the nodes, which the scripts send. */
export const WAKE = 'queue.wake';
export const DUE = 'queue.due';
export const ENDED = 'queue.ended';

const REMEMBER_REDRIVE_MS = 300_000;
const SECRET_BYTES = 18;
const OUTBOX_PORTION = 100;
/** Queues that are checked by one script: some hundred microseconds. */
const MOST_LINES = 200;

/** How deliveries end without an ack. */
export interface EndOptions {
  readonly delayMs?: number | undefined;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

/** Speaks Redis for this engine: one method, one script, one round trip. */
@Injectable()
export class QueueStore {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly membership: Membership,
    private readonly commits: Commits,
    private readonly openings: QueueOpenings,
    private readonly members: RecentMembers,
    readonly names: QueueNames,
    readonly inUse: QueuesInUse,
  ) {
    membership.uses(library);
  }

  /**
   * The reply of a call that was sent just now, held until it is as safe as it says that it must be.
   *
   * @throws StoreUnavailable when that is not so in time; a repeated call is held as well
   */
  hold<Reply extends { readonly durability: Durability } | null>(
    queue: string,
    sent: Promise<Reply>,
  ): Promise<Reply> {
    return this.commits.hold(queueKeys.queue(queue), sent, (reply) => reply?.durability ?? 'local');
  }

  /** Resolves when all that was answered of a queue before is that safe. @throws StoreUnavailable */
  confirm(queue: string, level: Durability): Promise<void> {
    return this.commits.confirm(level, queueKeys.queue(queue));
  }

  // These are called for each message: to spread an object that gets more fields takes microseconds.
  send(queue: string, { messages, tails, maxMessageBytes, localWaiters }: NewMessages) {
    const sent = this.openings.call(queue, () => {
      const { timersNode } = this.callOf(queue);
      return send(this.redis, { queue, timersNode, messages, tails, maxMessageBytes, localWaiters });
    });
    return this.inUse.noteAfter(queue, sent);
  }

  receive(queue: string, options: ReceiveOptions & { waiter: Waiter | null }) {
    const { max, visibilityTimeoutMs, attempt, waiter } = options;
    return this.openings.call(queue, () => {
      const { timersNode } = this.callOf(queue);
      return receive(this.redis, { queue, timersNode, max, visibilityTimeoutMs, attempt, waiter });
    });
  }

  /**
   * @param results JSON of each, empty for none; null: there are none
   * @param chain what the one delivery sends
   */
  acknowledge(
    queue: string,
    deliveries: readonly Delivery[],
    results: readonly string[] | null = null,
    chain: ends.Chain | null = null,
  ) {
    return ends.acknowledge(this.redis, { queue, deliveries, results, chain, ending: this.endingOf() });
  }

  wasAcked(queue: string, delivery: Delivery) {
    return ends.wasAcked(this.redis, { queue, delivery });
  }

  /** @param how without `delayMs` they wait for the queue's back-off; `dead`: they get no more attempts */
  reject(queue: string, deliveries: readonly Delivery[], how: EndOptions & { readonly dead?: boolean }) {
    const { delayMs, dead = false } = how;
    const ending = this.endingOf(how);
    return ends.reject(this.redis, { ...this.callOf(queue), deliveries, delayMs, dead, ending });
  }

  /** @param progress how far their receiver is, as JSON; empty: nothing new */
  extend(queue: string, deliveries: readonly Delivery[], visibilityTimeoutMs: number, progress = '') {
    return ends.extend(this.redis, { ...this.callOf(queue), deliveries, visibilityTimeoutMs, progress });
  }

  /** @param how `told`: somebody knows their receipts, so that each is an attempt; `attempt`: the receive that got them, none of them when it was repeated */
  giveBack(
    queue: string,
    deliveries: readonly Delivery[],
    how: EndOptions & { readonly told?: boolean; readonly attempt?: ReceiveAttempt | undefined } = {},
  ) {
    const { delayMs = 0, told = false, attempt } = how;
    const ending = this.endingOf(how);
    return ends.giveBack(this.redis, { ...this.callOf(queue), deliveries, delayMs, told, attempt, ending });
  }

  lookUp(queue: string, id: string) {
    return byId.lookUp(this.redis, { queue, id });
  }

  /** How messages ended. @param toBeTold whether this node is told of each that ends later */
  watch(queue: string, ids: readonly string[], toBeTold: boolean) {
    return byId.watch(this.redis, { queue, ids, nodeId: toBeTold ? this.membership.nodeId : '' });
  }

  cancel(queue: string, id: string, reason: string | undefined) {
    return byId.cancel(this.redis, { queue, id, reason });
  }

  /** Undefined: as it is. */
  reschedule(queue: string, id: string, delayMs: number | undefined, priority: number | undefined) {
    return byId.reschedule(this.redis, { ...this.callOf(queue), id, delayMs, priority });
  }

  removeWaiter(queue: string, waiterId: string) {
    return removeWaiter(this.redis, { queue, waiterId });
  }

  /** All of these queues must be reachable by one script: {@link together}. */
  checkLines(lines: readonly QueueWaiters[]) {
    return checkLines(this.redis, { lines });
  }

  /** Divides queues into parts that fit into one script each; on Redis Cluster a script reaches one queue. */
  together<Line>(lines: readonly Line[]): (readonly Line[])[] {
    const most = this.redis.isCluster ? 1 : MOST_LINES;
    return Array.from({ length: Math.ceil(lines.length / most) }, (_, i) =>
      lines.slice(i * most, (i + 1) * most),
    );
  }

  /**
   * Makes a queue, unless it exists.
   *
   * @param most queues of its tenant; without it the tenant is not asked
   * @throws Problem of the tenant, which has as many
   */
  async make(
    queue: string,
    configuration: QueueConfiguration,
    { labels, tenant }: { readonly labels?: string | undefined; readonly tenant?: Tenant | undefined } = {},
  ) {
    // Its name is made known first: a name without a queue does no harm, a queue without a name would.
    const most = tenant?.quotas.queues;
    if (tenant === undefined || most === undefined) await this.names.add(queue);
    else if (!(await this.names.addWithin(queue, tenant.realm, most))) throw tenant.exceeds('queues');
    const making = this.configure(queue, 'make', configuration, labels);
    const made = await this.hold(queue, this.inUse.noteAfter(queue, making));
    // Once more: the last traces of a queue by the same name may just have been removed, its name with them.
    if (made.done) await this.names.add(queue);
    await this.commits.confirm(configuration.durability, this.names.keyOf(queue));
    return made;
  }

  /** Takes a queue that was found gone off the list of names. One by its name may have been made since: that stays on it. */
  async forget(queue: string): Promise<void> {
    await this.names.remove(queue);
    if (await this.exists(queue)) await this.names.add(queue);
  }

  /** Judges a queue that messages will be moved to, and that is made then if there is none. @throws Problem as {@link make} */
  async requireRoomFor(queue: string, tenant: Tenant): Promise<void> {
    const { realm, quotas } = tenant;
    if (quotas.queues === undefined || (await this.names.count(realm)) < quotas.queues) return;
    if (!(await this.exists(queue))) throw tenant.exceeds('queues');
  }

  /** Gives a queue a new configuration; makes none. */
  change(queue: string, configuration: QueueConfiguration) {
    return this.configure(queue, 'change', configuration);
  }

  label(queue: string, from: string, to: string) {
    return queues.label(this.redis, { queue, from, to });
  }

  describe(queue: string) {
    return queues.describe(this.redis, { queue });
  }

  /** @param members when they have changed: receivers that are parked at others are passed over */
  doDueWork(queue: string, members: readonly string[] = []) {
    return queues.doDueWork(this.redis, { queue, members });
  }

  pause(queue: string, paused: boolean) {
    return queues.pause(this.redis, { queue, paused });
  }

  purge(queue: string) {
    return queues.purge(this.redis, this.callOf(queue));
  }

  remove(queue: string) {
    return this.inUse.noteAfter(queue, queues.remove(this.redis, { queue }));
  }

  browse(queue: string, options: BrowseOptions) {
    return browse(this.redis, { queue, ...options });
  }

  deleteSome(queue: string, ids: readonly string[]) {
    return byId.deleteSome(this.redis, { queue, ids });
  }

  redriveSome(queue: string, ids: readonly string[], to: string | undefined) {
    return byId.redriveSome(this.redis, { ...this.callOf(queue), ids, to });
  }

  /** @param step its id: what was done by this id before is not done again */
  redrive(queue: string, max: number, to: string | undefined, step: string | undefined) {
    const rememberMs = REMEMBER_REDRIVE_MS;
    return this.openings.call(queue, () =>
      outbox.redrive(this.redis, { ...this.callOf(queue), max, to, step, rememberMs }),
    );
  }

  peekOutbox(queue: string) {
    return outbox.peekOutbox(this.redis, { queue, limit: OUTBOX_PORTION });
  }

  settleOutbox(queue: string, number: string) {
    return outbox.settleOutbox(this.redis, { queue, number });
  }

  adopt(queue: string, from: string, messages: readonly outbox.Adopted[]) {
    // Also when this node is the owner: what comes here was not asked for by a caller who would arm its timers.
    const timersNode = this.ownerOf(queue);
    const adopt = () => outbox.adopt(this.redis, { queue, timersNode, from, messages });
    return this.inUse.noteAfter(queue, this.openings.call(queue, adopt));
  }

  /** What signs the receipts of a queue; null when there is no such queue. */
  async secret(queue: string): Promise<string | null> {
    return this.redis.hget(queueKeys.queue(queue), 'secret').catch(fail);
  }

  /** What the messages of all queues of a realm take. */
  bytesOf(realm: string): Promise<Sum> {
    return this.names.sum(realm, async (name) => {
      const [bytes, kept] = await this.redis.hmget(queueKeys.queue(name), 'bytes', 'kept');
      return Number(bytes) + Number(kept);
    });
  }

  async exists(queue: string): Promise<boolean> {
    return (await this.secret(queue)) !== null;
  }

  /** The largest message that a queue takes. */
  async maxMessageBytes(queue: string): Promise<number> {
    const limit = await this.redis.hget(queueKeys.queue(queue), 'maxMessageBytes').catch(fail);
    return Number(limit) || DEFAULT_MESSAGE_BYTES;
  }

  private configure(
    queue: string,
    verb: 'make' | 'change',
    configuration: QueueConfiguration,
    labels?: string,
  ) {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    return this.openings.call(queue, () =>
      queues.configure(this.redis, {
        ...{ ...this.callOf(queue), verb, secret, configuration, labels },
        // A node that only just started knows nothing of what was before.
        ...{ mayBeLost: this.members.areAll, gen: '' },
      }),
    );
  }

  private endingOf({ reason, detail }: EndOptions = {}): Ending {
    return { nodeId: this.membership.nodeId, reason, detail };
  }

  /** A call that may make something due. */
  callOf(queue: string): QueueCall {
    return { queue, timersNode: this.membership.owns(queue) ? '' : this.ownerOf(queue) };
  }

  private ownerOf(queue: string): string {
    return this.membership.ring.owner(queue) ?? '';
  }
}

function fail(error: unknown): never {
  throw storeError(error);
}
