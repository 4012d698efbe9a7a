import { once } from 'node:events';
import { connect } from 'node:net';
import { NodeProcess, RedisServer } from '@syncline/testing';

const SECRET = 'app-secret-0123456789';
const BODY_BYTES = 8 * 1_048_576;

describe('an answer that a node sends before it has read the whole request', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('cache', {
      redisUrl: redis.url,
      nodeId: 'cache_1',
      env: { API_KEYS: `app:${SECRET}:write` },
    });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it.each([
    ['without a key', '', 401],
    ['with a body over the limit', `Authorization: Bearer ${SECRET}\r\n`, 413],
  ])('reaches a client %s that keeps sending its body', async (_what, header, status) => {
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    const failures: Error[] = [];
    socket.on('error', (error) => failures.push(error));
    socket.write(
      `PUT /v1/caches/c/entries/k HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n${header}` +
        `Content-Length: ${BODY_BYTES}\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));

    const chunk = Buffer.alloc(65_536);
    for (let sent = 0; sent < BODY_BYTES; sent += chunk.length) {
      await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
    }
    socket.end();
    await once(socket, 'close');
    expect(failures).toEqual([]);
  });
});
