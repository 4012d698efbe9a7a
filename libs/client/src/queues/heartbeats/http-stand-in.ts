import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { workerData } from 'node:worker_threads';
import type { Extended } from '@syncline/contracts';
import { standIn } from './stand-in.js';

/** The nodes as the client calls them. */
export interface StandInNodes {
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>;
}

/** Extends deliveries at the node that answered last, else at the next one. */
class Nodes {
  private home = 0;

  constructor(private readonly nodes: StandInNodes) {}

  async extend(queue: string, receipts: readonly string[], visibilityTimeoutMs: number): Promise<boolean[]> {
    const { urls } = this.nodes;
    const path = `/v1/queues/${encodeURIComponent(queue)}/extend`;
    const body = JSON.stringify({ receipts, visibilityTimeoutMs });
    let failure: unknown;
    for (let i = 0; i < urls.length; i++) {
      const node = (this.home + i) % urls.length;
      const base = (urls[node] as string).replace(/\/$/, '');
      try {
        const { results } = await this.post(`${base}${path}`, body, Math.ceil(visibilityTimeoutMs / 4));
        this.home = node;
        return results.map(({ status }) => status === 'extended');
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  private post(url: string, body: string, timeoutMs: number): Promise<Extended> {
    const isTls = url.startsWith('https:');
    const options = {
      method: 'POST',
      headers: { ...this.nodes.headers, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
      agent: false,
      ...(isTls && this.nodes.tls),
    } as const;
    return new Promise((resolve, reject) => {
      const call = (isTls ? requestHttps : requestHttp)(url, options, async (answer) => {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of answer) chunks.push(chunk);
          if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}`);
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        } catch (error) {
          reject(error);
        }
      });
      call.on('error', reject).end(body);
    });
  }
}

const nodes = new Nodes(workerData as StandInNodes);
standIn((...call) => nodes.extend(...call));
