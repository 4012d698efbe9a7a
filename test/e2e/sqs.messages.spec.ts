import {
  CancelMessageMoveTaskCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { eventually } from '@syncline/testing';
import { Consumer } from 'sqs-consumer';
import request from 'supertest';
import {
  arnOf,
  attributesOf,
  bodiesOf,
  end,
  hide,
  nodes,
  other,
  queue,
  receive,
  send,
  set,
  sqs,
} from './sqs.calls.js';

describe('SQS: messages', () => {
  it('arrive with their attributes, and are gone when they were deleted', async () => {
    const url = await queue();
    const attributes = {
      kind: { DataType: 'String', StringValue: 'order' },
      total: { DataType: 'Number.eur', StringValue: '12.50' },
      blob: { DataType: 'Binary', BinaryValue: Buffer.of(0, 255, 10) },
    };
    const trace = { DataType: 'Number', StringValue: '1' };
    const traced = { QueueUrl: url, MessageBody: 'x', MessageSystemAttributes: { AWSTraceHeader: trace } };
    await expect(sqs.send(new SendMessageCommand(traced))).rejects.toThrow(/only AWSTraceHeader, a String/);
    // The SDK compares the digests of what it sent and got.
    const sent = await sqs.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: 'hällo <&>', MessageAttributes: attributes }),
    );
    const [message] = await receive(url, {
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    });
    expect(message).toMatchObject({ MessageId: sent.MessageId, Body: 'hällo <&>' });
    expect(sent.MessageId).toMatch(/^\d{8}-\d{4}-8\d{3}-8\d{3}-000000000000$/);
    expect(message?.MessageAttributes?.total).toEqual({ DataType: 'Number.eur', StringValue: '12.50' });
    expect(Buffer.from(message?.MessageAttributes?.blob?.BinaryValue as Uint8Array)).toEqual(
      Buffer.of(0, 255, 10),
    );
    expect(message?.Attributes).toMatchObject({ ApproximateReceiveCount: '1', SenderId: expect.any(String) });
    expect(await receive(url, { MessageAttributeNames: ['ki.*'] })).toEqual([]);
    await end(url, message?.ReceiptHandle);
    expect(await attributesOf(url)).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
    });
  });

  it('come from senders of ours, and go to receivers of ours', async () => {
    const url = await queue();
    const path = `/v1/queues/${url.split('/').at(-1)}`;
    await request(nodes[1]?.url as string)
      .post(`${path}/messages`)
      .send({ messages: [{ body: { id: 7 }, headers: { source: 'shop' } }] });
    const [message] = await receive(url, { MessageAttributeNames: ['All'] });
    expect(JSON.parse(message?.Body ?? '')).toEqual({ id: 7 });
    expect(message?.MessageAttributes).toEqual({ source: { DataType: 'String', StringValue: 'shop' } });
    await send(url, 'plain');
    const { body } = await request(nodes[1]?.url as string)
      .post(`${path}/receive`)
      .send({});
    expect(body.messages).toMatchObject([{ body: 'plain' }]);
  });

  it('of a batch have an outcome each', async () => {
    const url = await queue();
    const sent = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'a', MessageBody: '1' },
          { Id: 'b', MessageBody: '2', DelaySeconds: 901 },
          { Id: 'c', MessageBody: '\u0000' },
        ],
      }),
    );
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['a']);
    expect(sent.Failed).toMatchObject([
      { Id: 'b', Code: 'InvalidParameterValue', SenderFault: true },
      { Id: 'c', Code: 'InvalidMessageContents' },
    ]);
    const [message] = await receive(url);
    const ended = await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'a', ReceiptHandle: message?.ReceiptHandle },
          { Id: 'b', ReceiptHandle: 'rubbish' },
        ],
      }),
    );
    expect(ended).toMatchObject({
      Successful: [{ Id: 'a' }],
      Failed: [{ Id: 'b', Code: 'ReceiptHandleIsInvalid' }],
    });
    await expect(end(url, 'rubbish')).rejects.toThrow(/"rubbish" is not a valid receipt handle/);
    const large = 'x'.repeat(1_048_576);
    const tooLarge = new SendMessageBatchCommand({
      QueueUrl: url,
      Entries: [
        { Id: 'a', MessageBody: large, MessageAttributes: { a: { DataType: 'String', StringValue: '1' } } },
      ],
    });
    await expect(sqs.send(tooLarge)).rejects.toMatchObject({ name: 'BatchRequestTooLong' });
    await expect(send(url, `${large}x`)).rejects.toThrow(/Message must be shorter than 1048576 bytes/);
    const batch = (...ids: string[]) =>
      sqs.send(
        new SendMessageBatchCommand({ QueueUrl: url, Entries: ids.map((Id) => ({ Id, MessageBody: 'x' })) }),
      );
    await expect(batch()).rejects.toMatchObject({ name: 'EmptyBatchRequest' });
    await expect(batch('a', 'a')).rejects.toMatchObject({ name: 'BatchEntryIdsNotDistinct' });
    for (const id of ['a b', '', 'x'.repeat(81)])
      await expect(batch(id)).rejects.toMatchObject({ name: 'InvalidBatchEntryId' });
    await expect(batch(...'abcdefghijk')).rejects.toMatchObject({ name: 'TooManyEntriesInBatchRequest' });
  });

  it('are visible again when their receiver says so, and wake one that waits', async () => {
    const url = await queue();
    await send(url, 'x');
    const [first] = await receive(url);
    const waiting = other.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }));
    const change = (VisibilityTimeout: number, ReceiptHandle = first?.ReceiptHandle) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout }));
    await change(60);
    await change(0);
    const [second] = (await waiting).Messages ?? [];
    expect(second).toMatchObject({ MessageId: first?.MessageId });
    await expect(change(43_201)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(change(1, 'rubbish')).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
    // It is in flight for another receiver, which keeps it.
    for (const seconds of [0, 1]) {
      await expect(change(seconds)).rejects.toMatchObject({ name: 'MessageNotInflight' });
    }
    expect(await attributesOf(url)).toMatchObject({ ApproximateNumberOfMessagesNotVisible: '1' });
    // A standard queue takes a receipt that is late.
    await end(url, first?.ReceiptHandle);
    expect(await attributesOf(url)).toMatchObject({ ApproximateNumberOfMessagesNotVisible: '0' });
    for (const late of [first, second]) await end(url, late?.ReceiptHandle);
    await expect(change(1)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('of a standard queue are deleted by the receipt of a delivery whose time is over', async () => {
    const url = await queue();
    await send(url, 'x');
    const [late] = await receive(url, { VisibilityTimeout: 0 });
    await expect(hide(url, late, 1)).rejects.toMatchObject({ name: 'MessageNotInflight' });
    expect(await attributesOf(url)).toMatchObject({ ApproximateNumberOfMessages: '1' });
    const batch = [{ Id: 'a', ReceiptHandle: late?.ReceiptHandle }];
    const ended = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries: batch }));
    expect(ended).toMatchObject({ Successful: [{ Id: 'a' }] });
    expect(await receive(url)).toEqual([]);
  });

  it('of a FIFO queue are in order by group, once by their id', async () => {
    const url = await queue({ FifoQueue: 'true', ContentBasedDeduplication: 'true' }, '.fifo');
    const put = (MessageBody: string, MessageGroupId: string) =>
      sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody, MessageGroupId }));
    const [a1, again] = [await put('a1', 'a'), await put('a1', 'a')];
    expect(again.MessageId).toBe(a1.MessageId);
    const a2 = await put('a2', 'a');
    expect(BigInt(a2.SequenceNumber as string)).toBeGreaterThan(BigInt(a1.SequenceNumber as string));
    await put('b1', 'b');
    const [first] = await receive(url, { MessageSystemAttributeNames: ['All'], VisibilityTimeout: 1 });
    expect(first).toMatchObject({
      Body: 'a1',
      Attributes: { MessageGroupId: 'a', SequenceNumber: a1.SequenceNumber },
    });
    // The rest of the group waits.
    expect((await receive(url, { MaxNumberOfMessages: 10 })).map(({ Body }) => Body)).toEqual(['b1']);
    const [late] = await receive(url, { WaitTimeSeconds: 20 });
    expect(late?.Body).toBe('a1');
    await expect(end(url, first?.ReceiptHandle)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await end(url, late?.ReceiptHandle);
    await end(url, late?.ReceiptHandle);
    expect((await receive(url)).map(({ Body }) => Body)).toEqual(['a2']);
    await expect(send(url, 'no group')).rejects.toMatchObject({ name: 'MissingParameter' });
    const entries = [
      { Id: '1', MessageBody: 'x', MessageGroupId: 'c' },
      { Id: '2', MessageBody: 'y' },
    ];
    const batch = sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries }));
    await expect(batch).rejects.toMatchObject({ name: 'MissingParameter' });
    expect(await attributesOf(url)).toMatchObject({ ApproximateNumberOfMessages: '0' });
  });

  it('of a FIFO queue come again while younger ones of their group are in flight, and not while older ones are', async () => {
    const url = await queue({ FifoQueue: 'true', ContentBasedDeduplication: 'true' }, '.fifo');
    const put = (body: string) => {
      const message = { QueueUrl: url, MessageBody: body, MessageGroupId: body.slice(0, 1) };
      return sqs.send(new SendMessageCommand(message));
    };
    const all = { MaxNumberOfMessages: 10 };
    for (const body of ['a1', 'a2', 'a3', 'a4', 'b1']) await put(body);
    const first = await receive(url, { MaxNumberOfMessages: 3 });
    expect(bodiesOf(first)).toEqual(['a1', 'a2', 'a3']);
    await hide(url, first[1]);
    expect(bodiesOf(await receive(url, all))).toEqual(['b1']);
    await hide(url, first[0]);
    const again = await receive(url, all);
    expect(bodiesOf(again)).toEqual(['a1', 'a2']);
    await put('a5');
    for (const { ReceiptHandle } of again) await end(url, ReceiptHandle);
    expect(bodiesOf(await receive(url, all))).toEqual([]);
    await hide(url, first[2], 1);
    expect(bodiesOf(await receive(url, { ...all, WaitTimeSeconds: 20 }))).toEqual(['a3', 'a4', 'a5']);
  });

  it('of a FIFO queue are received again by the id of the attempt, through any node, until they change', async () => {
    const url = await queue({ FifoQueue: 'true', ContentBasedDeduplication: 'true' }, '.fifo');
    const put = (MessageBody: string, MessageGroupId: string) =>
      sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody, MessageGroupId }));
    for (const body of ['a1', 'a2', 'b1']) await put(body, body.slice(0, 1));
    const attempt = async (client: SQSClient, ReceiveRequestAttemptId: string) => {
      const asked = { QueueUrl: url, ReceiveRequestAttemptId, MaxNumberOfMessages: 2, WaitTimeSeconds: 1 };
      const { Messages = [] } = await client.send(new ReceiveMessageCommand(asked));
      return Messages;
    };
    const first = await attempt(sqs, 'try-1');
    expect(first.map(({ Body }) => Body)).toEqual(['a1', 'a2']);
    expect(await attempt(other, 'try-1')).toEqual(first);
    expect((await attempt(other, 'try-2')).map(({ Body }) => Body)).toEqual(['b1']);
    await end(url, first[0]?.ReceiptHandle);
    expect(await attempt(other, 'try-1')).toEqual([]);
    await end(url, first[1]?.ReceiptHandle);
    await put('a3', 'a');
    expect((await attempt(other, 'try-1')).map(({ Body }) => Body)).toEqual(['a3']);
    await expect(attempt(sqs, 'a b')).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const ofStandard = { QueueUrl: await queue(), ReceiveRequestAttemptId: 'x' };
    await expect(sqs.send(new ReceiveMessageCommand(ofStandard))).rejects.toThrow(
      /not valid for this queue type/,
    );
  });

  it('of a standard queue with groups are served in turns, and do not wait for each other', async () => {
    const url = await queue();
    const put = (MessageGroupId: string, count: number) =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: url,
          Entries: Array.from({ length: count }, (_, i) => ({
            Id: `${i}`,
            MessageBody: MessageGroupId,
            MessageGroupId,
          })),
        }),
      );
    for (let i = 0; i < 3; i += 1) await put('noisy', 10);
    const first = await receive(url, { MaxNumberOfMessages: 10 });
    expect(first).toHaveLength(10);
    await put('quiet', 1);
    const next = await receive(url, { MaxNumberOfMessages: 2, MessageSystemAttributeNames: ['All'] });
    expect(next.map(({ Body, Attributes }) => [Body, Attributes?.MessageGroupId]).sort()).toEqual([
      ['noisy', 'noisy'],
      ['quiet', 'quiet'],
    ]);
  });

  it('become dead letters, and are moved back by a task', async () => {
    const dead = await queue();
    const url = await queue({
      VisibilityTimeout: '0',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: await arnOf(dead), maxReceiveCount: 2 }),
    });
    await send(url, 'bad');
    await eventually(async () => {
      await receive(url);
      expect(await attributesOf(dead)).toMatchObject({ ApproximateNumberOfMessages: '1' });
    });
    expect((await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }))).queueUrls).toEqual([
      url,
    ]);
    const SourceArn = await arnOf(dead);
    const start = (source: string, DestinationArn?: string) =>
      sqs.send(new StartMessageMoveTaskCommand({ SourceArn: source, DestinationArn }));
    await expect(start(await arnOf(url))).rejects.toThrow(/must be configured as a Dead Letter Queue/);
    await expect(start(SourceArn, SourceArn)).rejects.toThrow(/cannot be the same/);
    await expect(start(SourceArn, `${SourceArn}-not`)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: expect.stringContaining('DestinationArn'),
    });
    const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
    expect(TaskHandle).toEqual(expect.any(String));
    await eventually(async () => {
      const { Results } = await other.send(new ListMessageMoveTasksCommand({ SourceArn }));
      expect(Results).toMatchObject([{ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 }]);
    });
    expect(await attributesOf(dead)).toMatchObject({ ApproximateNumberOfMessages: '0' });
    expect(await receive(url)).toMatchObject([{ Body: 'bad' }]);
  });

  it('are moved by one task at a time, as fast as it may, until it is cancelled', async () => {
    const dead = await queue();
    const target = await queue();
    const SourceArn = await arnOf(dead);
    const policy = { deadLetterTargetArn: SourceArn, maxReceiveCount: 2 };
    await queue({ RedrivePolicy: JSON.stringify(policy) });
    // It would take half a minute.
    const count = 30;
    await Promise.all(Array.from({ length: count }, (_, i) => send(dead, `${i}`)));
    const task = { SourceArn, DestinationArn: await arnOf(target), MaxNumberOfMessagesPerSecond: 1 };
    const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand(task));
    const list = async () =>
      (await other.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 10 }))).Results;
    const facts = {
      SourceArn,
      DestinationArn: task.DestinationArn,
      ApproximateNumberOfMessagesToMove: count,
    };
    expect(await list()).toMatchObject([{ ...facts, Status: 'RUNNING', TaskHandle }]);
    await expect(other.send(new StartMessageMoveTaskCommand(task))).rejects.toThrow(/Only one active task/);
    await other.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    await eventually(async () => expect(await list()).toMatchObject([{ ...facts, Status: 'CANCELLED' }]));
    const [ended] = (await list()) ?? [];
    expect(ended).not.toHaveProperty('TaskHandle');
    const moved = ended?.ApproximateNumberOfMessagesMoved ?? 0;
    expect(moved).toBeLessThan(count);
    expect(await attributesOf(target)).toMatchObject({ ApproximateNumberOfMessages: `${moved}` });
    expect(await attributesOf(dead)).toMatchObject({ ApproximateNumberOfMessages: `${count - moved}` });
    await expect(sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }))).rejects.toThrow(
      /Only active tasks can be cancelled/,
    );
  });

  it('that came by a schedule or back from dead letters are as good as any', async () => {
    const dead = await queue({ FifoQueue: 'true' }, '.fifo');
    const deadLetterTargetArn = await arnOf(dead);
    const url = await queue(
      { FifoQueue: 'true', RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 }) },
      '.fifo',
    );
    const api = request(nodes[0]?.url as string);
    const body = {
      queue: url.split('/').at(-1),
      everyMs: 1_000,
      limit: 1,
      message: { body: 'by the clock' },
    };
    await api.put('/v1/schedules/sqs').send(body).expect(200);
    const All = { MessageSystemAttributeNames: ['All' as const], WaitTimeSeconds: 20 };
    const [first] = await receive(url, All);
    expect(first).toMatchObject({ Body: 'by the clock', Attributes: { SequenceNumber: expect.any(String) } });
    const change = { QueueUrl: url, ReceiptHandle: first?.ReceiptHandle, VisibilityTimeout: 0 };
    await sqs.send(new ChangeMessageVisibilityCommand(change));
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: deadLetterTargetArn }));
    await set(url, { RedrivePolicy: '' });
    const [again] = await receive(url, { ...All, VisibilityTimeout: 1 });
    expect(again).toMatchObject({ MessageId: first?.MessageId, Body: 'by the clock' });
    // Its delivery is over by then: FIFO queues refuse that, and the message stays.
    const [last] = await receive(url, All);
    await expect(end(url, again?.ReceiptHandle)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await end(url, last?.ReceiptHandle);
  });

  it('are handled by sqs-consumer', async () => {
    const url = await queue();
    const handled: string[] = [];
    const consumer = Consumer.create({
      queueUrl: url,
      sqs,
      batchSize: 10,
      handleMessage: async (message) => {
        handled.push(message.Body as string);
        return message;
      },
    });
    // What it aborts when it stops.
    consumer.on('error', () => {});
    consumer.start();
    try {
      for (let i = 0; i < 20; i++) await send(url, String(i));
      await eventually(() =>
        expect([...handled].sort()).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`).sort()),
      );
      await eventually(async () =>
        expect(await attributesOf(url)).toMatchObject({
          ApproximateNumberOfMessages: '0',
          ApproximateNumberOfMessagesNotVisible: '0',
        }),
      );
    } finally {
      consumer.stop({ abort: true });
    }
  });
});
