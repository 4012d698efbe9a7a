import { on, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import type { Drain } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { WebSocket, WebSocketServer } from 'ws';
import type { HttpMetrics } from '../metrics/http-metrics.js';
import type { ServerStop } from '../node/server-stop.js';
import { Refusals } from '../problems/refusals.js';
import { RequestTraces } from '../traces/request-traces.js';
import type { Trail } from '../trail/trail.js';
import type { CallRoutes } from './call-routes.js';
import { CallStream } from './call-stream.js';

let server: WebSocketServer;
let client: WebSocket;
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(() => {
  client.terminate();
  for (const socket of server.clients) socket.terminate();
  server.close();
});

it('a call stream reads no more calls while its client does not read the answers', async () => {
  // 30 MB of answers: more than the buffers of a connection hold.
  const CALLS = 300;
  const answer = 'x'.repeat(100_000);
  let performed = 0;
  const handle = async () => {
    performed += 1;
    return answer;
  };
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as [
    [WebSocket],
    [],
  ];
  new CallStream(socket, { headers: {}, socket: {} }, 'r1', {
    routes: {
      find: () => ({ route: { template: '/v1/x', status: 200, handle }, params: {} }),
    } as unknown as CallRoutes,
    drain: { draining: false } as Drain,
    server: { requestStarted: () => undefined, requestEnded: () => undefined } as unknown as ServerStop,
    metrics: { observe: () => undefined } as unknown as HttpMetrics,
    traces: new RequestTraces(),
    trail: { note: () => undefined } as unknown as Trail,
    refusals: new Refusals(),
    logger: new Logger(),
  });

  client.pause();
  // Large calls, so that the node cannot read all of them before its answers pile up.
  const body = 'x'.repeat(20_000);
  for (let id = 0; id < CALLS; id++) client.send(JSON.stringify([{ id, path: '/v1/x', body }]));
  await eventually(() => expect(socket.isPaused).toBe(true));
  expect(performed).toBeLessThan(CALLS);

  client.resume();
  let answered = 0;
  for await (const [data] of on(client, 'message') as AsyncIterable<[Buffer]>) {
    answered += (JSON.parse(data.toString()) as unknown[]).length;
    if (answered === CALLS) break;
  }
  expect(performed).toBe(CALLS);
});
