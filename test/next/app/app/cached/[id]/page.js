import { cacheTag } from 'next/cache';
import { fetchValue } from '../../value.js';

export const dynamic = 'force-dynamic';

async function cached(id) {
  'use cache';
  cacheTag('posts');
  return fetchValue(`cached-${id}`);
}

export default async function Cached({ params }) {
  const { id } = await params;
  return <p>{await cached(id)}</p>;
}
