import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Action, type AuditEntry, toInstant } from '@syncline/contracts';
import { Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';
import { callerOf } from '../access/caller.js';
import type { Deed } from '../access/does.decorator.js';
import { clientOf } from '../limits/client.js';
import { PerSecond } from '../limits/per-second.js';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { TrailStore } from './trail.store.js';

/** What changes settings, destroys something, or takes it away from others. */
const TOLD: ReadonlySet<Action> = new Set<Action>(['configure', 'purge', 'admin']);
/** Refusals that are in the trail, with who asked. */
export const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429]);

/** Most refusals that are told in a second. */
const REFUSALS_A_SECOND = 20;
/** While Redis is slow, so many entries wait for it. */
const MOST_PENDING = 1_000;
const MOST_AT_ONCE = 100;
const MOST_NAME = 256;

const DEEDS = Symbol('deeds');
interface Asked {
  readonly method: string;
  readonly params?: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
  [DEEDS]?: readonly Deed[];
}

/** Remembers what the handler of a request does: see {@link Trail.note}. */
export function setDeeds(request: object, deeds: readonly Deed[]): void {
  (request as Asked)[DEEDS] = deeds;
}

/** How a call ended. */
export interface End {
  readonly requestId: string;
  /** Template of the route. */
  readonly route: string;
  readonly status: number;
  readonly answered: boolean;
}

/**
 * Tells who did what: in the log, and in a bounded stream in Redis. It never holds a call up and never fails one: what Redis
 * does not take is dropped and counted.
 */
@Injectable()
export class Trail {
  private readonly logger = new Logger('Audit');
  private readonly dropped: Counter;
  private pending: AuditEntry[] = [];
  private writing = false;
  private readonly refusals = new PerSecond(REFUSALS_A_SECOND);

  constructor(
    private readonly store: TrailStore,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
    { registry }: Metrics,
  ) {
    this.dropped = new Counter({
      name: 'audit_dropped_total',
      help: 'Entries of the trail that were not kept: refusals beyond 20 a second, or entries that Redis did not take',
      registers: [registry],
    });
  }

  /** Notes a call that has ended, when it belongs into the trail. */
  note(request: Asked, { requestId, route, status, answered }: End): void {
    const deed = request[DEEDS]?.find(({ action }) => TOLD.has(action));
    const refused = REFUSALS.has(status);
    if (deed === undefined && !refused) return;
    if (refused && !this.refusals.passes()) {
      this.dropped.inc();
      return;
    }
    const told = deed ?? request[DEEDS]?.[0];
    const name = told?.to.startsWith(':') ? request.params?.[told.to.slice(1)] : undefined;
    const caller = callerOf(request);
    const entry: AuditEntry = {
      at: toInstant(Date.now()),
      nodeId: this.config.nodeId,
      requestId,
      key: caller?.name ?? null,
      tenant: caller?.tenant ?? null,
      address: clientOf(request),
      call: `${request.method} ${route}`,
      action: told?.action ?? null,
      name: name === undefined ? null : String(name).slice(0, MOST_NAME),
      status,
      outcome: outcomeOf(status, refused, answered),
    };
    this.logger.log({ msg: 'audit', ...entry });
    if (this.pending.length < MOST_PENDING) this.pending.push(entry);
    else this.dropped.inc();
    if (!this.writing) void this.write();
  }

  private async write(): Promise<void> {
    this.writing = true;
    while (this.pending.length > 0) {
      const entries = this.pending.splice(0, MOST_AT_ONCE);
      await this.store.append(entries).catch(() => this.dropped.inc(entries.length));
    }
    this.writing = false;
  }
}

function outcomeOf(status: number, refused: boolean, answered: boolean): AuditEntry['outcome'] {
  if (!answered) return 'unanswered';
  if (refused) return 'refused';
  return status < 400 ? 'done' : 'failed';
}
