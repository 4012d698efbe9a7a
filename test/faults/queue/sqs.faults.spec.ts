import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { eventually, freePort, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

const NAME = 'orders.fifo';
const GROUPS = ['a', 'b', 'c', 'd'];
const RECEIVERS = 3;
/** Messages between two faults. */
const SOME = 60;
/** Of so many answers of a kind one is lost. */
const LOST_OF = 7;

/**
 * What stands before the nodes elsewhere: a load balancer, which takes those that can be connected to in turn. It loses answers: the node has done what
 * was asked, and the client is cut off.
 */
class Balancer {
  private readonly sockets = new Set<Socket>();
  private next = 0;
  private readonly answers = { deliveries: 0, others: 0 };
  /** Answers that were lost. */
  readonly lost = { deliveries: 0, others: 0 };

  private constructor(
    private readonly ports: readonly number[],
    readonly port: number,
    private readonly server: Server,
  ) {}

  static async start(nodes: readonly NodeProcess[]): Promise<Balancer> {
    const ports = nodes.map(({ url }) => Number(new URL(url).port));
    const balancer = new Balancer(ports, await freePort(), createServer());
    balancer.server.on('connection', (socket) => balancer.connect(socket, ports.length));
    await new Promise<void>((resolve) => balancer.server.listen(balancer.port, '127.0.0.1', resolve));
    return balancer;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private connect(client: Socket, tries: number): void {
    const node = connect(this.ports[this.next++ % this.ports.length] as number, '127.0.0.1');
    for (const socket of [client, node]) this.sockets.add(socket);
    client.on('error', () => node.destroy());
    node.once('connect', () => {
      client.pipe(node).pipe(this.losing(client)).pipe(client);
      client.once('close', () => node.destroy());
      node.once('close', () => client.destroy());
    });
    node.on('error', () => {
      if (node.pending && tries > 1) this.connect(client, tries - 1);
      else client.destroy();
    });
  }

  private losing(client: Socket): Transform {
    return new Transform({
      transform: (answer: Buffer, _encoding, pass) => {
        const kind = answer.includes('"Messages":') ? 'deliveries' : 'others';
        this.answers[kind] += 1;
        if (this.answers[kind] % LOST_OF > 0) return pass(null, answer);
        this.lost[kind] += 1;
        client.destroy();
      },
    });
  }
}

describe('SQS: a FIFO queue, through the SDK and its own retries', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let balancer: Balancer;
  let sqs: SQSClient;

  beforeAll(async () => {
    redis = await RedisServer.start({ durable: true });
    nodes = await startNodes('queue', 3, { redisUrl: redis.url });
    balancer = await Balancer.start(nodes);
    const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
    sqs = new SQSClient({
      endpoint: `http://127.0.0.1:${balancer.port}`,
      region: 'eu-central-1',
      maxAttempts: 10,
      credentials,
    });
  });
  afterAll(async () => {
    sqs?.destroy();
    balancer?.stop();
    await stopAll(nodes ?? []);
    await redis?.stop();
  });

  it('delivers each message once and in order while its owner is killed and Redis restarted', async () => {
    const Attributes = { FifoQueue: 'true', VisibilityTimeout: '300' };
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: NAME, Attributes }));
    const sent = new Map(GROUPS.map((group) => [group, 0]));
    const received = new Map<string, string[]>(GROUPS.map((group) => [group, []]));
    const total = (counts: Iterable<number>) => [...counts].reduce((sum, count) => sum + count, 0);
    const handled = () => total([...received.values()].map(({ length }) => length));
    let isSending = true;
    let isReceiving = true;

    const send = async (group: string) => {
      while (isSending) {
        const number = sent.get(group) as number;
        await sqs.send(
          new SendMessageCommand({
            QueueUrl,
            MessageBody: `${group}${number}`,
            MessageGroupId: group,
            MessageDeduplicationId: `${group}${number}`,
          }),
        );
        sent.set(group, number + 1);
      }
    };
    let attempts = 0;
    const receive = async () => {
      while (isReceiving) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 5,
            WaitTimeSeconds: 1,
            ReceiveRequestAttemptId: `attempt-${attempts++}`,
          }),
        );
        for (const { Body = '' } of Messages) received.get(Body.slice(0, 1))?.push(Body);
        if (Messages.length === 0) continue;
        const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle }));
        const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
        expect(Failed).toEqual([]);
      }
    };
    const senders = Promise.all(GROUPS.map(send));
    const receivers = Promise.all(Array.from({ length: RECEIVERS }, receive));
    const progress = async () => {
      const before = handled();
      await Promise.race([
        eventually(() => expect(handled()).toBeGreaterThan(before + SOME)),
        senders,
        receivers,
      ]);
    };

    await progress();
    const told = await fetch(`${nodes[0]?.url}/v1/cluster/owner?key=${NAME}`);
    const { nodeId } = (await told.json()) as { nodeId: string };
    await nodes.find((node) => node.name === nodeId)?.kill();
    await progress();
    await redis.restart();
    await progress();
    isSending = false;
    await senders;
    await eventually(() => expect(handled()).toBeGreaterThanOrEqual(total(sent.values())));
    isReceiving = false;
    await receivers;

    expect(Math.min(balancer.lost.deliveries, balancer.lost.others)).toBeGreaterThan(0);
    for (const group of GROUPS) {
      const expected = Array.from({ length: sent.get(group) as number }, (_, i) => `${group}${i}`);
      expect(received.get(group)).toEqual(expected);
    }
    const all = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(all.Attributes).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
    });
  });
});
