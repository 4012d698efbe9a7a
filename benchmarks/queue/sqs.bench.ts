import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { QueueClient } from '@syncline/client';
import { benchmark, type Contestant, type Stage } from '../harness/index.js';
import { BODY } from './broker.js';

const BATCH = 10;
const KEY = { accessKeyId: 'bench', secretAccessKey: 'the-secret-of-the-benchmark' };
const BODIES = Array.from({ length: BATCH }, () => BODY);

/** A batch is sent, as many messages are received, and those are deleted: three calls. */
interface Calls {
  send(): Promise<unknown>;
  /** Returns receipts. */
  receive(): Promise<readonly string[]>;
  remove(receipts: readonly string[]): Promise<unknown>;
  purge(): Promise<unknown>;
  stop?(): unknown;
}

const cycles = (name: string, open: (stage: Stage) => Promise<Calls>): Contestant => ({
  name,
  start: async (stage) => {
    const calls = await open(stage);
    return {
      prepare: async () => {
        await calls.purge();
      },
      operation: async () => {
        await calls.send();
        const receipts = await calls.receive();
        if (receipts.length > 0) await calls.remove(receipts);
        return 1;
      },
      stop: async () => {
        await calls.stop?.();
      },
    };
  },
});

const throughSdk = (name: string, serve: (stage: Stage) => Promise<string>) =>
  cycles(name, async (stage) => {
    const sqs = new SQSClient({ endpoint: await serve(stage), region: 'us-east-1', credentials: KEY });
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'bench' }));
    const Entries = BODIES.map((MessageBody, i) => ({ Id: `${i}`, MessageBody }));
    return {
      send: () => sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })),
      receive: async () => {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: BATCH }),
        );
        return Messages.map(({ ReceiptHandle = '' }) => ReceiptHandle);
      },
      remove: (receipts) => {
        const Ended = receipts.map((ReceiptHandle, i) => ({ Id: `${i}`, ReceiptHandle }));
        return sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: Ended }));
      },
      purge: () => sqs.send(new PurgeQueueCommand({ QueueUrl })),
      stop: () => sqs.destroy(),
    };
  });

const nodeOf = async (stage: Stage, env: Record<string, string> = {}) =>
  (await stage.nodes('queue', 1, undefined, '.', env))[0] as string;

/** The same calls without an SDK, which costs the client more than either protocol. */
const byHand = (name: string, protocol: Protocol) =>
  cycles(name, async (stage) => {
    const url = await nodeOf(stage);
    const ask = async (action: string, members: Members) => {
      const response = await fetch(url, { method: 'POST', ...protocol.request(action, members) });
      return response.text();
    };
    await ask('CreateQueue', { QueueName: 'bench' });
    const QueueUrl = `${url}/000000000000/bench`;
    const entries = (rows: readonly Record<string, string>[]) =>
      rows.map((row, i) => ({ Id: `${i}`, ...row }));
    return {
      send: () =>
        ask('SendMessageBatch', {
          QueueUrl,
          Entries: entries(BODIES.map((MessageBody) => ({ MessageBody }))),
        }),
      receive: async () =>
        protocol.receipts(await ask('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: `${BATCH}` })),
      remove: (receipts) =>
        ask('DeleteMessageBatch', {
          QueueUrl,
          Entries: entries(receipts.map((ReceiptHandle) => ({ ReceiptHandle }))),
        }),
      purge: () => ask('PurgeQueue', { QueueUrl }),
    };
  });

type Members = Readonly<Record<string, string | readonly Record<string, string>[]>>;

interface Protocol {
  request(action: string, members: Members): { headers: Record<string, string>; body: string };
  receipts(answer: string): readonly string[];
}

const json: Protocol = {
  request: (action, members) => ({
    headers: { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': `AmazonSQS.${action}` },
    body: JSON.stringify(members),
  }),
  receipts: (answer) =>
    ((JSON.parse(answer) as { Messages?: { ReceiptHandle: string }[] }).Messages ?? []).map(
      ({ ReceiptHandle }) => ReceiptHandle,
    ),
};

const query: Protocol = {
  request: (action, members) => {
    const fields = Object.entries(members).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string'
        ? [[name, value]]
        : value.flatMap((row, i) =>
            Object.entries(row).map(([key, text]): [string, string] => [
              `${action}RequestEntry.${i + 1}.${key}`,
              text,
            ]),
          ),
    );
    return {
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams([['Action', action], ...fields]).toString(),
    };
  },
  receipts: (answer) =>
    [...answer.matchAll(/<ReceiptHandle>(.*?)<\/ReceiptHandle>/g)].map(([, receipt = '']) => receipt),
};

const ownClient = cycles('our own client', async (stage) => {
  const client = new QueueClient({ urls: [await nodeOf(stage)] });
  const queue = client.queue<string>('bench');
  return {
    send: () => Promise.all(BODIES.map((body) => queue.send(body))),
    receive: async () => (await queue.receive({ max: BATCH })).map(({ receipt }) => receipt),
    remove: (receipts) => Promise.all(receipts.map((receipt) => queue.ack(receipt))),
    purge: () => queue.purge().catch(() => {}),
    stop: () => client.close(),
  };
});

export default benchmark({
  question: 'How many batches of 10 messages are sent, received and deleted a second, three calls each?',
  unit: 'cycles/s',
  loads: [1, 8],
  rounds: 3,
  contestants: [
    throughSdk('SDK', (stage) => nodeOf(stage)),
    throughSdk('SDK, signatures verified', (stage) =>
      nodeOf(stage, { API_KEYS: `${KEY.accessKeyId}:${KEY.secretAccessKey}:admin` }),
    ),
    byHand('by hand, JSON', json),
    byHand('by hand, Query and XML', query),
    ownClient,
    throughSdk("SDK, moto's server", async (stage) => `http://${(await stage.service('moto')).address}`),
  ],
  caveats: [
    'Messages have 200 bytes. All but moto have one node and a Redis of their own.',
    'The SDK always signs. A node without API keys does not look at signatures.',
    "moto's server keeps messages in the memory of one Python process and verifies no signature: it is made for tests, not for speed.",
    'ElasticMQ is not compared: its server comes neither from npm nor from Debian.',
  ],
});
