// Two editors change the same settings. The one who writes last is told that there is a newer version.
import { Syncline, VersionMismatchError } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const settings = syncline.cache<{ theme: string }>('example-settings');
await settings.set('user-1', { theme: 'light' });

const one = await settings.getEntry('user-1');
const other = await settings.getEntry('user-1');
await settings.set('user-1', { theme: 'dark' }, { ifVersion: one?.version ?? '' });
try {
  await settings.set('user-1', { theme: 'blue' }, { ifVersion: other?.version ?? '' });
} catch (error) {
  console.log(error instanceof VersionMismatchError ? error.code : error); // version-mismatch
}
console.log((await settings.get('user-1'))?.theme); // dark
