import { setTimeout as sleep } from 'node:timers/promises';
import { Latencies, type Measurement, Missing } from '../harness/index.js';
import type { Broker, Peer } from './broker.js';
import { contestant } from './contestant.js';
import { Deliveries } from './deliveries.js';

/** Messages that are due at one instant, and those who take them. */
interface Burst {
  readonly count: number;
  readonly handlers: number;
  /** How long each handler takes. 0: what is measured is when each message is handled; else when all can be. */
  readonly handlerMs: number;
}

/** Sent at once: so few that the travel of the last one does not count. */
const PORTION = 50;
/** So many a millisecond are sent in any case. */
const SENT_A_MS = 5;
const LEAD_MS = 1_000;
const QUIET_MS = 2_000;
const BETWEEN_CYCLES_MS = 10;
const LOOK_MS = 5;

/** Cycles on another queue, one begun each 10 ms whatever the others take, until `end`. */
async function pace(cycle: () => Promise<unknown>, end: Promise<unknown>): Promise<Latencies> {
  const latencies = new Latencies();
  const cycles: Promise<void>[] = [];
  let ended = false;
  const whenEnded = end.finally(() => {
    ended = true;
  });
  while (!ended) {
    const startedAt = performance.now();
    cycles.push(cycle().then(() => latencies.record(performance.now() - startedAt)));
    await sleep(BETWEEN_CYCLES_MS);
  }
  await Promise.all([whenEnded, ...cycles]);
  return latencies;
}

const required = <Part extends 'sendDelayed' | 'delayed' | 'cycleElsewhere'>(broker: Broker, part: Part) => {
  const call = broker[part];
  if (call === undefined) throw new Missing('it has no delays that can be compared');
  return call.bind(broker) as NonNullable<Broker[Part]>;
};

async function measure(broker: Broker, { count, handlers, handlerMs }: Burst): Promise<Measurement> {
  const [sendDelayed, delayed] = [required(broker, 'sendDelayed'), required(broker, 'delayed')];
  const cycle = required(broker, 'cycleElsewhere');
  let latencies = new Latencies();
  const deliveries = new Deliveries();
  const before = await pace(cycle, sleep(QUIET_MS));

  const instant = performance.now() + LEAD_MS + count / SENT_A_MS;
  const handled: Promise<void>[] = [];
  for (let sent = 0; sent < count; sent += PORTION) {
    const portion = Array.from({ length: PORTION }, () => {
      const { body, handled: done } = deliveries.next();
      handled.push(done.then(() => latencies.record(Math.max(0, performance.now() - instant))));
      return sendDelayed(body, Math.round(instant - performance.now()));
    });
    await Promise.all(portion);
  }
  if (performance.now() > instant) throw new Error('The burst began before all of it was sent.');
  const stop = await broker.consume(handlers, async (body) => {
    if (handlerMs > 0) await sleep(handlerMs);
    deliveries.handle(body);
  });
  await sleep(instant - performance.now());

  const ready = (async () => {
    while ((await delayed()) > 0) await sleep(LOOK_MS);
    return performance.now() - instant;
  })();
  const during = await pace(cycle, handlerMs > 0 ? ready : Promise.all(handled));
  const readyMs = await ready;
  const seconds = (performance.now() - instant) / 1_000;
  await stop();
  await broker.clear();
  if (handlerMs > 0) {
    latencies = new Latencies();
    latencies.record(readyMs);
  }
  const figures = {
    'all ready, ms': readyMs,
    'other queue before, p99 ms': before.percentile(99),
    'other queue meanwhile, p99 ms': during.percentile(99),
  };
  return { operations: count, seconds, latencies, figures };
}

export const burst = (peer: Peer, of: Burst) =>
  contestant(
    peer,
    (broker) => ({ measure: () => measure(broker, of) }),
    `${peer.name}, ${of.count} at one instant`,
  );
