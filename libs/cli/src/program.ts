import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addApplyCommand } from './apply.command.js';
import { addCacheCommands } from './cache.commands.js';
import { CLIENTS_HELP, type Clients, type Environment } from './clients.js';
import { addClusterCommand } from './cluster.command.js';
import { addCompletionCommand } from './completion.command.js';
import { EXIT_CODES_HELP } from './exit-codes.js';
import { addKeysCommands } from './keys.commands.js';
import { addLockCommands } from './lock.commands.js';
import { addQueueCommands } from './queue.commands.js';
import { addScheduleCommands } from './schedule.commands.js';
import { addSemaphoreCommands } from './semaphore.commands.js';
import { addSessionCommands } from './session.commands.js';

/** The `syncline` program with all its commands. Prints invalid arguments to stderr and throws a `CommanderError`. */
export function makeProgram(clients: Clients, environment: Environment): Command {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const program = new Command('syncline')
    .description('Use the locks, queues and caches of Syncline from a shell.')
    .version(version)
    .addHelpText('after', `${CLIENTS_HELP}\n${EXIT_CODES_HELP}`)
    // Set before the commands are added, because they inherit it.
    .showHelpAfterError('(see --help)')
    .configureOutput({ outputError: (text, writeError) => writeError(text.replace(/^error/, 'syncline')) })
    .exitOverride();
  addLockCommands(program, clients, environment);
  addSemaphoreCommands(program, clients);
  addSessionCommands(program, clients);
  addQueueCommands(program, clients);
  addScheduleCommands(program, clients);
  addApplyCommand(program, clients);
  addCacheCommands(program, clients);
  addClusterCommand(program, clients);
  addKeysCommands(program);
  addCompletionCommand(program);
  return program;
}
