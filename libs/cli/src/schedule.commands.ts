import type { Schedule, ScheduleRule } from '@syncline/client';
import { type Command, Option } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { duration, inWords } from './duration.js';
import { inputOf } from './input.js';
import { integer } from './integer.js';
import { BODY_HELP, type BodyOptions, bodyOf, TEXT_OPTION } from './message-body.js';
import { tableOf, write, writeAll, writeJson, writeLine } from './output.js';

interface PutOptions extends ClientOptions, BodyOptions {
  readonly queue: string;
  readonly cron?: string;
  readonly every?: number;
  readonly timeZone?: string;
  readonly missed?: 'once' | 'skip' | 'all';
  readonly jitter?: number;
  readonly start?: string;
  readonly end?: string;
  readonly limit?: number;
  readonly priority?: number;
  readonly group?: string;
}

/** Commands for messages at certain times. */
export function addScheduleCommands(program: Command, clients: Clients): void {
  const schedule = program.command('schedule').description('send messages at certain times, again and again');

  withOutput(schedule.command('ls').description('list the schedules'))
    .option('--prefix <prefix>', 'only names that start with this prefix')
    .action(async (options: ClientOptions & { prefix?: string }) => {
      const { schedules } = await clients.queue(options);
      await writeAll(schedules.list(options.prefix), {
        json: options.json,
        heads: ['NAME', 'QUEUE', 'WHEN', 'NEXT', 'SENT'],
        row: (one) => [one.name, one.queue, whenOf(one), standingOf(one), one.sent],
        none: 'there are no schedules.',
      });
    });

  withOutput(
    schedule
      .command('put <name> [body]')
      .description(
        'make a schedule, or replace it; read the body of its messages from stdin when it is - or missing',
      ),
  )
    .requiredOption('--queue <queue>', 'where the messages go')
    .option('--cron <expression>', "minute, hour, day, month and weekday, such as '0 9 * * MON-FRI'")
    .addOption(
      new Option('--every <duration>', 'or one message each time').argParser(duration).conflicts('cron'),
    )
    .option('--time-zone <name>', 'of --cron, such as Europe/Berlin (default: UTC)')
    .addOption(
      new Option('--missed <rule>', 'what nobody could send in time').choices(['once', 'skip', 'all']),
    )
    .option('--jitter <duration>', 'delay each message by up to this time', duration)
    .option('--start <instant>', 'the earliest occurrence')
    .option('--end <instant>', 'the latest occurrence')
    .option('--limit <number>', 'most messages in all', integer)
    .option('--priority <number>', '0 to 9, higher first', integer)
    .option('--group <id>', 'messages of a group are delivered in order')
    .option(...TEXT_OPTION)
    .addHelpText('after', BODY_HELP)
    .action(async (name: string, body: string | undefined, options: PutOptions) => {
      const rule = ruleOf(bodyOf(String(await inputOf(body)), options), options);
      await writeSchedule(await (await clients.queue(options)).schedules.put(name, rule), options.json);
    });

  for (const [verb, said] of [
    ['show', 'show a schedule, its next occurrences and the last ones'],
    ['pause', 'send nothing until it is resumed'],
    ['resume', 'go on with the next occurrence from now on'],
  ] as const) {
    withOutput(schedule.command(`${verb} <name>`).description(said)).action(
      async (name: string, options: ClientOptions) => {
        const { schedules } = await clients.queue(options);
        await writeSchedule(await schedules[verb === 'show' ? 'get' : verb](name), options.json);
      },
    );
  }

  withOutput(
    schedule.command('run <name>').description('send its message now, beside its occurrences'),
  ).action(async (name: string, options: ClientOptions) => {
    const run = await (await clients.queue(options)).schedules.run(name);
    await (options.json ? writeJson(run) : writeLine(`Sent ${run.messageId}.`));
  });

  withOutput(
    schedule.command('delete <name>').description('remove a schedule; what it has sent stays'),
  ).action(async (name: string, options: ClientOptions) => {
    await (await clients.queue(options)).schedules.delete(name);
    await (options.json ? writeJson({ status: 'deleted' }) : writeLine(`Deleted ${name}.`));
  });
}

function ruleOf(body: unknown, options: PutOptions): ScheduleRule {
  const {
    queue,
    cron = null,
    every = null,
    timeZone,
    missed,
    jitter,
    start,
    end,
    limit,
    priority,
    group,
  } = options;
  return {
    queue,
    cron,
    everyMs: every,
    message: {
      body,
      ...(priority === undefined ? {} : { priority }),
      ...(group === undefined ? {} : { groupId: group }),
    },
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(missed === undefined ? {} : { missed }),
    ...(jitter === undefined ? {} : { jitterMs: jitter }),
    ...(start === undefined ? {} : { startAt: start }),
    ...(end === undefined ? {} : { endAt: end }),
    ...(limit === undefined ? {} : { limit }),
  };
}

const whenOf = ({ cron, everyMs, timeZone }: Schedule): string =>
  cron === null ? `every ${inWords(everyMs ?? 0)}` : `${cron} ${timeZone}`;

const standingOf = ({ nextAt, paused }: Schedule): string => nextAt ?? (paused ? 'paused' : 'over');

async function writeSchedule(schedule: Schedule, json: boolean | undefined): Promise<void> {
  if (json) return writeJson(schedule);
  const { name, queue, sent, next, last, message } = schedule;
  const rows = Object.entries({
    queue,
    when: whenOf(schedule),
    next: next.length === 0 ? standingOf(schedule) : next.join(', '),
    last: last.map(({ at, messageId }) => `${at} ${messageId}`).join(', ') || '-',
    sent: String(sent),
    message: JSON.stringify(message.body),
  });
  await write(tableOf(['FIELD', name], rows));
}
