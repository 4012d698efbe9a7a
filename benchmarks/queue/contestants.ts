import { Agent, request } from 'node:http';
import { type Job, Queue, Worker } from 'bullmq';
import type { Contestant, Running, Stage } from '../harness/index.js';

/** What every message carries: 200 bytes. */
export const BODY = 'x'.repeat(198);

const agent = new Agent({ keepAlive: true, maxSockets: 512 });

/** One POST with a kept connection. Throws for anything but success. */
export function post<Answer>(url: string, path: string, body: unknown): Promise<Answer> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/queues/${path}`,
      {
        method: 'POST',
        agent,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          if (response.statusCode !== 200 && response.statusCode !== 201) reject(new Error(answer));
          else resolve(JSON.parse(answer) as Answer);
        });
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

export const messages = (count: number) => ({
  messages: Array.from({ length: count }, () => ({ body: BODY })),
});
export interface Received {
  readonly messages: readonly { receipt: string; enqueuedAt: string }[];
}

/** Three nodes, called in turns. */
export const syncline = (
  name: string,
  run: (urls: readonly string[]) => Running | Promise<Running>,
): Contestant => ({
  name,
  start: async (stage: Stage) => run(await stage.nodes('queue', 3)),
});

export interface Bull {
  readonly queue: Queue;
  worker(concurrency: number, handle: (job: Job) => Promise<void>): Worker;
}

/** BullMQ as its documentation sets it up; finished jobs are removed, as ours are. */
export const bullmq = (name: string, run: (bull: Bull) => Running | Promise<Running>): Contestant => ({
  name,
  start: async (stage: Stage) => {
    const { url } = await stage.redis();
    const { hostname: host, port } = new URL(url);
    const connection = { host, port: Number(port), maxRetriesPerRequest: null };
    const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } });
    const workers: Worker[] = [];
    const running = await run({
      queue,
      worker: (concurrency, handle) => {
        const worker = new Worker('bench', handle, { connection, concurrency });
        workers.push(worker);
        return worker;
      },
    });
    return {
      ...running,
      stop: async () => {
        await running.stop?.();
        await Promise.all(workers.map((worker) => worker.close(true)));
        await queue.close();
      },
    };
  },
});
