import type { Message, QueueState } from '@syncline/client';
import { type Command, Option } from 'commander';
import { addAdministrationCommands } from './administration.commands.js';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { duration, inWords } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { inputOf } from './input.js';
import { integer } from './integer.js';
import { addMessageCommands, type WhereOptions, withWhere } from './message.commands.js';
import { BODY_HELP, type BodyOptions, bodyOf, TEXT_OPTION } from './message-body.js';
import { say, tableOf, write, writeAll, writeJson, writeLine } from './output.js';

export function addQueueCommands(program: Command, clients: Clients): void {
  const queue = program.command('queue').description('inspect queues, send and receive messages');

  withOutput(queue.command('ls').description('list the queues with their counts'))
    .option('--prefix <prefix>', 'only names that start with this prefix')
    .action(async (options: ClientOptions & { prefix?: string }) => {
      const queues = await clients.queue(options);
      await writeAll(queues.list(options.prefix), {
        json: options.json,
        heads: ['NAME', 'READY', 'DELAYED', 'IN FLIGHT', 'DEAD', 'OLDEST', 'STATE'],
        row: ({ name, paused, stats }) => [
          name,
          stats.ready,
          stats.delayed,
          stats.inFlight,
          stats.dead,
          inWords(stats.oldestAgeMs),
          paused ? 'paused' : 'open',
        ],
        none: 'there are no queues.',
      });
    });

  withOutput(
    queue.command('stats <queue>').description('show the counts and the configuration of a queue'),
  ).action(async (name: string, options: ClientOptions) => {
    const queues = await clients.queue(options);
    const found = await queues.queue(name).inspect();
    await (options.json ? writeJson(found) : writeQueue(found));
  });

  withOutput(
    queue
      .command('send <queue> [body]')
      .description('send a message; read the body from stdin when it is - or missing'),
  )
    .option('--delay <duration>', 'deliver it after this time at the earliest', duration)
    .option('--priority <number>', '0 to 9, higher first', integer)
    .option('--group <id>', 'messages of a group are delivered in order')
    .option('--deduplication-id <id>', 'a second message with this id within 5m is not stored')
    .option(...TEXT_OPTION)
    .addHelpText('after', BODY_HELP)
    .action(async (name: string, body: string | undefined, options: SendOptions) => {
      const { delay, priority, group, deduplicationId } = options;
      const content = bodyOf(String(await inputOf(body)), options);
      const queues = await clients.queue(options);
      const sent = await queues.queue(name).send(content, {
        ...(delay === undefined ? {} : { delayMs: delay }),
        ...(priority === undefined ? {} : { priority }),
        ...(group === undefined ? {} : { groupId: group }),
        ...(deduplicationId === undefined ? {} : { deduplicationId }),
      });
      if (options.json) await writeJson(sent);
      else await writeLine(sent.deduplicated ? `Already sent as ${sent.id}.` : `Sent ${sent.id}.`);
    });

  withOutput(
    queue
      .command('receive <queue>')
      .description('receive messages; they are delivered again after their visibility timeout'),
  )
    .option('--max <number>', 'most messages to receive', integer, 1)
    .addOption(
      new Option('--wait <duration>', 'how long to wait for the first message; at most 30s')
        .argParser(duration)
        .default(0, 'not at all'),
    )
    .option('--ack', 'acknowledge the messages after printing them, so that they are not delivered again')
    .action(async (name: string, options: ClientOptions & { max: number; wait: number; ack?: boolean }) => {
      const queues = await clients.queue(options);
      const from = queues.queue(name);
      const messages = await from.receive({ max: options.max, waitMs: options.wait });
      await (options.json ? writeJson(messages) : writeMessages(messages));
      if (!options.ack) return;
      const outcomes = await Promise.all(messages.map(({ receipt }) => from.ack(receipt)));
      const late = outcomes.filter((outcome) => outcome === 'stale').length;
      if (late > 0) {
        throw new Failure(
          `could not acknowledge ${late} in time; they will be delivered again`,
          EXIT.failure,
        );
      }
    });

  withWhere(
    withOutput(queue.command('redrive <queue>').description('move messages from a dead-letter queue back')),
  )
    .option('--to <queue>', 'target queue (default: the original queue of each message)')
    .option('--max <number>', 'most messages to move (default: all)', integer)
    .action(async (name: string, options: WhereOptions & { to?: string; max?: number }) => {
      const { to, max, where } = options;
      const queues = await clients.queue(options);
      const moved = await queues.queue(name).redrive({
        ...(to === undefined ? {} : { to }),
        ...(max === undefined ? {} : { max }),
        ...(where === undefined ? {} : { where }),
      });
      await (options.json ? writeJson({ moved }) : writeLine(`Moved ${moved}.`));
    });

  addMessageCommands(queue, clients);
  addAdministrationCommands(queue, clients);
}

interface SendOptions extends ClientOptions, BodyOptions {
  readonly delay?: number;
  readonly priority?: number;
  readonly group?: string;
  readonly deduplicationId?: string;
}

async function writeQueue({ name, paused, stats, ...configuration }: QueueState): Promise<void> {
  await writeLine(`${name} is ${paused ? 'paused' : 'open'}.`);
  const rows = Object.entries({ ...stats, ...configuration }).map(([field, value]) => [
    field,
    inFull(field, value),
  ]);
  await write(`\n${tableOf(['FIELD', 'VALUE'], rows)}`);
}

function inFull(field: string, value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'number' && field.endsWith('Ms')) return inWords(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

async function writeMessages(messages: readonly Message<unknown>[]): Promise<void> {
  if (messages.length === 0) return say('no message is ready.');
  const rows = messages.map(({ id, receiveCount, enqueuedAt, body }) => [
    id,
    receiveCount,
    enqueuedAt,
    JSON.stringify(body),
  ]);
  await write(tableOf(['ID', 'RECEIVED', 'SENT', 'BODY'], rows));
}
