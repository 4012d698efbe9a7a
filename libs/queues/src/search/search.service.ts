import { Injectable } from '@nestjs/common';
import {
  type DeletedMessages,
  type DeleteMessages,
  type Found,
  MAX_EXAMINED,
  type Search,
  type Where,
} from '@syncline/contracts';
import { toBrowsed } from '../messages/message-view.js';
import { existing } from '../queues/queue.errors.js';
import { QueueStore } from '../redis/queue.store.js';
import type { BrowsedMessage, BrowseOptions, State } from '../redis/scripts/browse.js';
import { DueTimers } from '../timers/due-timers.js';
import { Filter } from './filter.js';

const STATES: readonly State[] = ['ready', 'delayed', 'inFlight'];
/** Messages that are changed by one script. */
const PORTION = 100;
/** What a call reads at most: scripts, each of which may find nothing, and bytes of what fits. */
const MOST_SCRIPTS = 64;
const ENOUGH_BYTES = 4_194_304;

/** Where a walk goes on. */
interface Place {
  readonly state: State;
  readonly cursor: string;
}

interface Walked {
  readonly found: readonly BrowsedMessage[];
  readonly examined: number;
  /** Null at the end. */
  readonly next: Place | null;
}

/** Some messages: these, or those that fit, from `cursor` on. */
export interface Selected {
  readonly ids?: readonly string[] | undefined;
  readonly where?: Where | undefined;
  readonly cursor?: string | undefined;
  readonly max?: number | undefined;
}

/** Finds messages by what they have. Each call does bounded work, and tells where the next one goes on. */
@Injectable()
export class SearchService {
  constructor(
    private readonly store: QueueStore,
    private readonly timers: DueTimers,
  ) {}

  /** @throws QueueNotFound */
  async search(queue: string, { state, where, cursor = '', limit }: Search): Promise<Found> {
    const isDead = state === 'dead';
    const at = isDead ? await this.deadLettersOf(queue) : queue;
    if (at === null) return { messages: [], cursor: null, examined: 0 };
    const place = { state: isDead ? 'ready' : state, cursor } as const;
    const filter = new Filter(where, isDead ? queue : null);
    const { found, examined, next } =
      where.id === undefined
        ? await this.walk(at, filter, place, [place.state], limit)
        : await this.lookUp(at, where.id, filter, [place.state]);
    return { messages: found.map(toBrowsed), cursor: next?.cursor ?? null, examined };
  }

  /** @throws QueueNotFound */
  async delete(queue: string, selected: DeleteMessages): Promise<DeletedMessages> {
    const { done, cursor } = await this.change(queue, selected, STATES, (ids) =>
      this.timers.follow(queue, this.store.deleteSome(queue, ids)),
    );
    return { deleted: done, cursor };
  }

  /**
   * Changes the messages that are selected, in portions.
   *
   * @param change of these; null: there is no such queue
   * @throws QueueNotFound
   */
  async change(
    queue: string,
    { ids, where = {}, cursor, max = Number.POSITIVE_INFINITY }: Selected,
    states: readonly State[],
    change: (ids: readonly string[]) => Promise<{ readonly done: number } | null>,
  ): Promise<{ done: number; cursor: string | null }> {
    const { chosen, next } = ids
      ? { chosen: ids.slice(0, max), next: null }
      : await this.choose(queue, where, cursor, states, Math.min(max, MAX_EXAMINED));
    let done = 0;
    for (let from = 0; from < chosen.length; from += PORTION) {
      done += existing(queue, await change(chosen.slice(from, from + PORTION))).done;
    }
    return { done, cursor: next && `${next.state}@${next.cursor}` };
  }

  private async choose(
    queue: string,
    where: Where,
    cursor: string | undefined,
    states: readonly State[],
    limit: number,
  ) {
    const filter = new Filter(where);
    const [state = 'ready', inner = ''] = (cursor ?? '').split('@') as [State?, string?];
    const place = cursor === undefined ? { state: 'ready' as const, cursor: '' } : { state, cursor: inner };
    const { found, next } =
      where.id === undefined
        ? await this.walk(queue, filter, place, states, limit)
        : await this.lookUp(queue, where.id, filter, states);
    return { chosen: found.map(({ id }) => id), next };
  }

  /** @throws QueueNotFound */
  private async walk(
    queue: string,
    filter: Filter,
    from: Place,
    states: readonly State[],
    limit: number,
  ): Promise<Walked> {
    const found: BrowsedMessage[] = [];
    let examined = 0;
    let bytes = 0;
    let place: Place | null = from;
    for (let scripts = 0; scripts < MOST_SCRIPTS && place !== null; scripts++) {
      if (found.length >= limit || examined >= MAX_EXAMINED || bytes >= ENOUGH_BYTES) break;
      const { state }: Place = place;
      const options: BrowseOptions = { ...place, limit: limit - found.length, most: MAX_EXAMINED - examined };
      const { texts, attemptText } = filter;
      const page = existing(queue, await this.store.browse(queue, { ...options, texts, attemptText }));
      const fitting = page.messages.filter((message) => filter.fits(message));
      found.push(...fitting);
      examined += page.examined;
      bytes += fitting.reduce((sum, { content }) => sum + content.body.length, 0);
      place = page.cursor === null ? placeAfter(state, states) : { state, cursor: page.cursor };
    }
    return { found, examined, next: place };
  }

  /** @throws QueueNotFound */
  private async lookUp(queue: string, id: string, filter: Filter, states: readonly State[]): Promise<Walked> {
    const message = existing(queue, await this.store.lookUp(queue, id.toLowerCase()));
    if (!('content' in message)) return { found: [], examined: 0, next: null };
    const fits = states.includes(message.state) && filter.fits(message);
    return { found: fits ? [message] : [], examined: 1, next: null };
  }

  /** Null: there is no such queue yet. @throws QueueNotFound when the queue itself does not exist */
  private async deadLettersOf(queue: string): Promise<string | null> {
    const { configuration } = existing(queue, await this.store.describe(queue));
    const { deadLetterQueue } = configuration;
    return (await this.store.exists(deadLetterQueue)) ? deadLetterQueue : null;
  }
}

function placeAfter(state: State, states: readonly State[]): Place | null {
  const next = states[states.indexOf(state) + 1];
  return next === undefined ? null : { state: next, cursor: '' };
}
