import { eventually, type NodeProcess } from '@syncline/testing';
import request from 'supertest';
import { NodesStage } from '../stages/nodes-stage.js';

describe('limits and turns of groups, over HTTP', () => {
  const stage = NodesStage.forTests('queue', 2);
  const path = (rest = '') => `/v1/queues/${stage.name}${rest}`;
  const put = (configuration: object) => request(stage.node().url).put(path()).send(configuration);
  const post = (rest: string, body: object, node: NodeProcess = stage.node()) =>
    request(node.url).post(path(rest)).send(body);
  const send = async (...messages: object[]): Promise<string[]> => {
    const { body } = await post('/messages', { messages }).expect(201);
    return body.messages.map(({ id }: { id: string }) => id);
  };
  type Got = { body: unknown; receipt: string }[];
  const receive = async (options: object, node = stage.node()): Promise<Got> =>
    (await post('/receive', options, node).expect(200)).body.messages;
  const bodiesOf = (messages: Got) => messages.map(({ body }) => body);
  const ack = ([first]: Got) => post('/ack', { receipts: [first?.receipt] }, stage.node(1)).expect(200);
  const why = async (id = '') => (await request(stage.node(1).url).get(path(`/messages/${id}`))).body.why;
  const inLine = async (count: number) =>
    eventually(async () => expect(await stage.client.zcard(`syncline:{queue:${stage.name}}:w`)).toBe(count));

  it.each<object>([
    { maxInFlight: 0 },
    { maxInFlight: 1_000_001 },
    { maxInFlight: 1.5 },
    { maxInFlightPerGroup: 0 },
    { maxInFlightPerGroup: null },
    { ordering: 'random' },
  ])('are refused when they are none: %j', async (configuration) => {
    const { body } = await put(configuration).expect(400);
    expect(body.code).toBe('validation-failed');
  });

  it('hold over all nodes, and a receiver that waits at one gets what an ack through another makes room for', async () => {
    await put({ maxInFlight: 2 }).expect(200);
    const [first, , third] = await send({ body: 1 }, { body: 2 }, { body: 3 });
    const taken = [...(await receive({})), ...(await receive({}, stage.node(1)))];
    expect(bodiesOf(taken)).toEqual([1, 2]);
    expect(await receive({ max: 10 })).toEqual([]);
    expect(await why(third)).toEqual({
      kind: 'inFlightLimit',
      until: expect.any(String),
      blockedBy: first,
    });
    const waiting = receive({ waitMs: 20_000 });
    await inLine(1);
    await ack(taken);
    expect(bodiesOf(await waiting)).toEqual([3]);
  });

  it('let those go who wait when they are raised', async () => {
    await put({ maxInFlight: 1 }).expect(200);
    await send({ body: 1 }, { body: 2 }, { body: 3 });
    await receive({});
    const waiting = [receive({ waitMs: 20_000 }), receive({ waitMs: 20_000 }, stage.node(1))];
    await inLine(2);
    await put({}).expect(200);
    expect(bodiesOf((await Promise.all(waiting)).flat()).sort()).toEqual([2, 3]);
  });

  it('are of each group by itself', async () => {
    await put({ maxInFlightPerGroup: 2 }).expect(200);
    const a = (body: number) => ({ body, groupId: 'A' });
    const [first, , third] = await send(a(1), a(2), a(3), { body: 4, groupId: 'B' });
    const taken = await receive({ max: 10 });
    expect(bodiesOf(taken)).toEqual([1, 2, 4]);
    expect(await why(third)).toEqual({ kind: 'group', until: expect.any(String), blockedBy: first });
    const waiting = receive({ waitMs: 20_000 });
    await inLine(1);
    await ack(taken);
    expect(bodiesOf(await waiting)).toEqual([3]);
  });

  it('let one with a single message wait for one of each other, whatever they have sent before', async () => {
    const { body } = await put({ ordering: 'fair', maxInFlightPerGroup: 1_000 }).expect(200);
    expect(body).toMatchObject({ ordering: 'fair', maxInFlightPerGroup: 1_000 });
    await send(...Array.from({ length: 500 }, () => ({ body: 'A', groupId: 'A' })));
    await send(...Array.from({ length: 500 }, () => ({ body: 'B', groupId: 'B' })));
    await receive({ max: 50 });
    await send({ body: 'C', groupId: 'C' }, { body: '-' });
    expect(bodiesOf(await receive({ max: 4 }, stage.node(1))).sort()).toEqual(['-', 'A', 'B', 'C']);
  });
});
