import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { eventually } from '@syncline/testing';
import { WebSocket, WebSocketServer } from 'ws';
import type { Drain } from '../drain.js';
import type { HttpMetrics } from '../metrics.js';
import type { CallRoutes } from './call-routes.js';
import { CallStream } from './call-stream.js';

it('takes no more calls from a caller that does not read its answers', async () => {
  const CALLS = 1_000;
  const answer = 'x'.repeat(100_000);
  let performed = 0;
  const handle = async () => {
    performed += 1;
    return answer;
  };
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as [
    [WebSocket],
    [],
  ];
  new CallStream(socket, {}, 'r1', {
    routes: { find: () => ({ template: '/v1/x', status: 200, handle }) } as unknown as CallRoutes,
    drain: {
      draining: false,
      requestStarted: () => undefined,
      requestEnded: () => undefined,
    } as unknown as Drain,
    metrics: { observe: () => undefined } as unknown as HttpMetrics,
    logger: new Logger(),
  });

  client.pause();
  // More than what is read at once, or fits into the buffers of a connection.
  const body = 'x'.repeat(20_000);
  for (let id = 0; id < CALLS; id++) client.send(JSON.stringify([{ id, path: '/v1/x', body }]));
  await eventually(() => expect(socket.isPaused).toBe(true));
  expect(performed).toBeLessThan(CALLS);

  let answered = 0;
  client.on('message', (data: Buffer) => {
    answered += (JSON.parse(data.toString()) as unknown[]).length;
  });
  client.resume();
  await eventually(() => expect(answered).toBe(CALLS));
  expect(performed).toBe(CALLS);
  client.terminate();
  server.close();
});
