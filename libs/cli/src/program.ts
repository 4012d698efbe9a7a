import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCacheCommands } from './cache.commands.js';
import { addClusterCommand } from './cluster.command.js';
import { EXIT_CODES_HELP } from './exit-codes.js';
import { addLockCommands } from './lock.commands.js';
import { type Environment, NODES_HELP, Nodes } from './nodes.js';
import { addQueueCommands } from './queue.commands.js';

/** The `syncline` command with all that it can do. Wrong arguments are told on stderr and thrown as `CommanderError`. */
export function makeProgram(environment: Environment): Command {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const program = new Command('syncline')
    .description('Locks, queues and caches of Syncline, from a shell.')
    .version(version)
    .addHelpText('after', `${NODES_HELP}\n${EXIT_CODES_HELP}`)
    // Before the commands are added: they inherit the rest.
    .showHelpAfterError('(--help says more)')
    .configureOutput({ outputError: (text, writeError) => writeError(text.replace(/^error/, 'syncline')) })
    .exitOverride();
  const nodes = new Nodes(environment);
  addLockCommands(program, nodes, environment);
  addQueueCommands(program, nodes);
  addCacheCommands(program, nodes);
  addClusterCommand(program, nodes);
  return program;
}
