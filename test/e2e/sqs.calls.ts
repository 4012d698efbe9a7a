import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

let redis: RedisServer;
export let nodes: NodeProcess[];
/** Clients of Amazon SQS, each at a node of its own. */
export let sqs: SQSClient;
export let other: SQSClient;

const clientOf = ({ url }: NodeProcess) => {
  const credentials = { accessKeyId: 'anybody', secretAccessKey: 'anything' };
  return new SQSClient({ endpoint: url, region: 'eu-central-1', maxAttempts: 1, credentials });
};

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('queue', 2, { redisUrl: redis.url });
  [sqs, other] = nodes.map(clientOf) as [SQSClient, SQSClient];
});
afterAll(async () => {
  for (const client of [sqs, other]) client?.destroy();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

let made = 0;
export async function queue(attributes: Record<string, string> = {}, suffix = ''): Promise<string> {
  const QueueName = `orders-${++made}${suffix}`;
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName, Attributes: attributes, tags: { team: 'shop' } }),
  );
  return QueueUrl as string;
}
export const receive = async (QueueUrl: string, options: Partial<ReceiveMessageCommandInput> = {}) =>
  (await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...options }))).Messages ?? [];
export const attributesOf = async (QueueUrl: string) =>
  (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes ?? {};
export const send = (QueueUrl: string, MessageBody: string) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
export const hide = (QueueUrl: string, { ReceiptHandle }: Message = {}, VisibilityTimeout = 0) =>
  sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
export const bodiesOf = (messages: readonly Message[]) => messages.map(({ Body }) => Body);
export const set = (QueueUrl: string, Attributes: Record<string, string>) =>
  sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
export const end = (QueueUrl: string, ReceiptHandle?: string) =>
  sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
export const arnOf = async (url: string) => (await attributesOf(url)).QueueArn as string;
