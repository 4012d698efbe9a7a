import { Controller, Get, Inject, type MessageEvent, Req, Sse, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Membership, RoleEvents } from '@syncline/cluster';
import { ACTIONS, eventSchema, namesIn, Problem, ROLES, type Role } from '@syncline/contracts';
import { loadOfRedis, REDIS, type RedisClient } from '@syncline/redis';
import { Drain, OpenStreams } from '@syncline/runtime';
import type { Request } from 'express';
import { Observable } from 'rxjs';
import { ApiKeys } from '../access/api-keys.js';
import { CalledBy, type Caller } from '../access/caller.js';
import { AnyKey, Does, NO_NAME } from '../access/does.decorator.js';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { NodeCalls, unanswered } from './node-calls.js';
import { Overview } from './overview.js';

/** How often a page is told what has changed, ms. */
const EVERY_MS = 1_000;
/** Events of a role that are told, of those that are read: a key may not see all. */
const MOST_EVENTS = 30;
const MOST_READ = 100;
/** Keys whose overviews are remembered. */
const MOST_KEYS = 100;

interface Remembered {
  readonly at: number;
  readonly overview: Promise<object>;
}

/** What the console shows while it is open: one overview of each role a second, however many look with the same key. */
@ApiExcludeController()
@Controller({ path: 'console', version: VERSION_NEUTRAL })
export class LiveController {
  /** By role and key. */
  private readonly overviews = new Map<string, Remembered>();

  constructor(
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly keys: ApiKeys,
    private readonly own: Overview,
    private readonly membership: Membership,
    private readonly events: RoleEvents,
    private readonly calls: NodeCalls,
    private readonly drain: Drain,
    private readonly streams: OpenStreams,
  ) {}

  @Get('overview')
  @Does('read', NO_NAME)
  overview(@Req() request: Request, @CalledBy() caller: Caller): Promise<object> {
    return this.overviewOf(this.config.role, request, caller);
  }

  /** Events named after the roles; `away` names one that told nothing, and why. It ends with the key, or the session, of the caller. */
  @Sse('live')
  @AnyKey()
  watch(@Req() request: Request): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      const closed = this.streams.enter();
      const end = () => subscriber.complete();
      const timers = new Map<Role, NodeJS.Timeout>();
      /** Each role by itself: one that does not answer holds up no other. */
      const tell = async (role: Role): Promise<void> => {
        try {
          const caller = this.keys.callerOf(request);
          subscriber.next({ type: role, data: await this.overviewOf(role, request, caller) });
        } catch (error) {
          const { code, message } = error instanceof Problem ? error : unanswered(role);
          if (code === 'unauthenticated') end();
          else subscriber.next({ type: 'away', data: { role, code, detail: message } });
        }
        if (!subscriber.closed) timers.set(role, setTimeout(tell, EVERY_MS, role));
      };
      for (const role of ROLES) void tell(role);
      this.drain.signal.addEventListener('abort', end);
      if (this.drain.draining) end();
      return () => {
        closed();
        for (const timer of timers.values()) clearTimeout(timer);
        this.drain.signal.removeEventListener('abort', end);
      };
    });
  }

  private overviewOf(role: Role, request: Request, caller: Caller): Promise<object> {
    const of = `${role} ${caller.name ?? ''}`;
    const now = performance.now();
    const known = this.overviews.get(of);
    if (known !== undefined && now - known.at < EVERY_MS) return known.overview;
    const overview =
      role === this.config.role
        ? this.read(caller)
        : (this.calls.read(role, `/console/api/${role}/console/overview`, request) as Promise<object>);
    this.overviews.delete(of);
    if (this.overviews.size >= MOST_KEYS) this.overviews.delete(this.overviews.keys().next().value ?? '');
    this.overviews.set(of, { at: now, overview });
    return overview;
  }

  private async read(caller: Caller): Promise<object> {
    if (!caller.mayToSome('read')) throw caller.refusal('read');
    const [cluster, redis, latest, content] = await Promise.all([
      this.membership.describe(),
      loadOfRedis(this.redis),
      this.events.latest(MOST_READ),
      this.own.read(caller),
    ]);
    const events = latest
      .filter(({ event }) => namesIn(event).every((name) => caller.may('read', name)))
      .slice(0, MOST_EVENTS)
      .map(({ id, event }) => ({ id, ...caller.shown(eventSchema, event) }));
    const may = ACTIONS[this.config.role].filter((action) => caller.mayToSome(action));
    return { at: Date.now(), nodeId: this.config.nodeId, may, cluster, redis, events, ...content };
  }
}
