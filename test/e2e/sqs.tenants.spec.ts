import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AddPermissionCommand,
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

const folder = mkdtempSync(join(tmpdir(), 'syncline-sqs-'));
const file = join(folder, 'keys.json');
const seed = randomBytes(16).toString('hex');
const secretOf = (key: string) => `${key}-${seed}`;
const hashOf = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`;

/** Two tenants, a key of none, one that may only read, one whose secret has expired, and one that is known by its hash alone. */
const keyOf = (name: string, secret: object = { secret: secretOf(name) }, actions?: string[]) => ({
  name,
  secrets: [secret],
  grants: [
    {
      role: 'queue',
      actions: actions ?? ['read', 'produce', 'consume', 'configure', 'purge'],
      names: ['*'],
    },
  ],
  ...(name !== 'none' && { tenant: name.split('-')[0] }),
});
const keys = [
  keyOf('red'),
  keyOf('blue'),
  keyOf('none'),
  keyOf('red-reader', { secret: secretOf('red-reader') }, ['read']),
  keyOf('red-expired', { secret: secretOf('red-expired'), expiresAt: '2020-01-01T00:00:00Z' }),
  keyOf('red-hashed', { hash: hashOf(secretOf('red-hashed')) }),
];
const TENANTS = [{ name: 'red', quotas: { queues: 5 } }, { name: 'blue' }];
/** What no answer may have. */
const REALM = /~|%7e/i;

let redis: RedisServer;
let node: NodeProcess;
const clients: SQSClient[] = [];
const clientOf = (key: string, secretAccessKey = secretOf(key)) => {
  const credentials = { accessKeyId: key, secretAccessKey };
  const client = new SQSClient({ endpoint: node.url, region: 'eu-central-1', maxAttempts: 1, credentials });
  clients.push(client);
  return client;
};

beforeAll(async () => {
  writeFileSync(file, JSON.stringify({ keys, tenants: TENANTS }));
  redis = await RedisServer.start();
  const env = { API_KEYS_FILE: file };
  node = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1', env });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await node.stop();
  await redis.stop();
  rmSync(folder, { recursive: true });
});

const url = (name: string) => `${node.url}/000000000000/${name}`;

describe('SQS: keys of a file', () => {
  it('sign with a secret that stands in it, and only with it', async () => {
    const list = (key: string, secret?: string) => clientOf(key, secret).send(new ListQueuesCommand({}));
    await list('none');
    await expect(list('none', secretOf('red'))).rejects.toThrow(/does not match the signature/);
    for (const key of ['red-expired', 'red-hashed', 'nobody']) {
      await expect(list(key)).rejects.toThrow(/security token .* is invalid/);
    }
    await request(node.url).get('/v1/queues').set('X-Api-Key', secretOf('none')).expect(200);
    await request(node.url).get('/v1/queues').set('X-Api-Key', secretOf('red-expired')).expect(401);
    expect(node.output).not.toContain(seed);
  });
});

describe('SQS: tenants', () => {
  it('have queues of their own under the names that others have, and never see a realm', async () => {
    const said: unknown[] = [];
    for (const key of ['red', 'blue', 'none']) {
      const client = clientOf(key);
      const ask = async <Output>(sent: Promise<Output>): Promise<Output> => {
        const output = await sent;
        said.push(output);
        return output;
      };
      await ask(client.send(new CreateQueueCommand({ QueueName: 'lost' })));
      const RedrivePolicy = JSON.stringify({
        deadLetterTargetArn: 'arn:aws:sqs:eu-central-1:000000000000:lost',
        maxReceiveCount: 1,
      });
      const made = new CreateQueueCommand({
        QueueName: 'orders',
        Attributes: { RedrivePolicy, VisibilityTimeout: '0' },
      });
      const { QueueUrl } = await ask(client.send(made));
      expect(QueueUrl).toBe(url('orders'));
      // The same again is the same queue.
      await ask(client.send(made));
      expect((await ask(client.send(new GetQueueUrlCommand({ QueueName: 'orders' })))).QueueUrl).toBe(
        QueueUrl,
      );
      const add = { QueueUrl, Label: 'l', AWSAccountIds: ['1'], Actions: ['SendMessage'] };
      await ask(client.send(new AddPermissionCommand(add)));
      await ask(client.send(new SendMessageCommand({ QueueUrl, MessageBody: `of-${key}` })));
      const listed = await ask(client.send(new ListQueuesCommand({ QueueNamePrefix: 'ord' })));
      expect(listed.QueueUrls).toEqual([QueueUrl]);
      const { Attributes } = await ask(
        client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })),
      );
      expect(Attributes).toMatchObject({
        ApproximateNumberOfMessages: '1',
        QueueArn: 'arn:aws:sqs:eu-central-1:000000000000:orders',
        RedrivePolicy,
      });
    }
    for (const key of ['red', 'blue', 'none']) {
      const client = clientOf(key);
      const received = await client.send(new ReceiveMessageCommand({ QueueUrl: url('orders') }));
      said.push(received);
      expect(received.Messages?.[0]?.Body).toBe(`of-${key}`);
      // Received once, which was once too often.
      const dead = await eventually(async () => {
        await client.send(new ReceiveMessageCommand({ QueueUrl: url('orders') }));
        const { Messages } = await client.send(
          new ReceiveMessageCommand({ QueueUrl: url('lost'), AttributeNames: ['All'], VisibilityTimeout: 0 }),
        );
        expect(Messages).toHaveLength(1);
        return Messages;
      });
      expect(dead?.[0]?.Attributes?.DeadLetterQueueSourceArn).toMatch(/:orders$/);
      said.push(dead);
      said.push(await client.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: url('lost') })));
      const SourceArn = 'arn:aws:sqs:eu-central-1:000000000000:lost';
      const { TaskHandle = '' } = await client.send(new StartMessageMoveTaskCommand({ SourceArn }));
      said.push(Buffer.from(TaskHandle, 'base64').toString());
      await eventually(async () => {
        const { Results } = await client.send(new ListMessageMoveTasksCommand({ SourceArn }));
        expect(Results).toMatchObject([{ Status: 'COMPLETED', SourceArn }]);
        said.push(Results);
      });
    }
    expect(JSON.stringify(said)).not.toMatch(REALM);
  });

  it('list theirs page by page', async () => {
    const client = clientOf('red');
    const names: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(
        new ListQueuesCommand({ MaxResults: 1, ...(NextToken && { NextToken }) }),
      );
      names.push(...(page.QueueUrls ?? []).map((one) => one.split('/').at(-1) as string));
      ({ NextToken } = page);
      expect(Buffer.from(NextToken ?? '', 'base64url').toString()).not.toMatch(REALM);
    } while (NextToken !== undefined);
    expect(names).toEqual(['lost', 'orders']);
  });

  it('cannot name queues of others, whatever they write', async () => {
    await clientOf('blue').send(new CreateQueueCommand({ QueueName: 'blue-only' }));
    const red = clientOf('red');
    const QueueUrls = ['blue-only', '~blue~blue-only', '%7Eblue%7Eblue-only'].map(url);
    for (const QueueUrl of QueueUrls) {
      await expect(red.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))).rejects.toThrow(
        /does not exist/,
      );
      await expect(red.send(new DeleteQueueCommand({ QueueUrl }))).rejects.toThrow(/does not exist/);
    }
    const SourceArn = 'arn:aws:sqs:eu-central-1:000000000000:~blue~blue-only';
    await expect(red.send(new StartMessageMoveTaskCommand({ SourceArn }))).rejects.toThrow(/not the ARN/);
    await clientOf('blue').send(new GetQueueUrlCommand({ QueueName: 'blue-only' }));
  });

  it('are told refusals and quotas as everywhere', async () => {
    const refused = clientOf('red-reader').send(
      new SendMessageCommand({ QueueUrl: url('orders'), MessageBody: 'x' }),
    );
    await expect(refused).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringMatching(/^The API key red-reader may not produce on any name here/),
    });
    const create = (i: number) => clientOf('red').send(new CreateQueueCommand({ QueueName: `more-${i}` }));
    await Promise.all([1, 2, 3].map(create));
    await expect(create(4)).rejects.toMatchObject({ name: 'RequestThrottled' });
  });
});
