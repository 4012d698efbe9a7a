import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  CreateQueueCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';

const SECRETS = { app: 'secret-of-the-app-0', reader: 'secret-of-the-reader' };
const NONE = { maxAttempts: 1, region: 'eu-central-1' };

/** What of the client's signer is used here. */
interface Presigner {
  presign(asked: object, options: object): Promise<{ readonly query: Record<string, string> }>;
}

let redis: RedisServer;
let open: NodeProcess;
let guarded: NodeProcess;

beforeAll(async () => {
  redis = await RedisServer.start();
  const keys = `app:${SECRETS.app}:admin,reader:${SECRETS.reader}:read`;
  [open, guarded] = (
    await Promise.all([
      startNodes('queue', 1, { redisUrl: redis.url }),
      startNodes('queue', 1, {
        redisUrl: redis.url,
        env: { API_KEYS: keys, SQS_PUBLIC_URL: 'https://sqs.example.com/' },
      }),
    ])
  ).flat() as [NodeProcess, NodeProcess];
});
afterAll(async () => {
  await stopAll([open, guarded].filter((node) => node !== undefined));
  await redis?.stop();
});

describe('SQS: the Query protocol', () => {
  const ask = (fields: Record<string, string>, path = '/') =>
    request(open.url)
      .post(path)
      .type('form')
      .send({ Version: '2012-11-05', ...fields });

  it('takes a form and answers XML', async () => {
    const created = await ask({
      Action: 'CreateQueue',
      QueueName: 'query',
      'Attribute.1.Name': 'VisibilityTimeout',
      'Attribute.1.Value': '40',
      'Tag.1.Key': 'team',
      'Tag.1.Value': 'a&b',
    });
    expect(created.headers['content-type']).toContain('text/xml');
    expect(created.text).toContain(
      '<CreateQueueResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">',
    );
    const [, url = ''] = /<QueueUrl>(.*)<\/QueueUrl>/.exec(created.text) ?? [];
    const [, requestId] = /<RequestId>(.*)<\/RequestId>/.exec(created.text) ?? [];
    expect(created.headers).toMatchObject({ 'x-amzn-requestid': requestId, 'x-request-id': requestId });
    const { pathname } = new URL(url);

    const sent = await ask(
      {
        Action: 'SendMessage',
        MessageBody: '<a> & "b"\r\n',
        'MessageAttribute.1.Name': 'n',
        'MessageAttribute.1.Value.DataType': 'Number',
        'MessageAttribute.1.Value.StringValue': '1',
      },
      pathname,
    );
    const md5 = createHash('md5').update('<a> & "b"\r\n').digest('hex');
    expect(sent.text).toContain(`<MD5OfMessageBody>${md5}</MD5OfMessageBody>`);

    const received = await ask(
      { Action: 'ReceiveMessage', 'AttributeName.1': 'All', 'MessageAttributeName.1': 'All' },
      pathname,
    );
    expect(received.text).toContain('<Body>&lt;a&gt; &amp; &quot;b&quot;&#13;\n</Body>');
    expect(received.text).toContain(
      '<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>',
    );
    expect(received.text).toContain(
      '<MessageAttribute><Name>n</Name><Value><DataType>Number</DataType><StringValue>1</StringValue></Value></MessageAttribute>',
    );
    const [, receipt = ''] = /<ReceiptHandle>(.*)<\/ReceiptHandle>/.exec(received.text) ?? [];
    const ended = await ask({
      Action: 'DeleteMessageBatch',
      QueueUrl: url,
      'DeleteMessageBatchRequestEntry.1.Id': 'a',
      'DeleteMessageBatchRequestEntry.1.ReceiptHandle': receipt,
      'DeleteMessageBatchRequestEntry.2.Id': 'b',
      'DeleteMessageBatchRequestEntry.2.ReceiptHandle': 'rubbish',
    });
    expect(ended.text).toContain('<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry>');
    expect(ended.text).toContain(
      '<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault><Code>ReceiptHandleIsInvalid</Code>',
    );
    expect((await ask({ Action: 'ListQueueTags' }, pathname)).text).toContain(
      '<Tag><Key>team</Key><Value>a&amp;b</Value></Tag>',
    );
    // Clients look for the result of an action that has one, though it is empty.
    for (const Action of ['ReceiveMessage', 'GetQueueAttributes'])
      expect((await ask({ Action }, pathname)).text).toContain(`<${Action}Result></${Action}Result>`);
    expect((await ask({ Action: 'PurgeQueue' }, pathname)).text).not.toContain('Result');
  });

  it('answers errors by their codes', async () => {
    const none = await ask({ Action: 'GetQueueUrl', QueueName: 'nowhere' });
    expect(none.status).toBe(400);
    expect(none.text).toContain('<Code>AWS.SimpleQueueService.NonExistentQueue</Code>');
    expect(none.text).toContain('<Type>Sender</Type>');
    expect((await ask({ Action: 'MakeCoffee' })).text).toContain('<Code>InvalidAction</Code>');
    expect((await ask({ Action: 'SendMessage' })).text).toContain('<Code>MissingParameter</Code>');
  });
});

describe('SQS: a GET', () => {
  const FROM_PAGE: readonly Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'http://evil.example' },
    // To an address that is not local browsers tell nothing else.
    { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  ];
  const get = (path: string, headers: Record<string, string> = {}) =>
    request(open.url).get(path).set(headers);

  it('is an action of the Query protocol, of the service or of a queue', async () => {
    const created = await get('/?Action=CreateQueue&QueueName=by-get&Version=2012-11-05').expect(200);
    expect(created.text).toContain('<CreateQueueResponse');
    const listed = await get('/?Action=ListQueues&Version=2012-11-05').expect(200);
    expect(listed.text).toContain('/000000000000/by-get</QueueUrl>');
    const queue = '/123456789012/by-get';
    await get(`${queue}?Action=SendMessage&MessageBody=hello%20you`).expect(200);
    expect((await get(`${queue}?Action=ReceiveMessage`)).text).toContain('<Body>hello you</Body>');
    const misplaced = await get(`${queue}?Action=ListQueues`).expect(400);
    expect(misplaced.text).toContain(
      '<Message>The action ListQueues is not valid for this endpoint.</Message>',
    );
    expect((await get(queue).expect(404)).text).toContain('<UnknownOperationException');
    expect((await get('/')).body).toMatchObject({ name: 'Syncline' });
    await get('/v1/nothing').expect(404);
    await request(open.url).post('/123456789012').expect(404);
  });

  it.each(FROM_PAGE)('changes nothing for a web page: %o', async (headers) => {
    const queue = '/000000000000/pages';
    await get('/?Action=CreateQueue&QueueName=pages').expect(200);
    for (const asked of [
      '/?Action=CreateQueue&QueueName=made-by-a-page',
      `${queue}?Action=SendMessage&MessageBody=x`,
      `${queue}?Action=ReceiveMessage`,
      `${queue}?Action=DeleteQueue`,
    ]) {
      const { status, text } = await get(asked, headers);
      expect([status, text]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')]);
    }
    await request(open.url).head(`${queue}?Action=DeleteQueue`).set(headers).expect(404);
    const attributes = await get(`${queue}?Action=GetQueueAttributes&AttributeName.1=All`, headers).expect(
      200,
    );
    expect(attributes.text).toContain('<Name>ApproximateNumberOfMessages</Name><Value>0</Value>');
  });

  it('may be signed in its query, by anybody who has the secret', async () => {
    const presigned = async (secretAccessKey: string, path: string, query: Record<string, string>) => {
      const { hostname, port } = new URL(guarded.url);
      const credentials = { accessKeyId: 'app', secretAccessKey };
      const client = new SQSClient({ ...NONE, endpoint: guarded.url, credentials });
      const signer = (await client.config.signer()) as unknown as Presigner;
      const asked = { method: 'GET', protocol: 'http:', hostname, port: Number(port), path, query };
      const headers = { host: `${hostname}:${port}` };
      const signed = await signer.presign({ ...asked, headers }, { expiresIn: 60, signingService: 'sqs' });
      const text = new URLSearchParams(signed.query).toString();
      return request(guarded.url).get(`${path}?${text}`).set('User-Agent', 'Mozilla/5.0');
    };
    const create = { Action: 'CreateQueue', QueueName: 'presigned', Version: '2012-11-05' };
    const made = await presigned(SECRETS.app, '/', create);
    expect([made.status, made.text]).toEqual([200, expect.stringContaining('/presigned</QueueUrl>')]);
    const send = { Action: 'SendMessage', MessageBody: "a b+c*'~" };
    const sent = await presigned(SECRETS.app, '/000000000000/presigned', send);
    expect(sent.text).toContain(createHash('md5').update(send.MessageBody).digest('hex'));
    const forged = await presigned('another', '/', create);
    expect([forged.status, forged.text]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
    const unsigned = await request(guarded.url).get('/?Action=ListQueues');
    expect([unsigned.status, unsigned.text]).toEqual([
      403,
      expect.stringContaining('MissingAuthenticationToken'),
    ]);
  });
});

describe('SQS: the JSON protocol', () => {
  const ask = (action: string, body: string | object) =>
    request(open.url)
      .post('/')
      .set('Content-Type', 'application/x-amz-json-1.0')
      .set('X-Amz-Target', `AmazonSQS.${action}`)
      .send(typeof body === 'string' ? body : JSON.stringify(body));

  it('tells errors in the body and in a header', async () => {
    const { status, headers, text } = await ask('GetQueueUrl', { QueueName: 'nowhere' });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({
      __type: 'com.amazonaws.sqs#QueueDoesNotExist',
      message: 'The specified queue does not exist.',
    });
    expect(headers['x-amzn-query-error']).toBe('AWS.SimpleQueueService.NonExistentQueue;Sender');
  });

  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['bytes that are no text', '"\ud800"'],
    ['a name that is a number', '{"QueueName":5}'],
    ['attributes that are a text', '{"QueueName":"a","Attributes":"x"}'],
    ['tags that are null inside', '{"QueueName":"a","Tags":{"a":null}}'],
  ])('refuses %s', async (_what, body) => {
    const { status, text } = await ask('CreateQueue', body);
    expect([status, JSON.parse(text).__type]).toEqual([400, 'com.amazonaws.sqs#SerializationException']);
  });

  it('keeps names that objects have', async () => {
    await ask('CreateQueue', '{"QueueName":"odd","Tags":{"__proto__":"a","constructor":"b"}}').expect(200);
    const { text } = await ask('ListQueueTags', { QueueUrl: `${open.url}/000000000000/odd` });
    expect(text).toBe('{"Tags":{"__proto__":"a","constructor":"b"}}');
  });

  it('is asked by compose files before they start', async () => {
    await request(open.url)
      .get('/_localstack/health')
      .expect(200, { services: { sqs: 'running' } });
  });
});

describe('SQS: the largest message', () => {
  const LARGEST = 1_048_576;
  const MessageAttributes = {
    // Counted: a name, a type and a value each, the bytes of a binary one as they are.
    total: { DataType: 'Number', StringValue: '1' },
    blob: { DataType: 'Binary', BinaryValue: new Uint8Array(300_000) },
  };
  const ATTRIBUTE_BYTES = 'totalNumber1'.length + 'blobBinary'.length + 300_000;
  const Body = 'x'.repeat(LARGEST - ATTRIBUTE_BYTES);
  const MessageSystemAttributes = { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1' } };

  it.each([
    ['a standard queue', '', () => open],
    ['a FIFO queue', '.fifo', () => open],
    ['a standard queue with keys', '-keys', () => guarded],
    ['a FIFO queue with keys', '-keys.fifo', () => guarded],
  ])('of %s has 1 MiB with its attributes, and so has a batch', async (_what, suffix, node) => {
    const { url } = node();
    const credentials = { accessKeyId: 'app', secretAccessKey: SECRETS.app };
    const client = new SQSClient({ ...NONE, endpoint: url, credentials });
    const isFifo = suffix.endsWith('.fifo');
    const Attributes = { ...(isFifo && { FifoQueue: 'true', ContentBasedDeduplication: 'true' }) };
    await client.send(new CreateQueueCommand({ QueueName: `large${suffix}`, Attributes }));
    const QueueUrl = `${url}/000000000000/large${suffix}`;
    const message = (MessageBody: string) => ({
      ...{ MessageBody, MessageAttributes, MessageSystemAttributes, MessageGroupId: 'g' },
      ...(isFifo && { MessageDeduplicationId: 'd'.repeat(128) }),
    });
    await client.send(new SendMessageCommand({ QueueUrl, ...message(Body) }));
    await expect(
      client.send(new SendMessageCommand({ QueueUrl, ...message(`${Body}x`) })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: 'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
    });
    const half = { Id: 'half', ...message('x') };
    const batch = (MessageBody: string) => {
      const Entries = [half, { Id: 'rest', MessageBody, MessageGroupId: 'g' }];
      return client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    };
    const rest = 'y'.repeat(LARGEST - ATTRIBUTE_BYTES - 1);
    expect(await batch(rest)).toMatchObject({ Successful: [{ Id: 'half' }, { Id: 'rest' }] });
    await expect(batch(`${rest}y`)).rejects.toMatchObject({
      name: 'BatchRequestTooLong',
      message: 'Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.',
    });
    const { Messages } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }),
    );
    expect(Messages?.[0]?.Body).toHaveLength(Body.length);
    client.destroy();
  });
});

const hasCli = spawnSync('aws', ['--version']).status === 0;
if (hasCli) {
  it('SQS: the AWS command line makes a queue, sends and receives', () => {
    const env = {
      ...process.env,
      ...{ AWS_ACCESS_KEY_ID: 'app', AWS_SECRET_ACCESS_KEY: SECRETS.app, AWS_DEFAULT_REGION: 'eu-central-1' },
    };
    const aws = (...args: string[]): unknown => {
      const { stdout, stderr } = spawnSync('aws', ['--endpoint-url', guarded.url, 'sqs', ...args], { env });
      if (stderr.length > 0) throw new Error(String(stderr));
      return stdout.length > 0 && JSON.parse(String(stdout));
    };
    const made = aws('create-queue', '--queue-name', 'by-cli');
    expect(made).toEqual({ QueueUrl: 'https://sqs.example.com/000000000000/by-cli' });
    const queue = ['--queue-url', `${guarded.url}/000000000000/by-cli`];
    aws('send-message', ...queue, '--message-body', 'hällo');
    const received = aws('receive-message', ...queue, '--attribute-names', 'All');
    expect(received).toMatchObject({ Messages: [{ Body: 'hällo', Attributes: { SenderId: 'app' } }] });
  });
}

describe('SQS: who calls', () => {
  const clientOf = (accessKeyId: string, secretAccessKey: string, options = {}) =>
    new SQSClient({
      ...NONE,
      endpoint: guarded.url,
      credentials: { accessKeyId, secretAccessKey },
      ...options,
    });

  it('is told by the signature', async () => {
    const app = clientOf('app', SECRETS.app);
    const { QueueUrl = '' } = await app.send(new CreateQueueCommand({ QueueName: 'signed' }));
    expect(QueueUrl).toBe('https://sqs.example.com/000000000000/signed');
    // The node answers to another address than the one that it tells.
    const QueueUrlHere = `${guarded.url}/000000000000/signed`;
    await app.send(new SendMessageCommand({ QueueUrl: QueueUrlHere, MessageBody: 'x' }));
    const { Messages } = await app.send(
      new ReceiveMessageCommand({ QueueUrl: QueueUrlHere, MessageSystemAttributeNames: ['SenderId'] }),
    );
    expect(Messages).toMatchObject([{ Body: 'x', Attributes: { SenderId: 'app' } }]);
  });

  it.each([
    ['of an unknown key', 'nobody', 'whatever', {}, 'InvalidClientTokenId'],
    ['with another secret', 'app', 'whatever-else', {}, 'SignatureDoesNotMatch'],
    ['of half an hour ago', 'app', SECRETS.app, { systemClockOffset: -1_800_000 }, 'SignatureDoesNotMatch'],
  ])('is refused %s', async (_what, name, secret, options, error) => {
    await expect(clientOf(name, secret, options).send(new ListQueuesCommand({}))).rejects.toMatchObject({
      name: error,
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('is refused without a signature, and with one that does not cover the action', async () => {
    const ask = (headers: Record<string, string>) =>
      request(guarded.url).post('/').set('X-Amz-Target', 'AmazonSQS.ListQueues').set(headers).send('{}');
    const none = await ask({});
    expect([none.status, JSON.parse(none.text).__type]).toEqual([
      403,
      'com.amazonaws.sqs#MissingAuthenticationToken',
    ]);
    const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const scope = `app/${date.slice(0, 8)}/eu-central-1/sqs/aws4_request`;
    const signed = (headers: string) =>
      ask({
        'X-Amz-Date': date,
        Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${headers}, Signature=00`,
      });
    expect(JSON.parse((await signed('host')).text).message).toContain('x-amz-target');
    expect((await signed('')).status).toBe(400);
  });

  it('may do what its key may', async () => {
    const reader = clientOf('reader', SECRETS.reader);
    expect((await reader.send(new ListQueuesCommand({ QueueNamePrefix: 'signed' }))).QueueUrls).toHaveLength(
      1,
    );
    const refused = reader.send(
      new SendMessageCommand({ QueueUrl: `${guarded.url}/000000000000/signed`, MessageBody: 'x' }),
    );
    await expect(refused).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
  });
});
