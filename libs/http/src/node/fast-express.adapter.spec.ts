import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Express, Request, Response } from 'express';
import { FastExpressAdapter } from './fast-express.adapter.js';

describe('the fast Express adapter', () => {
  it('creates requests and responses with the prototypes of Express', async () => {
    const adapter = new FastExpressAdapter();
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
    const answer = await fetch(`http://127.0.0.1:${port}/?a=1`);
    expect(await answer.json()).toEqual({ a: '1' });
    expect(asMade[0]).toBe(app.request);
    expect(asMade[1]).toBe(app.response);
    await adapter.close();
  });
});
