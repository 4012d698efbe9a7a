import { setTimeout as sleep } from 'node:timers/promises';
import { call, type Message } from './client.js';
import { scenario } from './stage.js';

const receiptOf = ([message]: readonly Message[]) => message?.receipt ?? '';

export const repeatedAcksSendOnce = scenario(2, async ({ put, send, receive, end, expect, stats, queue }) => {
  await put({ visibilityTimeoutMs: 60_000 });
  await send({ body: 1 }, { body: 2 });
  const chain = { send: [{ queue: `${queue}.dead`, body: 'next' }] };
  const old = receiptOf(await receive({ visibilityTimeoutMs: 50 }));
  await sleep(80);
  expect((await end('ack', [old], chain))[0] === 'stale', 'an older delivery could be acked');
  const receipt = receiptOf(await receive());
  const acks = await Promise.all([1, 2, 3, 4].map(() => end('ack', [receipt], chain)));
  acks.push(await end('ack', [receipt], chain));
  expect(acks.flat().join() === 'acked,acked,acked,acked,acked', `the acks were answered ${acks.join()}`);
  await sleep(1_200);
  const { sent } = await stats(`${queue}.dead`);
  expect(sent === 1, `an ack that was repeated, and one that was stale, sent ${sent} messages`);
});

export const chainsOutliveTheirNode = scenario(2, async (stage) => {
  const { cluster, redis, put, send, receive, expect, queue } = stage;
  const [doomed, other] = cluster.sites;
  if (doomed === undefined || other === undefined) throw new Error('expected two nodes');
  const target = `${queue}.dead`;
  await put({ visibilityTimeoutMs: 60_000 });
  await call(other.node.url, 'PUT', target, {});
  await send({ body: 1 });
  const receipt = receiptOf(await receive());
  // The other queue seems to be in another Redis: it takes nothing before both nodes have told what they know of it.
  await redis.hset(`syncline:{queue:${target}}:queue`, 'instance', 'another');
  cluster.freeze(other);
  const acks = { receipts: [receipt], send: [{ queue: target, body: 'next' }] };
  const ack = ({ node }: typeof doomed) => call(node.url, 'POST', `${queue}/ack`, acks, 10_000);
  void ack(doomed).catch(() => null);
  while ((await redis.hget(`syncline:{queue:${queue}}:queue`, 'acked')) !== '1') await sleep(1);
  // Time to do what it does next, but not to be told by the other node.
  await sleep(300);
  await cluster.kill(doomed);
  cluster.thaw(other);
  const sent = async () => Number(await redis.hget(`syncline:{queue:${target}}:queue`, 'sent'));
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline && (await sent()) === 0) await sleep(50);
  expect((await sent()) === 1, `an ack whose node died sent ${await sent()} messages`);
  const again = await ack(other);
  expect(again.status === 200, `an ack that was repeated was answered ${again.status}`);
  expect((await sent()) === 1, `an ack that was repeated sent ${await sent()} messages in all`);
  await cluster.revive(doomed);
});
