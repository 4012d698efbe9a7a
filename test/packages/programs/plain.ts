import { LockHeldError } from '@syncline/client';
import { embed } from '@syncline/embedded';
import { KeyvSyncline } from '@syncline/keyv';
import { Keyv } from 'keyv';

/** What a user of every package without Nest does. */
export async function run(redis: string): Promise<unknown[]> {
  const syncline = await embed({ redis });
  const lease = await syncline.lock.acquire('invoice-42');
  const refusal: unknown = await syncline.lock.acquire('invoice-42').catch((error) => error);
  await lease.release();
  await syncline.queue<string>('mails').send('hello');
  const body = await new Promise<string>((resolve) => {
    syncline.worker<string>('mails', (message) => resolve(message.body));
  });
  const sessions = new Keyv<string>({ store: new KeyvSyncline(syncline, 'web') });
  await sessions.set('s-1', 'Ada');
  const kept = await sessions.get('s-1');
  await syncline.close();
  return [refusal instanceof LockHeldError, body, kept];
}
