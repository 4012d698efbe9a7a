import {
  AddPermissionCommand,
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  RemovePermissionCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import request from 'supertest';
import { arnOf, attributesOf, end, hide, nodes, other, queue, receive, send, set, sqs } from './sqs.calls.js';

describe('SQS: queues', () => {
  it('are made, found and listed by any node, and are queues of ours', async () => {
    const url = await queue({ VisibilityTimeout: '45', DelaySeconds: '2' });
    const name = url.split('/').at(-1) as string;
    expect(url).toBe(`${nodes[0]?.url}/000000000000/${name}`);
    expect((await other.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl).toBe(
      url.replace(nodes[0]?.url as string, nodes[1]?.url as string),
    );
    expect((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: name }))).QueueUrls).toEqual([url]);
    const { body } = await request(nodes[1]?.url as string).get(`/v1/queues/${name}`);
    expect(body).toMatchObject({ visibilityTimeoutMs: 45_000, retentionMs: 345_600_000 });
    expect(await attributesOf(url)).toMatchObject({
      QueueArn: `arn:aws:sqs:eu-central-1:000000000000:${name}`,
      VisibilityTimeout: '45',
      DelaySeconds: '2',
      MessageRetentionPeriod: '345600',
      ApproximateNumberOfMessages: '0',
    });
  });

  it('can be made again with what they have, and with nothing else', async () => {
    const url = await queue({ VisibilityTimeout: '45' });
    const QueueName = url.split('/').at(-1) as string;
    const again = (Attributes: Record<string, string>) =>
      sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    expect((await again({ VisibilityTimeout: '45' })).QueueUrl).toBe(url);
    expect((await again({})).QueueUrl).toBe(url);
    await expect(again({ VisibilityTimeout: '46' })).rejects.toMatchObject({ name: 'QueueNameExists' });
  });

  it('are configured, tagged, purged and removed', async () => {
    const url = await queue();
    await set(url, { VisibilityTimeout: '0', DelaySeconds: '5' });
    expect(await attributesOf(url)).toMatchObject({ VisibilityTimeout: '0', DelaySeconds: '5' });
    await Promise.all(
      ['a', 'b', 'c'].map((key) => sqs.send(new TagQueueCommand({ QueueUrl: url, Tags: { [key]: '1' } }))),
    );
    await sqs.send(new UntagQueueCommand({ QueueUrl: url, TagKeys: ['b'] }));
    expect((await sqs.send(new ListQueueTagsCommand({ QueueUrl: url }))).Tags).toEqual({
      team: 'shop',
      a: '1',
      c: '1',
    });
    await send(url, 'x');
    await sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
    expect(await attributesOf(url)).toMatchObject({ ApproximateNumberOfMessagesDelayed: '0' });
    await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
    await expect(send(url, 'x')).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    await expect(
      sqs.send(new GetQueueUrlCommand({ QueueName: url.split('/').at(-1) })),
    ).rejects.toMatchObject({
      name: 'QueueDoesNotExist',
    });
  });

  it('have permissions that are kept and told', async () => {
    const Policy = JSON.stringify({ Statement: { Sid: 'own', Effect: 'Allow' } });
    const url = await queue({ Policy });
    const statements = async () =>
      JSON.parse((await attributesOf(url)).Policy ?? '{"Statement":[]}').Statement;
    const permission = {
      QueueUrl: url,
      Label: 'mine',
      AWSAccountIds: ['123456789012'],
      Actions: ['SendMessage'],
    };
    await sqs.send(new AddPermissionCommand(permission));
    const add = (change: object) => sqs.send(new AddPermissionCommand({ ...permission, ...change }));
    for (const change of [{}, { Label: 'a b' }, { Label: 'mine-too', Actions: ['DeleteQueue'] }]) {
      await expect(add(change)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    }
    const Actions = Array.from({ length: 8 }, () => 'SendMessage');
    await expect(add({ Label: 'many', Actions })).rejects.toMatchObject({ name: 'OverLimit' });
    expect(await statements()).toMatchObject([{ Sid: 'own' }, { Sid: 'mine', Action: 'SQS:SendMessage' }]);
    for (const Label of ['own', 'mine'])
      await sqs.send(new RemovePermissionCommand({ QueueUrl: url, Label }));
    expect(await statements()).toEqual([]);
  });

  it('are the same under the URL and the ARN of any account, and belong to whichever is named', async () => {
    const url = await queue();
    const QueueName = url.split('/').at(-1) as string;
    const elsewhere = url.replace('000000000000', '123456789012');
    await send(elsewhere, 'x');
    expect(await receive(elsewhere)).toMatchObject([{ Body: 'x' }]);
    const QueueOwnerAWSAccountId = '123456789012';
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
    expect(found.QueueUrl).toBe(url);
    const deadLetterTargetArn = (await arnOf(url)).replace('000000000000', '123456789012');
    await queue({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }) });
  });

  it('take the dead letters of those that their allow policy names', async () => {
    const dead = await queue();
    const deadLetterTargetArn = await arnOf(dead);
    const url = await queue();
    const redrive = () =>
      set(url, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }) });
    const allow = (policy: object) => set(dead, { RedriveAllowPolicy: JSON.stringify(policy) });
    await expect(allow({ redrivePermission: 'some' })).rejects.toMatchObject({
      name: 'InvalidAttributeValue',
    });
    await expect(allow({ redrivePermission: 'byQueue' })).rejects.toMatchObject({
      name: 'InvalidAttributeValue',
    });
    const refused = { name: 'InvalidParameterValue' };
    await allow({ redrivePermission: 'denyAll' });
    await expect(redrive()).rejects.toMatchObject(refused);
    await allow({ redrivePermission: 'byQueue', sourceQueueArns: [deadLetterTargetArn] });
    await expect(redrive()).rejects.toMatchObject(refused);
    await allow({ redrivePermission: 'byQueue', sourceQueueArns: [await arnOf(url)] });
    await redrive();
  });

  it('that are not there are told to receivers at once, and to those that wait when it goes', async () => {
    const url = await queue();
    const wait = (WaitTimeSeconds: number) => receive(url, { WaitTimeSeconds });
    const gone = { name: 'QueueDoesNotExist' };
    // It leaves its place in the line, which the next one finds.
    await wait(1);
    await other.send(new DeleteQueueCommand({ QueueUrl: url }));
    await expect(wait(20)).rejects.toMatchObject(gone);
    await expect(wait(20)).rejects.toMatchObject(gone);
    // Also to those whose receipt is none.
    await expect(end(url, 'rubbish')).rejects.toMatchObject(gone);
    await expect(hide(url, { ReceiptHandle: 'rubbish' })).rejects.toMatchObject(gone);
    const another = await queue();
    const waiting = expect(receive(another, { WaitTimeSeconds: 20 })).rejects.toMatchObject(gone);
    await sqs.send(new DeleteQueueCommand({ QueueUrl: another }));
    await waiting;
  });

  it.each([
    ['a name with a space', { QueueName: 'a b' }, 'InvalidParameterValue'],
    ['a FIFO name without the attribute', { QueueName: 'a.fifo' }, 'InvalidParameterValue'],
    [
      'an attribute that objects have',
      { QueueName: 'a', Attributes: { constructor: '1' } },
      'InvalidAttributeName',
    ],
    ['a policy that is none', { QueueName: 'a', Attributes: { Policy: 'x' } }, 'InvalidAttributeValue'],
    ['an unknown attribute', { QueueName: 'a', Attributes: { Colour: 'red' } }, 'InvalidAttributeName'],
    [
      'a value out of range',
      { QueueName: 'a', Attributes: { DelaySeconds: '901' } },
      'InvalidAttributeValue',
    ],
    [
      'dead letters to nowhere',
      {
        QueueName: 'a',
        Attributes: {
          RedrivePolicy:
            '{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:nowhere","maxReceiveCount":3}',
        },
      },
      'InvalidParameterValue',
    ],
  ])('are not made with %s', async (_what, input, name) => {
    await expect(sqs.send(new CreateQueueCommand(input as never))).rejects.toMatchObject({
      name,
      $metadata: { httpStatusCode: 400 },
    });
  });
});
