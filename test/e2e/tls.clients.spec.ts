import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Syncline } from '@syncline/client';
import { Certificates, eventually, NodeProcess, RedisServer, startInVain } from '@syncline/testing';
import { Agent, request } from 'undici';

const certificates = new Certificates();
const strangers = new Certificates();
const ca = certificates.read(certificates.ca);
const { cert: TLS_CERT, key: TLS_KEY } = certificates.issue('127.0.0.1');
const folder = mkdtempSync(join(tmpdir(), 'syncline-clients-'));
const files = { keys: join(folder, 'keys.json'), clientCa: join(folder, 'clients.crt') };
const SECRET = 'a-secret-beside-the-certificates';
const SPIFFE = 'spiffe://example.com/billing';

const grantsOf = (names: string) => [{ role: '*', actions: ['read', 'lock'], names: [names] }];
const writeKeys = (billing: readonly string[]) =>
  writeFileSync(
    files.keys,
    JSON.stringify({
      keys: [
        { name: 'billing', secrets: [], certificates: billing, grants: grantsOf('billing:*') },
        { name: 'orders', secrets: [], certificates: ['orders.internal'], grants: grantsOf('orders:*') },
        {
          name: 'secret',
          secrets: [{ hash: `sha256:${createHash('sha256').update(SECRET).digest('hex')}` }],
          grants: grantsOf('secret:*'),
        },
      ],
    }),
  );

/** What a client shows of itself. */
const shownBy = (authority: Certificates, name: string) => {
  const { cert, key } = authority.issue(name);
  return { ca, cert: authority.read(cert), key: authority.read(key) };
};
const billing = shownBy(certificates, SPIFFE);
const orders = shownBy(certificates, 'orders.internal');

let redis: RedisServer;
let node: NodeProcess;
const env = () => ({ TLS_CERT, TLS_KEY, TLS_CLIENT_CA: files.clientCa, API_KEYS_FILE: files.keys });

beforeAll(async () => {
  writeKeys([SPIFFE]);
  copyFileSync(certificates.ca, files.clientCa);
  redis = await RedisServer.start();
  node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1', env: env() });
});
afterAll(async () => {
  await node.stop();
  await redis.stop();
  for (const each of [certificates, strangers]) each.remove();
  rmSync(folder, { recursive: true });
});

const agents: Agent[] = [];
const agentOf = (connect: object) => {
  const agent = new Agent({ connect, connections: 1 });
  agents.push(agent);
  return agent;
};
afterAll(() => Promise.all(agents.map((agent) => agent.close())));

/** @param reset whether the connection ends with the request: the next one may resume its session */
async function look(
  dispatcher: Agent,
  name: string,
  { headers = {}, reset = false }: { headers?: Record<string, string>; reset?: boolean } = {},
): Promise<number> {
  const { statusCode, body } = await request(`${node.url}/v1/locks/${name}`, { dispatcher, headers, reset });
  await body.dump();
  return statusCode;
}

describe('a client with a certificate', () => {
  it('has the key that names it, by a URI or a name of DNS, over requests and call streams', async () => {
    const [ofBilling, ofOrders] = [agentOf(billing), agentOf(orders)];
    expect(await look(ofBilling, 'billing:a')).toBe(200);
    expect(await look(ofBilling, 'orders:a')).toBe(403);
    expect(await look(ofOrders, 'orders:a')).toBe(200);
    const syncline = new Syncline({ lock: [node.url], ...billing });
    // The second goes over the stream that is open by then.
    for (const name of ['billing:b', 'billing:c']) await (await syncline.lock.acquire(name)).release();
    await expect(syncline.lock.acquire('orders:b')).rejects.toMatchObject({ code: 'forbidden' });
    await syncline.close();
    const metrics = await request(`${node.url}/metrics`, { dispatcher: ofBilling });
    expect(await metrics.body.text()).toMatch(/route="\/v1\/locks\/:name\/acquire",status="200"\} [1-9]/);
  });

  it('that no key names, of another authority, or without one needs a secret', async () => {
    const nobodies = [
      agentOf({ ca }),
      agentOf(shownBy(certificates, 'nobody.internal')),
      agentOf(shownBy(strangers, SPIFFE)),
      // Its name is the digest of a secret.
      agentOf(shownBy(certificates, createHash('sha256').update(SECRET).digest('hex'))),
    ];
    for (const agent of nobodies) {
      expect(await look(agent, 'billing:a')).toBe(401);
      expect(await look(agent, 'secret:a', { headers: { 'X-Api-Key': SECRET } })).toBe(200);
      expect(await look(agent, 'billing:a', { headers: { 'X-Api-Key': SECRET } })).toBe(403);
    }
    // A secret counts before the certificate, also a wrong one.
    const agent = agentOf(billing);
    expect(await look(agent, 'secret:a', { headers: { 'X-Api-Key': SECRET } })).toBe(200);
    expect(await look(agent, 'billing:a', { headers: { 'X-Api-Key': 'wrong' } })).toBe(401);
  });

  it('loses its rights with the key, on a connection that is open', async () => {
    const agent = agentOf(billing);
    expect(await look(agent, 'billing:a')).toBe(200);
    writeKeys(['other.internal']);
    await eventually(async () => expect(await look(agent, 'billing:a')).toBe(401));
    writeKeys([SPIFFE]);
    await eventually(async () => expect(await look(agent, 'billing:a')).toBe(200));
  });

  it('is judged by the authorities that are in the file now', async () => {
    const agent = agentOf(billing);
    expect(await look(agent, 'billing:a', { reset: true })).toBe(200);
    copyFileSync(strangers.ca, files.clientCa);
    await node.printed(/The certificate was renewed/);
    expect(await look(agent, 'billing:a')).toBe(401);
    expect(await look(agentOf(shownBy(strangers, SPIFFE)), 'billing:a')).toBe(200);
    copyFileSync(certificates.ca, files.clientCa);
    await eventually(async () => expect(await look(agentOf(billing), 'billing:a')).toBe(200));
  });

  it('is the only one that reaches a node with TLS_CLIENT_REQUIRED', async () => {
    const closed = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_2',
      env: { ...env(), TLS_CLIENT_REQUIRED: '1' },
    });
    const live = async (dispatcher: Agent) => {
      const { statusCode, body } = await request(`${closed.url}/health/live`, { dispatcher });
      await body.dump();
      return statusCode;
    };
    expect(await live(agentOf(billing))).toBe(200);
    await expect(live(agentOf({ ca }))).rejects.toThrow();
    await expect(live(agentOf(shownBy(strangers, SPIFFE)))).rejects.toThrow();
    await closed.stop();
  });
});

it.each([
  [{ TLS_CLIENT_CA: certificates.ca }, 'TLS_CLIENT_CA needs both'],
  [{ TLS_CERT, TLS_KEY, TLS_CLIENT_CA: '/nowhere' }, 'cannot read the file /nowhere'],
  [{ TLS_CERT, TLS_KEY, TLS_CLIENT_REQUIRED: '1' }, 'TLS_CLIENT_REQUIRED: set TLS_CLIENT_CA, too'],
])('A node whose variables of client certificates are a mistake exits: %#', async (mistake, says) => {
  const { code, output } = await startInVain('lock', mistake);
  expect(code).toBe(1);
  expect(output).toContain(says);
});
