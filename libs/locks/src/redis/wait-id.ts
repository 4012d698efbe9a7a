/** Where the resource keys begin in a wait id: after a lease id and a slash. */
const KEYS_AT = 37;

/** Names a waiting request in Redis: `<lease id>/<key>,<key>`. The scripts read from it what the request waits for. */
export const waitId = (leaseId: string, keys: readonly string[]): string => `${leaseId}/${keys.join(',')}`;
export const leaseOfWait = (id: string): string => id.slice(0, KEYS_AT - 1);
export const keysOfWait = (id: string): string[] => id.slice(KEYS_AT).split(',');
