import { setTimeout as sleep } from 'node:timers/promises';
import { type Lease, LeaseLostError } from '@syncline/client';
import type { Command } from 'commander';
import { type Clients, type Environment, withClient } from './clients.js';
import { CommandGroup, exitCodeOfSignal } from './command-group.js';
import { duration, inWords } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { type HoldOptions, wishOf, withHold } from './lease.commands.js';
import { LeaseGuard } from './lease-guard.js';
import { say } from './output.js';
import { FORWARDED, HARMLESS } from './signals.js';

const LONGEST_DEFAULT_GRACE_MS = 10_000;
/** Time to release what was lost: perhaps others wait for it. */
const RELEASE_MS = 500;

interface RunOptions extends HoldOptions {
  readonly grace?: number;
}

const HELP = `
The command gets SYNCLINE_LOCK_NAME, SYNCLINE_FENCING_TOKEN and SYNCLINE_LEASE_ID in its environment. When the lease is
lost, or syncline is killed, the command and everything that it started get SIGTERM, and SIGKILL after the grace period,
before another owner can get the lock (except after a force release). Every signal that can be caught is passed on to the
command, but Ctrl-Z does not stop it. Exit codes: the code of the command; 75 the lock was not available; 79 the lease was
lost; 69 no node, or no Redis, was reached; 126, 127 and 128 + n as in a shell.`;

export function addLockRun(lock: Command, clients: Clients, environment: Environment): void {
  withHold(
    withClient(lock.command('run <name> <command...>').description('run a command while holding a lock')),
    'how long the lock stays held if syncline dies; renewed until then',
  )
    .usage('[options] <name> -- <command...>')
    .option(
      '--grace <duration>',
      'time between SIGTERM and SIGKILL (default: a quarter of --ttl, at most 10s)',
      duration,
    )
    .addHelpText('after', HELP)
    .action(async (name: string, commandLine: string[], options: RunOptions) => {
      process.exitCode = await runUnderLock(clients, name, commandLine, options, environment);
    });
}

/** Returns the exit code of the command. */
async function runUnderLock(
  clients: Clients,
  name: string,
  commandLine: readonly string[],
  options: RunOptions,
  environment: Environment,
): Promise<number> {
  const graceMs = graceOf(options);
  const interruption = new AbortController();
  let command: CommandGroup | undefined;
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (command !== undefined) command.signal(signal);
      else if (!HARMLESS.has(signal))
        interruption.abort(new Failure(`ended by ${signal}`, exitCodeOfSignal(signal)));
    });
  }
  // A stopped process cannot renew, and the command would continue without the lock.
  process.on('SIGTSTP', () => undefined);

  const interrupted = new Promise<never>((_, reject) => {
    interruption.signal.addEventListener('abort', () => reject(interruption.signal.reason));
  });
  const locks = await Promise.race([clients.lock(options), interrupted]);
  const lease = await locks.acquire(name, { ...wishOf(options), signal: interruption.signal });
  clients.answered('lock');
  try {
    interruption.signal.throwIfAborted();
    const started = new CommandGroup(commandLine, { ...environment, ...variablesOf(lease) }, graceMs);
    command = started;
    const guard = new LeaseGuard(lease, graceMs, (why) => {
      say(`the lease of ${name} was lost. ${why} Ending the command.`);
      started.stop();
    });
    const code = await started.ended.finally(() => guard.end());
    if (!guard.isLost) return await released(lease, code);
    // Perhaps nothing can be reached.
    await Promise.race([lease[Symbol.asyncDispose](), sleep(RELEASE_MS)]);
    return EXIT.leaseLost;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

/** Releases the lease and returns the exit code. */
async function released(lease: Lease, code: number): Promise<number> {
  try {
    await lease.release();
  } catch (error) {
    if (error instanceof LeaseLostError && code === EXIT.ok) {
      throw new Failure(
        `the command succeeded, but the lease of ${lease.name} was lost before it ended`,
        EXIT.leaseLost,
      );
    }
    const why = error instanceof Error ? error.message : String(error);
    say(`could not release ${lease.name}; it is free after ${inWords(lease.grant.ttlMs)} at most: ${why}`);
  }
  return code;
}

function graceOf({ ttl, grace }: RunOptions): number {
  if (grace === undefined) return Math.min(ttl / 4, LONGEST_DEFAULT_GRACE_MS);
  // The lease is renewed at a third of its TTL: a longer grace period would start before the next renewal.
  if (grace > ttl / 2) throw new Failure('--grace: expected at most half of --ttl', EXIT.usage);
  return grace;
}

const variablesOf = ({ name, fencingToken, leaseId }: Lease): Environment => ({
  SYNCLINE_LOCK_NAME: name,
  SYNCLINE_FENCING_TOKEN: fencingToken,
  SYNCLINE_LEASE_ID: leaseId,
});
