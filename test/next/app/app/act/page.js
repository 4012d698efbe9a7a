import * as cache from 'next/cache';

export const dynamic = 'force-dynamic';

async function act() {
  'use server';
  // Next 15 has no `updateTag`.
  (cache.updateTag ?? cache.revalidateTag)('posts');
}

export default function Act() {
  return (
    <form action={act}>
      <button type="submit">Revalidate</button>
    </form>
  );
}
