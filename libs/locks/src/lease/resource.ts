/** What the name of a resource stands for. Locks and semaphores have names of their own. */
export type Kind = 'lock' | 'semaphore';

/** Kind and name of a resource as one text: `l/invoice-42`, `s/downloads`. */
export const resourceKey = (kind: Kind, name: string): string => `${kind === 'lock' ? 'l' : 's'}/${name}`;
export const kindOf = (key: string): Kind => (key.startsWith('l/') ? 'lock' : 'semaphore');
export const resourceName = (key: string): string => key.slice(2);
