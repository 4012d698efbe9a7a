import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';
import { auditQueue } from '../stages/queue-audit.js';

interface Message {
  readonly id: string;
  readonly body: unknown;
  readonly receipt: string;
}

const put = (node: NodeProcess, name: string, given: object) =>
  request(node.url)
    .put(`/v1/schedules/${name}`)
    .send({ message: { body: name }, ...given });
const get = async (node: NodeProcess, name: string) =>
  (await request(node.url).get(`/v1/schedules/${name}`).expect(200)).body;
const receive = async (node: NodeProcess, queue: string, max = 1_000): Promise<Message[]> =>
  (await request(node.url).post(`/v1/queues/${queue}/receive`).send({ max }).expect(200)).body.messages;
const occurrencesIn = (messages: readonly Message[]) => messages.map(({ id }) => Number(id.split('.')[1]));

describe('schedules of three queue nodes', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  const at = (i: number): NodeProcess => nodes[i % nodes.length] as NodeProcess;

  beforeAll(async () => {
    redis = await RedisServer.start({ durable: true });
    nodes = await startNodes('queue', 3, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('are made, shown, listed, paused, run and removed through any node', async () => {
    const given = { queue: 'reports', cron: '0 9 * * MON-FRI', timeZone: 'Europe/Berlin' };
    const { body: made } = await put(at(0), 'daily', given).expect(200);
    expect(made).toMatchObject({ name: 'daily', ...given, missed: 'once', paused: false, sent: 0, last: [] });
    expect(made.next).toHaveLength(5);
    expect(new Date(made.nextAt).getTime()).toBeGreaterThan(Date.now());
    expect((await put(at(1), 'daily', given).expect(200)).body).toEqual(made);
    expect(await get(at(2), 'daily')).toEqual(made);
    const list = await request(at(1).url).get('/v1/schedules?prefix=da').expect(200);
    expect(list.body).toEqual({ schedules: [made], cursor: null });
    const post = (i: number, verb: string) => request(at(i).url).post(`/v1/schedules/daily/${verb}`);
    expect((await post(2, 'pause').expect(200)).body).toMatchObject({ paused: true, nextAt: null, next: [] });
    const { body: run } = await post(0, 'run').expect(200);
    expect(await receive(at(1), 'reports')).toMatchObject([{ id: run.messageId, body: 'daily' }]);
    const { body: resumed } = await post(1, 'resume').expect(200);
    expect(resumed).toEqual({ ...made, last: [run] });
    await request(at(0).url).delete('/v1/schedules/daily').expect(204);
    await request(at(1).url).delete('/v1/schedules/daily').expect(404);
    await request(at(2).url).get('/v1/schedules/daily').expect(404);
    expect((await post(0, 'run').expect(404)).body).toMatchObject({ code: 'not-found' });
  });

  it('are refused with what is wrong, and nothing of them is stored', async () => {
    const refusals: [object, string][] = [
      [{ cron: '0 25 * * *' }, 'cron'],
      [{ cron: '0 9 * * *', timeZone: 'Mars/Olympus' }, 'timeZone'],
      [{ cron: '0 9 * * *', everyMs: 1_000 }, 'cron'],
      [{}, 'cron'],
      [{ everyMs: 99 }, 'everyMs'],
      [{ everyMs: 1_000, missed: 'never' }, 'missed'],
      [{ everyMs: 1_000, endAt: '2020-01-01T00:00:00.000Z' }, 'endAt'],
      [{ everyMs: 1_000, limit: 0 }, 'limit'],
      [{ everyMs: 1_000, message: {} }, 'message.body'],
    ];
    for (const [given, path] of refusals) {
      const { body } = await put(at(0), 'wrong', { queue: 'nowhere', ...given }).expect(400);
      expect(body).toMatchObject({ code: 'validation-failed', errors: [{ path }] });
    }
    const large = { queue: 'nowhere', everyMs: 1_000, message: { body: 'x'.repeat(262_145) } };
    await put(at(0), 'wrong', large).expect(413);
    await request(at(1).url).get('/v1/schedules/wrong').expect(404);
    await request(at(1).url).get('/v1/queues/nowhere').expect(404);
  });

  it('go with their queue', async () => {
    await put(at(0), 'gone', { queue: 'gone', everyMs: 60_000 }).expect(200);
    await request(at(1).url).delete('/v1/queues/gone').expect(204);
    await request(at(2).url).get('/v1/schedules/gone').expect(404);
    expect((await request(at(0).url).get('/v1/schedules?prefix=gone')).body.schedules).toEqual([]);
  });

  it.each([
    ['killed', (node: NodeProcess) => node.kill()],
    ['frozen', (node: NodeProcess) => Promise.resolve(node.freeze())],
  ])('send each occurrence once though their owner is %s', async (how, strike) => {
    const owner = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: `queue_${how}` });
    await eventually(async () => {
      const { body } = await request(at(0).url).get('/v1/cluster').expect(200);
      expect(body.members.map(({ nodeId }: { nodeId: string }) => nodeId)).toContain(owner.nodeId);
    });
    let queue = '';
    for (let i = 0; queue === ''; i += 1) {
      const { body } = await request(at(0).url).get(`/v1/cluster/owner?key=${how}-${i}`).expect(200);
      if (body.nodeId === owner.nodeId) queue = `${how}-${i}`;
    }
    // Made through another node: the owner is told.
    await put(at(0), how, { queue, everyMs: 200, missed: 'all', limit: 16 }).expect(200);
    await eventually(async () => expect((await get(at(1), how)).sent).toBeGreaterThan(2));
    await strike(owner);
    const done = await eventually(async () => {
      const shown = await get(at(1), how);
      expect(shown.sent).toBe(16);
      return shown;
    });
    if (how === 'frozen') owner.thaw();
    await owner.stop();
    expect(done).toMatchObject({ nextAt: null, next: [] });
    const messages = await receive(at(2), queue);
    const occurrences = occurrencesIn(messages);
    expect(occurrences).toHaveLength(16);
    const [first = 0] = occurrences;
    expect(occurrences).toEqual(Array.from({ length: 16 }, (_, i) => first + 200 * i));
    const client = redis.connect();
    expect(await auditQueue(client, queue)).toEqual([]);
    client.disconnect();
  });

  it('send what was missed while Redis was away, each by its rule', async () => {
    const missed = ['once', 'skip', 'all'] as const;
    for (const rule of missed) {
      await put(at(0), `away-${rule}`, { queue: `away-${rule}`, everyMs: 1_000, missed: rule }).expect(200);
    }
    await eventually(async () => expect((await get(at(1), 'away-all')).sent).toBeGreaterThan(0));
    await redis.kill();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await redis.restart();
    for (const rule of missed) {
      await eventually(async () => {
        const { last, nextAt } = await get(at(1), `away-${rule}`);
        expect(Date.parse(nextAt) - Date.now()).toBeGreaterThan(-200);
        expect(Date.parse(nextAt)).toBeGreaterThan(Date.parse(last[0].at));
      });
      await request(at(0).url).delete(`/v1/schedules/away-${rule}`).expect(204);
    }
    const gaps = async (rule: string) => {
      const occurrences = occurrencesIn(await receive(at(0), `away-${rule}`));
      return occurrences.slice(1).map((one, i) => one - (occurrences[i] ?? 0));
    };
    expect(new Set(await gaps('all'))).toEqual(new Set([1_000]));
    expect(Math.max(...(await gaps('once')))).toBeGreaterThan(1_000);
    expect(Math.max(...(await gaps('skip')))).toBeGreaterThan(1_000);
  });
});
