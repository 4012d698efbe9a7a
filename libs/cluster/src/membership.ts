import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type Cluster, type Member, ROLES, toInstant } from '@syncline/contracts';
import {
  checkRedis,
  type LuaLibrary,
  logUnlessAway,
  mistakeBehind,
  REDIS,
  type RedisClient,
  removeLibraries,
  StoreUnavailable,
  UnsuitableRedis,
  whenReady,
} from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import { Subject } from 'rxjs';
import { CLUSTER_OPTIONS, type ClusterOptions } from './cluster.options.js';
import { HEARTBEAT_MS, SILENCE_MS, SUSPECT_MS } from './membership.rules.js';
import {
  heartbeat,
  join,
  leave,
  library,
  readMembers,
  type StoredMember,
} from './redis/membership.commands.js';
import { Ring } from './ring.js';

/** Key on the ring: its owner removes the Lua libraries of older versions from Redis. */
const CLEANING = 'libraries';

/**
 * The membership of this node among the nodes of its role: it joins, sends heartbeats, follows joins and leaves of
 * others, and notices when it was removed itself.
 */
@Injectable()
export class Membership implements OnModuleDestroy {
  private readonly logger = new Logger(Membership.name);
  private readonly changes = new Subject<readonly string[]>();

  private readonly libraries = new Set<LuaLibrary>([library]);
  private incarnation = randomUUID();
  private url = '';
  private joined = false;
  private hasJoinedBefore = false;
  private occupied = false;
  private epoch = 0;
  /** Redis may lose the epoch: it must never go back. */
  private largestEpoch = 0;
  private members: readonly string[] = [];
  private currentRing = new Ring([]);
  /** When the last successful heartbeat was sent, by the monotonic clock, ms. */
  private beatenAt = Number.NEGATIVE_INFINITY;

  private readonly heartbeats = new Loop(() => this.renew(), HEARTBEAT_MS, this.logger);
  private stopped = false;

  /** The ids of the members, after each change of the membership. */
  readonly changed = this.changes.asObservable();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(CLUSTER_OPTIONS) private readonly options: ClusterOptions,
  ) {}

  /** Registers a library that this process uses: other nodes keep it in Redis while this node is a member. Call it before joining. */
  uses(used: LuaLibrary): void {
    this.libraries.add(used);
  }

  get nodeId(): string {
    return this.options.nodeId;
  }

  /** The ids of the members of the latest epoch that this node has seen. */
  get nodeIds(): readonly string[] {
    return this.members;
  }

  /** The ring of that epoch. */
  get ring(): Ring {
    return this.currentRing;
  }

  /** True while this node is a member and its heartbeats reach Redis. */
  get isMember(): boolean {
    return this.joined && performance.now() - this.beatenAt < SILENCE_MS;
  }

  /** Ms until the others take this node for dead, unless a heartbeat reaches Redis; 0: it is no member. */
  get leaseMs(): number {
    return this.joined ? Math.max(0, Math.ceil(this.beatenAt + SILENCE_MS - performance.now())) : 0;
  }

  /** Nodes in `PEERS` that are currently not members. */
  get missingPeers(): string[] {
    const present = new Set(this.members);
    return this.options.peers.map((peer) => peer.nodeId).filter((nodeId) => !present.has(nodeId));
  }

  /** Why this node is not a member; null when it is. */
  get obstacle(): string | null {
    if (this.isMember) return null;
    if (this.occupied) return `Another living process has the NODE_ID ${this.nodeId}.`;
    return this.joined ? 'The heartbeats do not reach Redis.' : 'The node has not joined yet.';
  }

  /**
   * Joins as soon as Redis is reachable, and sends heartbeats from then on.
   *
   * @param url URL of this node for others; empty: it has none
   * @returns when the node has joined for the first time
   * @throws UnsuitableRedis when this Redis must not be used
   */
  async start(url: string): Promise<void> {
    this.url = url;
    while (!this.stopped) {
      try {
        if (this.redis.status !== 'ready') await whenReady(this.redis);
        await checkRedis(this.redis);
        await this.renew();
        break;
      } catch (error) {
        const mistake = error instanceof UnsuitableRedis ? error : mistakeBehind(error);
        if (mistake !== undefined) throw mistake;
        logUnlessAway(this.logger)(error);
        await sleep(HEARTBEAT_MS);
      }
    }
    if (this.stopped) return;
    this.heartbeats.start();
    await this.beat();
  }

  /** Sends a heartbeat now, after a hint about a membership change. Does nothing before the node has joined. */
  beat(): Promise<void> {
    return this.heartbeats.run();
  }

  /**
   * Owner of a key on the ring.
   *
   * @throws StoreUnavailable while this node is not a member, and so does not know the ring
   */
  owner(key: string): string {
    const owner = this.isMember ? this.currentRing.owner(key) : null;
    if (owner === null) throw new StoreUnavailable(this.obstacle ?? 'The ring has no members.');
    return owner;
  }

  /** Whether this node owns a key on the ring. */
  owns(key: string): boolean {
    return this.isMember && this.currentRing.owner(key) === this.nodeId;
  }

  /** Whether it did on the ring that it saw last: while heartbeats do not reach Redis nobody else takes its duties over. */
  ownedLast(key: string): boolean {
    return this.currentRing.owner(key) === this.nodeId;
  }

  /** Reads the current membership from Redis. */
  async describe(): Promise<Cluster> {
    const { role } = this.options;
    const { now, epoch, members, silentMs } = await readMembers(this.redis, { role });
    const ring = epoch === this.epoch ? this.currentRing : ringOf(members);
    const present: Member[] = members.map((member) => {
      const silent = silentMs.get(member.nodeId) ?? now - member.startedAt;
      return {
        nodeId: member.nodeId,
        kind: member.kind,
        url: member.url,
        state: silent > SUSPECT_MS ? 'suspect' : 'alive',
        startedAt: toInstant(member.startedAt),
        lastSeenAt: toInstant(now - silent),
        share: ring.share(member.nodeId),
      };
    });
    const left: Member[] = this.options.peers
      .filter((peer) => !members.some(({ nodeId }) => nodeId === peer.nodeId))
      .map((peer) => ({ ...peer, kind: 'node', state: 'left', startedAt: null, lastSeenAt: null, share: 0 }));
    const all = [...present, ...left].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
    return { role, nodeId: this.nodeId, epoch, members: all };
  }

  /** Leaves the cluster, so that the others take over the duties of this node at once. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.heartbeats.stop();
    if (!this.joined) return;
    this.joined = false;
    try {
      await leave(this.redis, this.self());
    } catch (error) {
      this.logger.warn(`Could not leave; the others will notice within ${SILENCE_MS} ms: ${String(error)}`);
    }
  }

  private async renew(): Promise<void> {
    const sentAt = performance.now();
    if (!this.joined && !(await this.join())) return;
    const reply = await heartbeat(this.redis, { ...this.self(), knownEpoch: this.epoch });
    if (reply === null) {
      this.joinAgain();
      return;
    }
    this.beatenAt = sentAt;
    if (reply.members === null) return;
    this.epoch = reply.epoch;
    this.largestEpoch = Math.max(this.largestEpoch, reply.epoch);
    this.members = reply.members.map(({ nodeId }) => nodeId);
    this.currentRing = ringOf(reply.members);
    this.changes.next(this.members);
    if (this.owns(CLEANING)) void this.removeUnusedLibraries().catch(logUnlessAway(this.logger));
  }

  private async join(): Promise<boolean> {
    // A new process replaces the dead process with its id; a process that was fenced must not replace its successor.
    const replace = !this.hasJoinedBefore && !this.occupied;
    const libraries = [...this.libraries].map((each) => each.for(this.redis).name);
    const { kind, timers } = this.options;
    const facts = { url: this.url, kind, timers, libraries };
    const knownEpoch = this.largestEpoch;
    this.joined = await join(this.redis, { ...this.self(), facts, replace, knownEpoch });
    if (!this.joined && !this.occupied) {
      this.logger.error(`Another living process has the NODE_ID ${this.nodeId}: waiting for it to leave`);
    }
    this.occupied = !this.joined;
    this.hasJoinedBefore ||= this.joined;
    if (this.joined) this.logger.log(`Joined the ${this.options.role} nodes as ${this.nodeId}`);
    return this.joined;
  }

  /** Removes the libraries of older versions that no living member of any role uses. */
  private async removeUnusedLibraries(): Promise<void> {
    const known = await Promise.all(ROLES.map((role) => readMembers(this.redis, { role })));
    const named = new Set(known.flatMap(({ members }) => members.flatMap((member) => member.libraries)));
    for (const each of this.libraries) {
      const removed = await removeLibraries(this.redis, each.for(this.redis).prefix, named);
      if (removed.length > 0) this.logger.log(`Removed unused Lua libraries: ${removed.join(', ')}`);
    }
  }

  /** This node was fenced. */
  private joinAgain(): void {
    this.logger.warn('The other nodes removed this node as silent, or Redis lost its data: joining again');
    this.incarnation = randomUUID();
    this.joined = false;
    this.epoch = 0;
    this.members = [];
    this.currentRing = new Ring([]);
    this.heartbeats.within(0);
  }

  private self() {
    return { role: this.options.role, nodeId: this.nodeId, incarnation: this.incarnation };
  }
}

/** The ring of those that take part in it: of all, when none wants to. */
function ringOf(members: readonly StoredMember[]): Ring {
  const willing = members.filter(({ timers }) => timers);
  return new Ring((willing.length > 0 ? willing : members).map(({ nodeId }) => nodeId));
}
