import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const GRANTED = /^ACL SETUSER syncline (.*)$/m.exec(readFileSync('docs/operations.md', 'utf8'))?.[1] ?? '';
/** The rights that the page of operations tells to grant, in a namespace. */
const RIGHTS = GRANTED.replace('~syncline:*', '~billing:syncline:*').replace(
  '&syncline.*',
  '&billing:syncline.*',
);

/** Nodes as a user with the rights that the page of operations grants, in a namespace of their own. */
export const LEAST_RIGHTS = { SYNCLINE_NAMESPACE: 'billing' };

/** The URL of that user. */
export const asLeastUser = (url: string) => url.replaceAll('redis://', 'redis://syncline:PASSWORD@');

export const grantLeastRights = (admin: Redis) =>
  admin.call('ACL', 'SETUSER', 'syncline', ...RIGHTS.split(' '));

/** What was refused, and what lies outside of the namespace: nothing is to be. */
export async function breachesOf(admin: Redis): Promise<unknown[]> {
  const refused = (await admin.call('ACL', 'LOG')) as unknown[];
  const keys = (await admin.keys('*')).filter((key) => !key.startsWith('billing:syncline:'));
  const channels = (await admin.pubsub('CHANNELS')) as string[];
  const libraries = ((await admin.function('LIST')) as unknown[][]).map(([, name]) => String(name));
  return [
    ...refused,
    ...keys,
    ...channels.filter((channel) => !channel.startsWith('billing:syncline.')),
    ...libraries.filter((name) => !/^syncline_[a-z]+_billing_[0-9a-f]{16}$/.test(name)),
  ];
}
