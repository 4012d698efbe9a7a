import { setTimeout as sleep } from 'node:timers/promises';
import { auditQueue } from '../../stages/queue-audit.js';
import { FaultCluster } from '../core/fault-cluster.js';
import { type FaultName, inflict } from '../core/faults.js';
import { Random } from '../core/random.js';
import { FaultsDidNotBite, type RunOptions, type RunReport } from '../core/suite.js';
import { checkHistory } from './checks.js';
import { call, type Message } from './client.js';
import type { EndRecord, QueueHistory } from './history.js';
import { beginSchedule, checkSchedule } from './schedule.js';
import { consume, MAX_RECEIVES, produce } from './traffic.js';

const QUEUE = 'faulty';
const PRODUCERS = 4;
const CONSUMERS = 6;
const MAX_IN_FLIGHT = 12;
/** Longer than any run. */
const KEEP_RESULTS_MS = 3_600_000;
/** Results that are looked up after a run. */
const SOME_RESULTS = 100;
/** Only a message that nobody gets takes longer, on a busy machine too. */
const DRAIN_MS = 60_000;
const NAMES: readonly FaultName[] = [
  'killNode',
  'freezeNode',
  'freezeRedis',
  'restartRedis',
  'cutConnections',
  'holdCable',
  'dropReplies',
  'dropMessages',
  'cutSubscriptions',
  'forgetScripts',
];

/** Producers and consumers of all kinds on three nodes while everything goes wrong; then calm, and every check. */
export async function randomRun({ seed, durationMs, dist, log }: RunOptions): Promise<RunReport> {
  const random = new Random(seed);
  await using cluster = await FaultCluster.start('queue', { dist, durable: true });
  const urls = () => (cluster.urls.length > 0 ? cluster.urls : [cluster.sites[0]?.node.url ?? '']);
  const anyUrl = () => urls()[0] ?? '';
  await call(anyUrl(), 'PUT', QUEUE, {
    visibilityTimeoutMs: 500,
    maxReceives: MAX_RECEIVES,
    keepResultsMs: KEEP_RESULTS_MS,
    maxInFlight: MAX_IN_FLIGHT,
  });

  await beginSchedule(anyUrl());

  const history: QueueHistory = { sends: [], deliveries: [], ends: [] };
  let batches = 0;
  let producing = true;
  let consuming = true;
  const common = { queue: QUEUE, urls, history };
  const producers = Array.from({ length: PRODUCERS }, (_, p) =>
    produce(p, { ...common, random: random.fork(), stopped: () => !producing }),
  );
  const consumers = Array.from({ length: CONSUMERS }, (_, i) =>
    consume({
      ...common,
      random: random.fork(),
      stopped: () => !consuming,
      nextBatch: () => batches++,
      diligent: i === 0,
    }),
  );
  const faults = await inflict(cluster, { names: NAMES, random: random.fork(), durationMs, log });
  producing = false;
  await Promise.all(producers);

  const violations: string[] = [];
  const client = cluster.redis.connect();
  client.on('error', () => {});
  if (!(await drained(anyUrl))) violations.push(`not drained ${DRAIN_MS} ms after the last fault`);
  consuming = false;
  await Promise.all(consumers);
  const dead = await readDeadLetters(anyUrl);
  violations.push(...checkHistory(history, dead, MAX_IN_FLIGHT), ...(await auditQueue(client, QUEUE)));
  violations.push(...(await auditQueue(client, `${QUEUE}.dead`)));
  violations.push(...(await checkResults(history, anyUrl)));
  const { occurrences, faults: wrong } = await checkSchedule(anyUrl);
  violations.push(...wrong);
  client.disconnect();

  const taken = history.sends.filter(({ id }) => id !== null).length;
  if (taken < 20 || history.deliveries.length < 20)
    throw new FaultsDidNotBite('Too little traffic: this run proves nothing.');
  const unknown = history.ends.filter(({ status }) => status === null).length;
  return {
    violations,
    counts: {
      sent: taken,
      deliveries: history.deliveries.length,
      unknown,
      dead: dead.length,
      occurrences,
      ...faults,
    },
  };
}

async function drained(anyUrl: () => string): Promise<boolean> {
  const deadline = performance.now() + DRAIN_MS;
  while (performance.now() < deadline) {
    const answer = await call(anyUrl(), 'GET', QUEUE).catch(() => null);
    const stats = answer?.body.stats as Record<string, number> | undefined;
    if (stats && stats.ready === 0 && stats.delayed === 0 && stats.inFlight === 0) return true;
    await sleep(100);
  }
  return false;
}

/** Each delivery is acked with its count as the result: what is kept must be that of the one whose ack was taken. */
async function checkResults({ ends }: QueueHistory, anyUrl: () => string): Promise<string[]> {
  const violations: string[] = [];
  for (const { id, receiveCount } of ends.filter(isTakenAck).slice(-SOME_RESULTS)) {
    const { body } = await call(anyUrl(), 'GET', `${QUEUE}/messages/${id}`);
    if (body.state === 'done' && body.result === receiveCount) continue;
    violations.push(`${id} was acked with ${receiveCount} and is kept as ${JSON.stringify(body)}`);
  }
  return violations;
}

const isTakenAck = ({ kind, status }: EndRecord) => kind === 'ack' && status === 'acked';

/** Ids of the dead letters, in the order in which they are received; each is acked. */
export async function readDeadLetters(anyUrl: () => string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const answer = await call(anyUrl(), 'POST', `${QUEUE}.dead/receive`, { max: 100, waitMs: 1_500 });
    if (answer.status === 404) return ids;
    const messages = answer.body.messages as Message[];
    if (messages.length === 0) return ids;
    ids.push(...messages.map(({ id }) => id));
    await call(anyUrl(), 'POST', `${QUEUE}.dead/ack`, { receipts: messages.map(({ receipt }) => receipt) });
  }
}
