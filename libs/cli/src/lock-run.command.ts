import { type Lease, LeaseLostError, type LockClient } from '@syncline/client';
import { type Command, Option } from 'commander';
import { CommandGroup, exitCodeOfSignal } from './command-group.js';
import { duration, durationOrForever, inWords } from './duration.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { LeaseGuard } from './lease-guard.js';
import { type Environment, type NodeOptions, type Nodes, withNodes } from './nodes.js';
import { say } from './output.js';
import { FORWARDED, HARMLESS } from './signals.js';

const LONGEST_DEFAULT_GRACE_MS = 10_000;

interface RunOptions extends NodeOptions {
  readonly wait: number;
  readonly ttl: number;
  readonly grace?: number;
  readonly owner?: string;
  readonly shared?: boolean;
}

const HELP = `
The command finds SYNCLINE_LOCK_NAME, SYNCLINE_FENCING_TOKEN and SYNCLINE_LEASE_ID in its environment. It is ended when
the lease is lost, or syncline is killed: SIGTERM, and SIGKILL after the grace period, to it and all that it started,
before the lock can be somebody else's (a force release aside). Every signal that can be caught is passed on to it, but
Ctrl-Z does not stop it. Exit codes: the command's own; 75 the lock was not available; 79 the lease was lost; 69 no node was
reached; 126, 127 and 128 + n as in a shell.`;

export function addLockRun(lock: Command, nodes: Nodes, environment: Environment): void {
  withNodes(lock.command('run <name> <command...>').description('run a command while holding a lock'))
    .usage('[options] <name> -- <command...>')
    .addOption(
      new Option('--wait <duration>', 'how long to wait for the lock, or forever')
        .argParser(durationOrForever)
        .default(0, 'not at all'),
    )
    .addOption(
      new Option('--ttl <duration>', 'how long the lock outlives us, should we die; renewed meanwhile')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .option(
      '--grace <duration>',
      'between SIGTERM and SIGKILL (default: a quarter of --ttl, at most 10s)',
      duration,
    )
    .option('--owner <owner>', 'shown to whoever looks at the lock (default: host, process and lease)')
    .option('--shared', 'together with other shared holders')
    .addHelpText('after', HELP)
    .action(async (name: string, commandLine: string[], options: RunOptions) => {
      process.exitCode = await runUnderLock(nodes.lock(options), name, commandLine, options, environment);
    });
}

/** Returns the exit code of the command. */
async function runUnderLock(
  locks: LockClient,
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
  // Stopped, we could not renew, and the command would go on without the lock.
  process.on('SIGTSTP', () => undefined);

  const lease = await locks.acquire(name, {
    waitMs: options.wait,
    ttlMs: options.ttl,
    mode: options.shared ? 'shared' : 'exclusive',
    signal: interruption.signal,
    ...(options.owner === undefined ? {} : { owner: options.owner }),
  });
  try {
    interruption.signal.throwIfAborted();
    const started = new CommandGroup(commandLine, { ...environment, ...variablesOf(lease) }, graceMs);
    command = started;
    const guard = new LeaseGuard(lease, graceMs, (why) => {
      say(`the lease of ${name} was lost. ${why} The command is being ended.`);
      started.stop();
    });
    const code = await started.ended.finally(() => guard.end());
    if (!guard.isLost) return await released(lease, code);
    // Without waiting for it: perhaps no node is there to be told.
    void lease[Symbol.asyncDispose]();
    return EXIT.leaseLost;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

/** The exit code, once the lease is given back. */
async function released(lease: Lease, code: number): Promise<number> {
  try {
    await lease.release();
  } catch (error) {
    if (error instanceof LeaseLostError && code === EXIT.ok) {
      throw new Failure(
        `the command ended well, but the lease of ${lease.name} was lost before`,
        EXIT.leaseLost,
      );
    }
    const why = error instanceof Error ? error.message : String(error);
    say(`${lease.name} could not be released, it is free in ${inWords(lease.grant.ttlMs)} at most: ${why}`);
  }
  return code;
}

function graceOf({ ttl, grace }: RunOptions): number {
  if (grace === undefined) return Math.min(ttl / 4, LONGEST_DEFAULT_GRACE_MS);
  // Renewed at a third of it: a longer grace would begin before the next renewal.
  if (grace > ttl / 2) throw new Failure('--grace: expected at most half of --ttl', EXIT.usage);
  return grace;
}

const variablesOf = ({ name, fencingToken, leaseId }: Lease): Environment => ({
  SYNCLINE_LOCK_NAME: name,
  SYNCLINE_FENCING_TOKEN: fencingToken,
  SYNCLINE_LEASE_ID: leaseId,
});
