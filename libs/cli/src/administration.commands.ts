import { NotFoundError, type QueueChanges, type QueueClient, type QueueState } from '@syncline/client';
import type { Command } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { type Confirmed, confirm } from './confirm.js';
import { writeJson, writeLine } from './output.js';
import { type Settings, settingsArgument } from './settings.js';

/** Commands that change queues as such. */
export function addAdministrationCommands(queue: Command, clients: Clients): void {
  withOutput(
    queue
      .command('configure <queue>')
      .description('change settings of a queue, or make it; the other settings stay as they are')
      .addArgument(settingsArgument()),
  ).action(async (name: string, settings: Settings | undefined, options: ClientOptions) => {
    const queues = await clients.queue(options);
    const changes = Object.fromEntries(settings ?? []);
    const configured = await queues
      .queue(name)
      .configure({ ...(await configurationOf(queues, name)), ...changes });
    await (options.json ? writeJson(configured) : writeLine(`Configured ${name}.`));
  });

  for (const [verb, said] of [
    ['pause', 'stop deliveries; the queue still accepts messages'],
    ['resume', 'deliver again after a pause'],
  ] as const) {
    withOutput(queue.command(`${verb} <queue>`).description(said)).action(
      async (name: string, options: ClientOptions) => {
        await (await clients.queue(options)).queue(name)[verb]();
        const status = `${verb}d`;
        await (options.json ? writeJson({ status }) : writeLine(`${name} is ${status}.`));
      },
    );
  }

  for (const [verb, said, status] of [
    ['purge', 'remove all messages of a queue', 'purged'],
    ['delete', 'remove a queue with its messages and schedules', 'deleted'],
  ] as const) {
    withOutput(queue.command(`${verb} <queue>`).description(said))
      .option('--yes', 'do not ask')
      .action(async (name: string, options: Confirmed) => {
        const found = (await clients.queue(options)).queue(name);
        const { ready, delayed, inFlight } = (await found.inspect()).stats;
        clients.answered('queue');
        await confirm(`${verb} ${name} with ${ready + delayed + inFlight} messages`, options.yes);
        await found[verb]();
        await (options.json ? writeJson({ status }) : writeLine(`${name} is ${status}.`));
      });
  }
}

/** What a queue is configured to; nothing when there is none. */
async function configurationOf(queues: QueueClient, name: string): Promise<QueueChanges> {
  try {
    const {
      name: _name,
      paused: _paused,
      stats: _stats,
      ...configuration
    }: QueueState = await queues.queue(name).inspect();
    return configuration;
  } catch (error) {
    if (error instanceof NotFoundError) return {};
    throw error;
  }
}
