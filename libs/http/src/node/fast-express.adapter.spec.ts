import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Certificates } from '@syncline/testing';
import type { Express, Request, Response } from 'express';
import { Agent, request } from 'undici';
import { FastExpressAdapter } from './fast-express.adapter.js';

describe('the fast Express adapter', () => {
  const certificates = new Certificates();
  const { cert, key } = certificates.issue('127.0.0.1');
  const tls = { cert: certificates.read(cert), key: certificates.read(key) };
  const ca = certificates.read(certificates.ca);
  certificates.remove();

  it.each([
    ['HTTP', undefined],
    ['HTTPS', tls],
  ])('has the prototypes of Express, and the headers of a node, over %s', async (_scheme, options) => {
    const adapter = new FastExpressAdapter('node_1', options);
    adapter.initHttpServer();
    const app = adapter.getInstance<Express>();
    app.get('/', (request: Request, response: Response) => void response.json(request.query));
    const server = adapter.listen(0);
    const asMade: unknown[] = [];
    server.prependListener('request', (request: object, response: object) => {
      asMade.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
    });
    await once(server, 'listening');

    const { port } = server.address() as AddressInfo;
    const dispatcher = new Agent({ connect: { ca } });
    const url = `${options === undefined ? 'http' : 'https'}://127.0.0.1:${port}/?a=1`;
    const answer = await request(url, { dispatcher });
    expect(await answer.body.json()).toEqual({ a: '1' });
    expect(answer.headers).toMatchObject({ 'x-node-id': 'node_1', 'x-frame-options': 'DENY' });
    await dispatcher.close();
    expect(asMade[0]).toBe(app.request);
    expect(asMade[1]).toBe(app.response);
    await adapter.close();
  });
});
