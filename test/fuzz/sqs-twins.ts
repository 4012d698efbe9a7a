import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import * as sdk from '@aws-sdk/client-sqs';
import { Child, eventually, freePort, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { Random } from '../faults/core/random.js';

const NAMES = ['apples', 'pears', 'plums.fifo'];
const HIDDEN_S = 600;
/** Messages of a queue: fewer than one receive takes, since the order of those of a standard queue is nobody's promise. */
const MOST = 8;

/** It comes from no registry that every machine reaches. */
export const hasMoto = spawnSync('moto_server', ['--help']).status === 0;

/** A message in flight: its receipt at each of the two. */
type Handles = readonly (string | undefined)[];

/** What both are asked. What an answer tells is compared, but for what each makes up: ids, receipts, addresses, times. */
class Twins {
  private readonly inFlight = new Map<string, Handles[]>();
  private readonly sizes = new Map<string, number>();
  private sent = 0;

  constructor(
    private readonly clients: readonly sdk.SQSClient[],
    private readonly random: Random,
  ) {}

  /** One random operation; what both told of it. */
  async step(): Promise<{ readonly what: string; readonly told: readonly unknown[] }> {
    const name = this.random.pick(NAMES);
    const isFifo = name.endsWith('.fifo');
    const known = this.inFlight.get(name) ?? [];
    this.inFlight.set(name, known);
    const size = this.sizes.get(name) ?? 0;
    const grow = (by: number) => this.sizes.set(name, size + by);
    const ask = async (
      what: string,
      run: (client: sdk.SQSClient, url: string, i: number) => Promise<unknown>,
    ) => {
      const told = this.clients.map(async (client, i) => {
        const url = `${await addressOf(client)}/123456789012/${name}`;
        return run(client, url, i).catch((error: Error) => error.name);
      });
      return { what: `${what} ${name}`, told: await Promise.all(told) };
    };
    const body = `message ${this.sent++} <&> "ü"`;
    const message = {
      MessageBody: body,
      ...(isFifo && { MessageGroupId: this.random.pick(['a', 'b']), MessageDeduplicationId: `${this.sent}` }),
      ...(this.random.chance(50) && { MessageAttributes: ATTRIBUTES }),
    };
    const handles = known[this.random.int(0, known.length)];
    const seconds = this.random.pick([0, HIDDEN_S]);
    const tag = this.random.pick(['x', 'y']);
    switch (this.random.pick(ACTIONS)) {
      case 'create':
        return ask('create', async (client) => {
          const Attributes = isFifo ? { FifoQueue: 'true' } : {};
          const { QueueUrl } = await client.send(new sdk.CreateQueueCommand({ QueueName: name, Attributes }));
          return nameOf(QueueUrl);
        });
      case 'remove':
        if (!this.random.chance(15)) return this.step();
        known.length = 0;
        grow(-size);
        return ask('remove', async (client, QueueUrl) => {
          await client.send(new sdk.DeleteQueueCommand({ QueueUrl }));
        });
      case 'purge':
        if (!this.random.chance(30)) return this.step();
        known.length = 0;
        grow(-size);
        return ask('purge', async (client, QueueUrl) => {
          await client.send(new sdk.PurgeQueueCommand({ QueueUrl }));
        });
      case 'find':
        return ask('find', async (client) => {
          const { QueueUrl } = await client.send(new sdk.GetQueueUrlCommand({ QueueName: name }));
          const { QueueUrls = [] } = await client.send(new sdk.ListQueuesCommand({ QueueNamePrefix: 'p' }));
          return [nameOf(QueueUrl), QueueUrls.map(nameOf).sort()];
        });
      case 'send':
        if (size >= MOST) return this.step();
        grow(1);
        return ask('send', async (client, QueueUrl) => {
          const told = await client.send(new sdk.SendMessageCommand({ QueueUrl, ...message }));
          return [told.MD5OfMessageBody, told.MD5OfMessageAttributes];
        });
      case 'send some':
        if (size >= MOST) return this.step();
        grow(2);
        return ask('send some', async (client, QueueUrl) => {
          const second = {
            ...message,
            MessageBody: `${body}2`,
            ...(isFifo && { MessageDeduplicationId: body }),
          };
          const Entries = [message, second].map((one, i) => ({ Id: `${i}`, ...one }));
          const told = await client.send(
            new sdk.SendMessageBatchCommand({ QueueUrl, Entries: isFifo ? Entries.slice(0, 1) : Entries }),
          );
          return told.Successful?.map(({ Id, MD5OfMessageBody }) => [Id, MD5OfMessageBody]);
        });
      case 'receive': {
        const got: (readonly sdk.Message[])[] = [];
        const outcome = await ask('receive', async (client, QueueUrl, i) => {
          const { Messages = [] } = await client.send(
            new sdk.ReceiveMessageCommand({
              QueueUrl,
              MaxNumberOfMessages: isFifo ? 1 : 10,
              VisibilityTimeout: isFifo ? HIDDEN_S : seconds,
              MessageAttributeNames: ['All'],
              MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'],
            }),
          );
          const sorted = isFifo ? Messages : Messages.toSorted((a, b) => (bodyOf(a) < bodyOf(b) ? -1 : 1));
          got[i] = sorted;
          return sorted.map(({ Body, Attributes, MessageAttributes, MD5OfMessageAttributes }) => [
            Body,
            Attributes,
            Object.keys(MessageAttributes ?? {}).sort(),
            MD5OfMessageAttributes,
          ]);
        });
        const [ours = [], theirs = []] = got;
        if (isFifo || seconds > 0) {
          known.push(...ours.map(({ ReceiptHandle }, i) => [ReceiptHandle, theirs[i]?.ReceiptHandle]));
        }
        return outcome;
      }
      case 'delete':
        if (handles === undefined) return this.step();
        known.splice(known.indexOf(handles), 1);
        grow(-1);
        return ask('delete', async (client, QueueUrl, i) => {
          await client.send(new sdk.DeleteMessageCommand({ QueueUrl, ReceiptHandle: handles[i] }));
        });
      case 'show':
        if (handles === undefined) return this.step();
        known.splice(known.indexOf(handles), 1);
        return ask('show', async (client, QueueUrl, i) => {
          const change = { QueueUrl, ReceiptHandle: handles[i], VisibilityTimeout: 0 };
          await client.send(new sdk.ChangeMessageVisibilityCommand(change));
        });
      case 'tag':
        return ask('tag', async (client, QueueUrl) => {
          if (seconds === 0) await client.send(new sdk.TagQueueCommand({ QueueUrl, Tags: { [tag]: body } }));
          else await client.send(new sdk.UntagQueueCommand({ QueueUrl, TagKeys: [tag] }));
          return (await client.send(new sdk.ListQueueTagsCommand({ QueueUrl }))).Tags ?? {};
        });
      default:
        return ask('count', async (client, QueueUrl) => {
          const AttributeNames = COUNTS;
          const told = await client.send(new sdk.GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
          return told.Attributes;
        });
    }
  }
}

const ACTIONS = [
  'create',
  'send',
  'send',
  'send some',
  'receive',
  'receive',
  'receive',
  'delete',
  'show',
].concat([...['find', 'tag', 'count', 'purge', 'remove']]);
const COUNTS: sdk.QueueAttributeName[] = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'MaximumMessageSize',
  'VisibilityTimeout',
];
const ATTRIBUTES = {
  kind: { DataType: 'String', StringValue: 'fruit' },
  weight: { DataType: 'Number.kg', StringValue: '1.5' },
  blob: { DataType: 'Binary', BinaryValue: Buffer.of(0, 255, 10) },
};
const bodyOf = ({ Body = '' }: sdk.Message) => Body;
const nameOf = (url = '') => url.split('/').at(-1);
async function addressOf(client: sdk.SQSClient): Promise<string> {
  const { protocol, hostname, port } = (await client.config.endpoint?.()) ?? {};
  return `${protocol}//${hostname}:${port}`;
}

/** Asks a node and moto's server the same. @throws when an outcome differs */
export async function compareWithMoto(seed: number, operations: number): Promise<void> {
  const port = await freePort();
  const moto = new Child('moto_server', spawn('moto_server', ['-H', '127.0.0.1', '-p', `${port}`]));
  await using redis = await RedisServer.start();
  const nodes = await startNodes('queue', 1, { redisUrl: redis.url });
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const clients = [nodes[0]?.url as string, `http://127.0.0.1:${port}`].map(
    (endpoint) => new sdk.SQSClient({ endpoint, region: 'eu-central-1', maxAttempts: 1, credentials }),
  );
  try {
    await eventually(() => fetch(`http://127.0.0.1:${port}/moto-api/`));
    const twins = new Twins(clients, new Random(seed));
    for (let i = 0; i < operations; i++) {
      const { what, told } = await twins.step();
      assert.deepStrictEqual(told[0], told[1], `seed ${seed}, operation ${i}: ${what}`);
    }
  } finally {
    for (const client of clients) client.destroy();
    await moto.kill();
    await stopAll(nodes);
  }
}
