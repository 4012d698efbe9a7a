import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { type QueueFigures, toInstant } from '@syncline/contracts';
import { Loop } from '@syncline/runtime';
import { existing } from '../queues/queue.errors.js';
import { QueueStore } from '../redis/queue.store.js';
import { Figures, SAMPLE_MS, SAMPLED, type Sample } from './figures.js';

/** So many queues are kept by themselves; the others of this node are added up. */
const MOST_QUEUES = 1_000;
/** So many queues of this node are looked at. */
const MOST_SAMPLED = 5_000;
const PAGE = 500;
/** Looked at together: a few milliseconds of Redis. */
const PORTION = 50;

/** Samples the queues that this node owns on the ring, so that one node alone tells of each. */
@Injectable()
export class FiguresService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loop: Loop;
  /** The last one of each queue. */
  private samples: ReadonlyMap<string, Sample> = new Map();
  private figures: ReadonlyMap<string, Figures> = new Map();
  private rest: Sample | null = null;

  constructor(
    private readonly store: QueueStore,
    private readonly membership: Membership,
  ) {
    this.loop = new Loop(() => this.sample(), SAMPLE_MS, new Logger(FiguresService.name));
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  /** What this node has sampled of a queue. @throws QueueNotFound, StoreUnavailable */
  async of(queue: string): Promise<QueueFigures> {
    existing(queue, await this.store.describe(queue));
    const samples = [...(this.figures.get(queue)?.all() ?? [])];
    return {
      queue,
      nodeId: this.membership.owner(queue),
      everyMs: SAMPLE_MS,
      samples: samples.map((sample) => ({ ...sample, at: toInstant(sample.at) })),
    };
  }

  /** The last samples; those of the queues that are not kept by themselves are added up under null. */
  *latest(): Iterable<readonly [queue: string | null, sample: Sample]> {
    // What is owned no more is told by another node.
    for (const [queue, { last }] of this.figures)
      if (last && this.membership.owns(queue)) yield [queue, last];
    if (this.rest !== null && this.membership.isMember) yield [null, this.rest];
  }

  private async sample(): Promise<void> {
    if (!this.membership.isMember) return;
    const at = Date.now();
    const inUse = await this.store.inUse.sinceLast();
    try {
      const samples = new Map(inUse === null ? [] : this.samples);
      for await (const queues of inUse === null ? this.owned() : this.changed(inUse)) {
        const described = await Promise.all(queues.map((queue) => this.store.describe(queue)));
        for (const [i, queue] of queues.entries()) {
          const stats = described[i]?.stats;
          if (stats === undefined) samples.delete(queue);
          else if (samples.has(queue) || samples.size < MOST_SAMPLED) samples.set(queue, stats);
        }
      }
      this.samples = samples;
    } catch (error) {
      this.store.inUse.forget();
      throw error;
    }
    this.keep(at);
  }

  private keep(at: number): void {
    const figures = new Map<string, Figures>();
    let rest: Sample | null = null;
    for (const [queue, sample] of this.samples) {
      if (figures.size < MOST_QUEUES) {
        const kept = this.figures.get(queue) ?? new Figures();
        kept.add(at, sample);
        figures.set(queue, kept);
      } else rest = rest === null ? sample : together(rest, sample);
    }
    this.figures = figures;
    this.rest = rest;
  }

  /** What holds nothing has not changed, unless it got messages. */
  private *changed(inUse: readonly string[]): Iterable<string[]> {
    const queues = new Set(inUse.filter((queue) => this.membership.owns(queue)));
    for (const [queue, sample] of this.samples) if (!isEmpty(sample)) queues.add(queue);
    yield* portionsOf([...queues]);
  }

  /** Queues that this node owns, in portions. */
  private async *owned(): AsyncIterable<string[]> {
    let count = 0;
    let after: string | null = null;
    do {
      const names: string[] = await this.store.names.page('', after, PAGE);
      const owned = names.filter((name) => this.membership.owns(name));
      yield* portionsOf(owned);
      count += owned.length;
      after = names.length < PAGE ? null : (names.at(-1) ?? null);
    } while (after !== null && count < MOST_SAMPLED);
  }
}

const isEmpty = ({ ready, delayed, inFlight, bytes }: Sample): boolean =>
  ready + delayed + inFlight + bytes === 0;

function* portionsOf(queues: readonly string[]): Iterable<string[]> {
  for (let i = 0; i < queues.length; i += PORTION) yield queues.slice(i, i + PORTION);
}

function together(one: Sample, other: Sample): Sample {
  const sums = SAMPLED.map((name) => [name, one[name] + other[name]]);
  const oldestReadyAgeMs = Math.max(one.oldestReadyAgeMs, other.oldestReadyAgeMs);
  return { ...(Object.fromEntries(sums) as Sample), oldestReadyAgeMs };
}
