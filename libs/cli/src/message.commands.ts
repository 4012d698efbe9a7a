import type { MessageFilter, Queue, ShownMessage } from '@syncline/client';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { duration } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { integer } from './integer.js';
import { tableOf, write, writeAll, writeJson, writeLine } from './output.js';

const STATES = ['ready', 'delayed', 'inFlight', 'dead'] as const;
type State = (typeof STATES)[number];

/** Commands for single messages, by their ids or by what they have. */
export function addMessageCommands(queue: Command, clients: Clients): void {
  withOutput(
    queue
      .command('show <queue> <id>')
      .description('show a message: where it is, why it is not delivered, and how its deliveries ended'),
  )
    .addOption(
      new Option('--wait <duration>', 'wait until it has ended; at most 30s')
        .argParser(duration)
        .default(0, 'not at all'),
    )
    .action(async (name: string, id: string, options: ClientOptions & { wait: number }) => {
      const queues = await clients.queue(options);
      const message = await queues.queue(name).message(id, { waitMs: options.wait });
      await (options.json ? writeJson(message) : writeMessage(message));
    });

  withOutput(queue.command('cancel <queue> <id>').description('cancel a message, waiting or in flight'))
    .option('--reason <text>', 'told to the worker that has it')
    .action(async (name: string, id: string, options: ClientOptions & { reason?: string }) => {
      const { reason } = options;
      const queues = await clients.queue(options);
      await queues.queue(name).cancel(id, reason === undefined ? {} : { reason });
      await (options.json ? writeJson({ status: 'cancelled' }) : writeLine(`Cancelled ${id}.`));
    });

  withOutput(
    queue
      .command('reschedule <queue> <id>')
      .description('give a message that waits another delay or priority'),
  )
    .option('--delay <duration>', 'from now; 0s: ready at once', duration)
    .option('--priority <number>', '0 to 9, higher first', integer)
    .action(
      async (name: string, id: string, options: ClientOptions & { delay?: number; priority?: number }) => {
        const { delay, priority } = options;
        const queues = await clients.queue(options);
        const message = await queues.queue(name).reschedule(id, {
          ...(delay === undefined ? {} : { delayMs: delay }),
          ...(priority === undefined ? {} : { priority }),
        });
        await (options.json ? writeJson(message) : writeMessage(message));
      },
    );

  withWhere(
    withOutput(
      queue
        .command('search <queue>')
        .alias('browse')
        .description('list messages of a queue without receiving them'),
    ),
  )
    .addOption(
      new Option('--state <state>', 'dead: dead letters of this queue').choices(STATES).default('ready'),
    )
    .option('--max <number>', 'most messages to list', integer, 100)
    .action(async (name: string, options: WhereOptions & { state: State; max: number }) => {
      const queues = await clients.queue(options);
      await writeAll(searched(queues.queue(name), options), {
        json: options.json,
        heads: ['ID', 'RECEIVED', 'SENT', 'BODY'],
        row: ({ id, receiveCount, enqueuedAt, body }) => [id, receiveCount, enqueuedAt, JSON.stringify(body)],
        none: 'no message fits.',
      });
    });

  withOutput(queue.command('ack <queue> <receipts...>').description('acknowledge deliveries')).action(
    async (name: string, receipts: string[], options: ClientOptions) => {
      const queues = await clients.queue(options);
      const from = queues.queue(name);
      const results = await Promise.all(
        receipts.map(async (receipt) => ({ receipt, status: await from.ack(receipt) })),
      );
      await writeResults(results, options.json);
    },
  );

  withOutput(queue.command('nack <queue> <receipts...>').description('give deliveries back'))
    .option('--delay <duration>', 'deliver them again after this time (default: the back-off)', duration)
    .option('--dead', 'make them dead letters')
    .option('--uncounted', 'this is no failure')
    .option('--reason <text>', 'why, in a few words')
    .option('--detail <text>', 'more of it')
    .action(async (name: string, receipts: string[], options: ClientOptions & NackOptions) => {
      const { delay, dead, uncounted, reason, detail } = options;
      const queues = await clients.queue(options);
      const results = await queues.queue(name).nack(receipts, {
        ...(delay === undefined ? {} : { delayMs: delay }),
        ...(reason === undefined ? {} : { reason }),
        ...(detail === undefined ? {} : { detail }),
        ...(uncounted ? { countsAs: 'none' as const } : {}),
        dead: dead === true,
      });
      await writeResults(results, options.json);
    });
}

interface NackOptions {
  readonly delay?: number;
  readonly dead?: boolean;
  readonly uncounted?: boolean;
  readonly reason?: string;
  readonly detail?: string;
}

/** Options of a command with {@link withWhere}. */
export interface WhereOptions extends ClientOptions {
  readonly where?: MessageFilter;
}

/** Adds the option that says what messages must have. */
export const withWhere = (command: Command): Command =>
  command.addOption(
    new Option(
      '--where <what=text>',
      'id=, group=, header.NAME=, or a text within body= or reason= (of the last failure); repeat it for more',
    ).argParser(filterOf),
  );

function filterOf(text: string, earlier: MessageFilter = {}): MessageFilter {
  const [, what = '', header = '', value = ''] =
    /^(id|group|body|reason|header\.(.+?))=(.+)$/s.exec(text) ?? [];
  if (what === '') {
    throw new InvalidArgumentError('Expected id=, group=, header.NAME=, body= or reason= with a text.');
  }
  if (header !== '') return { ...earlier, header: { ...earlier.header, [header]: value } };
  return { ...earlier, [what === 'group' ? 'groupId' : what]: value };
}

async function* searched(
  queue: Queue,
  { state, where = {}, max }: WhereOptions & { state: State; max: number },
) {
  let left = max;
  for (let cursor: string | null = ''; cursor !== null && left > 0; ) {
    const limit = Math.min(left, 1_000);
    const page: Awaited<ReturnType<typeof queue.search>> = await queue.search(state, where, {
      limit,
      ...(cursor === '' ? {} : { cursor }),
    });
    yield* page.messages;
    left -= page.messages.length;
    cursor = page.cursor;
  }
}

async function writeMessage({
  attempts,
  why,
  body,
  headers,
  ...fields
}: ShownMessage<unknown>): Promise<void> {
  const { id, state, groupId, priority, receiveCount, enqueuedAt, availableAt } = fields;
  const cause = [why.kind, why.blockedBy && `by ${why.blockedBy}`, why.until && `until ${why.until}`];
  const rows = Object.entries({
    state,
    'held back': why.kind === 'none' ? null : cause.filter(Boolean).join(' '),
    sent: enqueuedAt,
    'available at': availableAt,
    received: receiveCount,
    priority,
    group: groupId,
    headers: JSON.stringify(headers),
    body: JSON.stringify(body),
  }).map(([field, value]) => [field, value === null ? '-' : String(value)]);
  await write(tableOf(['FIELD', id], rows));
  if (attempts.length === 0) return;
  const ended = attempts.map(({ endedAt, how, nodeId, reason }) => [
    endedAt,
    how,
    nodeId ?? '-',
    reason ?? '-',
  ]);
  await write(`\n${tableOf(['ENDED', 'HOW', 'NODE', 'REASON'], ended)}`);
}

/** @throws {Failure} some had no effect */
async function writeResults(
  results: readonly { readonly receipt?: string | undefined; readonly status: string | number }[],
  json: boolean | undefined,
): Promise<void> {
  if (json) await writeJson(results);
  else
    await write(
      tableOf(
        ['RECEIPT', 'STATUS'],
        results.map(({ receipt = '-', status }) => [receipt, String(status)]),
      ),
    );
  const without = results.filter(({ status }) => status === 'stale' || typeof status === 'number').length;
  if (without > 0) throw new Failure(`${without} had no effect`, EXIT.failure);
}
