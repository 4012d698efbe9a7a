import { sharedCaches } from './shared-cache.js';

/**
 * Revalidates tags, and returns once it is done: from then on no replica serves what it stored before. For route handlers,
 * where Next answers without waiting for its own `revalidateTag`.
 *
 * @throws when nobody can say whether they are revalidated on all replicas; call it again
 * @throws {Error} this process has no cache handler
 */
export async function expireTags(...tags: readonly string[]): Promise<void> {
  const caches = [...sharedCaches().values()];
  if (caches.length === 0)
    throw new Error('No cache handler of @syncline/next is loaded: name it in the configuration of Next');
  const encoded = tags.map(encode);
  await Promise.all(caches.map((cache) => cache.revalidate(encoded)));
}

/**
 * Leaves the cluster, so that no revalidation elsewhere waits for this process, up to a second. Call it when the process is
 * about to end; until then everything is rendered.
 */
export async function closeCaches(): Promise<void> {
  await Promise.all([...sharedCaches().values()].map((cache) => cache.close()));
}

/**
 * As {@link expireTags}, for a path, as `revalidatePath` of Next takes it.
 *
 * @param path `/posts/1`, or the pattern of a route, `/posts/[id]`, with `type`
 */
export async function expirePath(path: string, type?: 'page' | 'layout'): Promise<void> {
  await expireTags(...tagsOf(path, type));
}

/** The tags that Next itself gives to what it renders for a path. */
function tagsOf(path: string, type: 'page' | 'layout' | undefined): string[] {
  const trimmed = path === '/' ? path : path.replace(/\/$/, '');
  if (type !== undefined) return [`_N_T_${trimmed === '/' ? '' : trimmed}/${type}`];
  return trimmed === '/' || trimmed === '/index' ? ['_N_T_/', '_N_T_/index'] : [`_N_T_${trimmed}`];
}

/** As Next encodes tags for a header. */
const encode = (tag: string) => tag.replace(/[^\t\x20-\x7e]+/g, (run) => encodeURIComponent(run));
