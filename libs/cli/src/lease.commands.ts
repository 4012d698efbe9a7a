import { type Command, Option } from 'commander';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import { duration, durationOrForever } from './duration.js';
import { writeJson, writeLine } from './output.js';

/** Options of a command that acquires a lock. */
export interface HoldOptions extends ClientOptions {
  readonly wait: number;
  readonly ttl: number;
  readonly owner?: string;
  readonly shared?: boolean;
}

/** Adds the options of {@link HoldOptions}. @param ttl what the TTL means */
export const withHold = (command: Command, ttl: string): Command =>
  command
    .addOption(
      new Option('--wait <duration>', 'how long to wait for the lock, or forever')
        .argParser(durationOrForever)
        .default(0, 'not at all'),
    )
    .addOption(ttlOption(ttl))
    .option('--owner <owner>', 'owner that others see (default: host, process and lease)')
    .option('--shared', 'take a shared lock: other shared holders can hold it too');

const ttlOption = (meaning: string): Option =>
  new Option('--ttl <duration>', meaning).argParser(duration).default(30_000, '30s');

/** A request for a lock, as the client takes it. */
export const wishOf = ({ wait, ttl, owner, shared }: HoldOptions) =>
  ({
    waitMs: wait,
    ttlMs: ttl,
    mode: shared ? 'shared' : 'exclusive',
    ...(owner === undefined ? {} : { owner }),
  }) as const;

/** Commands for leases that outlive the command: for what starts in one place and ends in another. */
export function addLeaseCommands(lock: Command, clients: Clients): void {
  withHold(
    withOutput(
      lock
        .command('acquire <name>')
        .description('acquire a lock, and leave it held until it is released or --ttl is over'),
    ),
    'how long the lock stays held; nothing renews it',
  )
    .addHelpText('after', '\nTo hold a lock while a command runs, use: syncline lock run')
    .action(async (name: string, options: HoldOptions) => {
      await using locks = await clients.lock(options);
      const { grant } = await locks.acquire(name, wishOf(options));
      if (options.json) return writeJson(grant);
      const { leaseId, fencingToken, expiresAt } = grant;
      return writeLine(
        `Acquired ${name} until ${expiresAt}, lease ${leaseId}, fencing token ${fencingToken}.`,
      );
    });

  withOutput(lock.command('extend <name> <lease>').description('give a lease --ttl from now on'))
    .addOption(ttlOption('how long the lock stays held from now on'))
    .action(async (name: string, leaseId: string, options: ClientOptions & { ttl: number }) => {
      const locks = await clients.lock(options);
      const lease = await locks.extend(name, leaseId, options.ttl);
      await (options.json ? writeJson(lease) : writeLine(`Extended ${name} until ${lease.expiresAt}.`));
    });
}
