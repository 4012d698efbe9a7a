import { expirePath, expireTags } from '@syncline/next';
import { revalidatePath, revalidateTag } from 'next/cache';

const WAYS = {
  tag: () => expireTags('posts'),
  path: () => expirePath('/', 'layout'),
  nextTag: async () => revalidateTag('posts', { expire: 0 }),
  nextPath: async () => revalidatePath('/', 'layout'),
};

export async function POST(request) {
  await WAYS[new URL(request.url).searchParams.get('how')]();
  return new Response('done');
}
