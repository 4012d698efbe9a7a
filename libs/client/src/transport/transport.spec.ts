import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StoreUnavailableError } from '../errors.js';
import { Transport } from './transport.js';

const servers: Server[] = [];
const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const refusing = (code: string, retryAfter: string) => {
  const node = { asked: 0 };
  const url = serve((_, response) => {
    node.asked++;
    response.writeHead(503, { 'retry-after': retryAfter, 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ code, status: 503, detail: 'no' }));
  });
  return { node, url };
};
const well = () => serve((_, response) => response.end('{"ok":true}'));
const send = { method: 'POST', path: '/', body: '{}', idempotent: false } as const;

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

describe('a call', () => {
  it('moves to the next node when one shuts down, even when it is not idempotent', async () => {
    const { node, url } = refusing('shutting-down', '5');
    const transport = new Transport({ urls: [await url, await well()] });
    for (let i = 0; i < 6; i++) expect(await transport.json({ ...send, affinity: 0 })).toEqual({ ok: true });
    // The node is avoided for as long as its Retry-After says.
    expect(node.asked).toBe(1);
    await transport.close();
  });

  it('is made only once when its outcome is unknown and it is not idempotent', async () => {
    const { node, url } = refusing('store-unavailable', '0');
    const transport = new Transport({ urls: [await url, await url] });
    await expect(transport.call(send)).rejects.toThrow(StoreUnavailableError);
    expect(node.asked).toBe(1);
    await transport.close();
  });

  it('waits for Retry-After when no node is healthy, and gives up at its deadline', async () => {
    const { node, url } = refusing('store-unavailable', '2');
    const transport = new Transport({ urls: [await url], timeoutMs: 3_500 });
    await expect(transport.call({ ...send, idempotent: true })).rejects.toThrow(StoreUnavailableError);
    expect(node.asked).toBe(2);
    await transport.close();
  });

  it('moves to the next node when one does not answer', async () => {
    const silent = await serve(() => undefined);
    const transport = new Transport({ urls: [silent, await well()] });
    const call = { ...send, idempotent: true, attemptTimeoutMs: 100, affinity: 0 };
    expect(await transport.json(call)).toEqual({ ok: true });
    await transport.close();
  });

  it('fails at once when the client is closed before or during the call', async () => {
    const silent = new Transport({ urls: [await serve(() => undefined)] });
    const running = silent.json({ ...send, idempotent: true });
    setImmediate(() => void silent.close());
    await expect(running).rejects.toMatchObject({ code: 'connection-failed' });
    await expect(silent.json(send)).rejects.toMatchObject({ outcome: 'not-sent' });
  });

  it('stays with one node while that keeps up, and spreads a burst over the nodes', async () => {
    const asked = [0, 0, 0];
    const urls = await Promise.all(
      asked.map((_, i) =>
        serve((request, response) => {
          // Ignore the handshake of a call stream.
          if (request.method === 'POST') asked[i] = (asked[i] ?? 0) + 1;
          setImmediate(() => response.end('{}'));
        }),
      ),
    );
    const transport = new Transport({ urls });
    for (let i = 0; i < 6; i++) await transport.json(send);
    expect([...asked].sort()).toEqual([0, 0, 6]);
    await Promise.all(Array.from({ length: 60 }, () => transport.json(send)));
    // Home has 16 more requests in flight than the others, or 17 before the last one.
    const [least = 0, middle = 0, most = 0] = asked.sort((a, b) => a - b);
    expect(most - 6 - least).toBeLessThanOrEqual(17);
    expect(least + middle + most).toBe(66);
    await transport.close();
  });
});
