import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { sendRaw } from './raw-http.js';

/** An address of this machine at which nobody listens who listens on 127.0.0.1 alone. */
const OTHER_ADDRESS =
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address ?? '127.0.0.2';

const accepts = (host: string, port: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    setTimeout(() => socket.destroy(), 5_000).unref();
  });

describe('a node without API keys', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());
  const start = (env: Record<string, string>) =>
    NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1', env: { HOST: '', ...env } });
  const warningsOf = (node: NodeProcess) => node.output.match(/"level":40.*?"msg":"[^"]*/g) ?? [];

  it('listens on loopback alone, says so once, and announces an address that works', async () => {
    const node = await start({ HOST: '0.0.0.0' });
    const { port } = new URL(node.url);
    expect(await accepts('127.0.0.1', port)).toBe(true);
    expect(await accepts(OTHER_ADDRESS, port)).toBe(false);
    expect(warningsOf(node)).toEqual([
      expect.stringMatching(/127\.0\.0\.1 only.*API_KEYS_FILE.*ALLOW_ANONYMOUS=1/),
    ]);
    const { body } = await request(node.url).get('/v1/cluster').expect(200);
    expect((await fetch(`${body.members[0].url}/health/live`)).status).toBe(200);
    await node.stop();
  });

  it('listens on every address with ALLOW_ANONYMOUS=1, with one warning', async () => {
    const node = await start({ ALLOW_ANONYMOUS: '1' });
    expect(await accepts(OTHER_ADDRESS, new URL(node.url).port)).toBe(true);
    expect(warningsOf(node)).toEqual([expect.stringContaining('ALLOW_ANONYMOUS')]);
    await node.stop();
  });

  it('sends security headers with every answer, refused and unreadable requests included', async () => {
    const node = await start({});
    const lines = ['Host: localhost'];
    const answers = [
      await sendRaw(node.url, ['GET /health/live HTTP/1.1', ...lines]),
      await sendRaw(node.url, ['GET /metrics HTTP/1.1', ...lines]),
      await sendRaw(node.url, ['GET /nowhere HTTP/1.1', ...lines]),
      await sendRaw(node.url, ['POST /v1/locks/a/acquire HTTP/1.1', ...lines, 'Sec-Fetch-Site: cross-site']),
      await sendRaw(node.url, ['GET / HTTP/1.1', 'Host: attacker.example']),
      await sendRaw(node.url, ['this is no HTTP']),
      await sendRaw(node.url, ['GET /v1/x HTTP/1.1', ...lines, 'Upgrade: websocket', 'Connection: Upgrade']),
    ];
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200, 404, 403, 403, 400, 404]);
    for (const answer of answers) {
      expect(answer?.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      });
    }
    const page = await request(node.url).get('/api/doc').expect(200);
    expect(page.headers['content-security-policy']).toMatch(/script-src 'self';.*frame-ancestors 'none'/);
    expect(page.headers['x-frame-options']).toBe('DENY');
    await node.stop();
  });
});
