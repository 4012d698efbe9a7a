import { spawn } from 'node:child_process';
import { Child } from '@syncline/testing';
import autocannon from 'autocannon';
import {
  benchmark,
  type Contestant,
  Latencies,
  type Measurement,
  type Running,
  type Stage,
} from '../harness/index.js';

const PATH = '/v1/caches/bench/entries/k';
const VALUE = JSON.stringify({ value: 'x'.repeat(200) });

/** Reads of one path over `connections` connections. */
async function read(url: string, connections: number, seconds: number): Promise<Measurement> {
  const latencies = new Latencies();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options = { url: url + PATH, connections, duration: seconds };
    const running = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
    running.on('response', (_client, _status, _bytes, responseMs) => latencies.record(responseMs));
  });
  const failures = result.non2xx + result.errors;
  if (failures > 0) throw new Error(`${url}: ${failures} failures`);
  return { operations: result.requests.total, seconds: result.duration, latencies };
}

const loop = (url: string): Running => ({
  measure: (connections, seconds) => read(url, connections, seconds),
});

const server = (name: string, kind: string): Contestant => ({
  name,
  start: async () => {
    const file = new URL('server.ts', import.meta.url).pathname;
    const child = new Child(name, spawn(process.execPath, ['--import', 'tsx', file, kind]));
    const [, port] = await child.printed(/^port (\d+)$/);
    return { ...loop(`http://127.0.0.1:${port}`), stop: async () => void (await child.stop()) };
  },
});

const node = (name: string, prepare: (url: string) => Promise<void>): Contestant => ({
  name,
  start: async (stage: Stage) => {
    const [url = ''] = await stage.nodes('cache', 1);
    await fetch(url + PATH, { method: 'PUT', body: VALUE, headers: { 'Content-Type': 'application/json' } });
    await prepare(url);
    return loop(url);
  },
});

export default benchmark({
  question: 'What does each layer of a node cost: how many requests a second does one process answer?',
  unit: 'requests/s',
  loads: [1, 32],
  loadUnit: 'connections',
  rounds: 3,
  contestants: [
    server('an empty Nest handler, our adapter', 'fast'),
    server('an empty Nest handler, as Nest comes', 'nest'),
    server('node:http, nothing else', 'plain'),
    node('a near hit', async () => {}),
    node('a read of Redis', async (url) => {
      await fetch(`${url}/v1/caches/bench`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ nearCacheBytes: 0 }),
      });
    }),
  ],
  caveats: [
    'The load generator (autocannon) has one of the two cores, the server the other; where a server is very quick, the generator is the limit.',
    'A node does more than an empty handler: request ids, metrics, validation, API keys, ETag, Age and cache headers.',
  ],
});
